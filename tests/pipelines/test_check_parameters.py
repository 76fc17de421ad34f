"""What is refused before any node runs."""

import pytest
from omegaconf import OmegaConf

from sen2naip_sr.errors import UserError
from sen2naip_sr.pipelines.parameters import check_parameters

VALID = {
    "ingestion": {"source": "sample"},
    "carn": {"architecture": {"channels": 8}, "training": {"steps": 3}},
}


def changed(path, value):
    values = OmegaConf.create(VALID)
    OmegaConf.update(values, path, value, force_add=True)
    return OmegaConf.to_container(values)


def test_valid_parameters_pass():
    check_parameters(VALID)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("ingestoin.source", "sample", "'ingestoin': did you mean 'ingestion'?"),
        ("carn.trainnig", {}, "'trainnig': did you mean 'training'?"),
        (
            "carn.training.stepz",
            3,
            "carn.training: unknown parameter 'stepz': did you mean 'steps'",
        ),
        ("carn.architecture.chanels", 3, "'chanels': did you mean 'channels'?"),
        ("carn.architecture.channels", "many", "carn.architecture.channels: Input should be"),
        ("carn.architecture.channels", 0, "carn.architecture.channels: Input should be greater"),
        ("carn.training.steps", None, "give 'steps' or 'minutes'"),
        (
            "carn.training.distributed.processes",
            "two",
            "carn.training.distributed.processes: Input should be 'auto' or a valid integer",
        ),
        ("carn.training.learning_rate", "fast", "carn.training.learning_rate: Input should be"),
        ("ingestion.source", "sampel", "ingestion.source: unknown source 'sampel'"),
        ("ingestion.source", "directory", "ingestion: source 'directory' needs a path"),
        ("ingestion.chip_size", 33, "chip_size 33 is odd"),
        ("preprocessing.recipe", "bicubic", "preprocessing.recipe: Input should be"),
        ("preprocessing.splits.fold", 3, "'fold': did you mean 'folds'?"),
        ("evaluation.chips", 0, "evaluation.chips: Input should be greater"),
        ("runs", {"a": 1}, "runs: {'a': 1} is not a list of runs"),
        ("runs", 0.5, "runs: 0.5 is not a list of runs"),
        ("run", "a;b", "'run': did you mean 'runs'?"),
        (
            "comparing.metric",
            "pnsr",
            "comparing.metric: unknown metric 'pnsr': did you mean 'psnr'",
        ),
        ("comparing.alpha", 0, "comparing.alpha: Input should be greater"),
        ("comparing.permutation", 9, "'permutation': did you mean 'permutations'?"),
        ("carn", None, "carn: "),
    ],
)
def test_wrong_ones_are_named_with_what_would_be_right(path, value, said):
    with pytest.raises(UserError) as caught:
        check_parameters(changed(path, value))
    assert said in caught.value.problem
    assert "nothing has been run" in caught.value.remedy


def test_all_problems_are_listed_at_once():
    wrong = {"ingestion": {"sauce": 1}, "evaluation": {"chips": "x"}, "unknown": {}}
    with pytest.raises(UserError) as caught:
        check_parameters(wrong)
    for part in ("'sauce'", "evaluation.chips", "'unknown'"):
        assert part in caught.value.problem
