"""The pipeline of the intrinsic dimension from chips to the findings, at a size of seconds."""

import numpy as np
import pytest
import tiny_inputs
import torch
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.running import runner
from sen2naip_sr.experiments.running.subspace import in_subspace
from sen2naip_sr.pipelines.experiments import create_pipeline
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.network import train_network
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.weights.files import load_weights

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

NAME = "intrinsic_dimension"
NETWORK = {"architecture": {"channels": 4, "blocks": 1}, "training": tiny_inputs.TRAINING}
POINTS = {"patches": 24, "patch_sides": [2], "neighbours": 2, "subsamples": 2}


def chips(folder):
    hr, lr, splits = tiny_inputs.tiny_inputs(folder)
    return hr, lr, splits.assign(location=splits["place"])


def run(folder, inputs, **changes):
    """Run the pipeline, and return what it saves by name."""
    hr, lr, splits = inputs
    own = {"dimensions": [4, 16], "architecture": None, **POINTS, **changes}
    given = {
        "hr": hr,
        "lr": lr,
        "splits": splits,
        "params:model": "lean",
        "params:preprocessing": PreprocessingParameters(),
        "params:lean": NETWORK,
        "params:evaluation": EvaluationParameters(accelerator="cpu"),
        f"params:{NAME}": IntrinsicDimensionParameters(**own),
        f"{NAME}.trainings": folder / "trainings",
    }
    datasets = {name: MemoryDataset(data, copy_mode="assign") for name, data in given.items()}
    between = [f"{NAME}.{name}" for name in ("setting",)]
    datasets |= {name: MemoryDataset(copy_mode="assign") for name in between}
    made = SequentialRunner().run(create_pipeline(NAME, ["lean"]), DataCatalog(datasets))
    return {name.partition(".")[2]: dataset.load() for name, dataset in made.items()}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dimension")
    inputs = chips(folder)
    return folder, inputs, run(folder, inputs)


def test_gives_tables_figure_and_findings(done):
    _, _, made = done
    assert made["table"]["training"].tolist() == ["4 dimensions", "16 dimensions", "all weights"]
    assert (made["table"]["steps"] == 2).all()
    kinds = set(made["estimates"]["kind"])
    assert {"LR patches, 2 x 2", "HR minus bicubic, 4 x 4", "last features"} < kinds
    assert sum(kind.startswith("check: sphere") for kind in kinds) == 2
    assert len(made["figure"].axes) == 2
    assert made["findings"].startswith("Nothing can be said: all weights (2 steps), 4 dimensions")
    assert "Intrinsic dimension of points of the training chips" in made["findings"]


def test_weights_of_a_subspace_are_those_of_the_network(done):
    folder, (_, lr, _), _ = done
    states = [
        load_weights(folder / "trainings" / name / runner.WEIGHTS)
        for name in ("all weights", "4 dimensions")
    ]
    image = torch.from_numpy(lr.chips[4][None].astype(np.float32) / 10_000)
    whole, inside = (weights.build()(image) for weights in states)
    assert not torch.equal(whole, inside)
    assert states[0].state.keys() == states[1].state.keys()


def test_what_is_done_is_not_done_again(done, monkeypatch):
    folder, inputs, made = done
    trained = []

    def counted(*arguments, **options):
        trained.append(options["wrap"])
        return trained_before(*arguments, **options)

    trained_before = runner.train_network
    monkeypatch.setattr(runner, "train_network", counted)
    again = run(folder, inputs)
    assert trained == []
    assert again["findings"] == made["findings"]
    run(folder, inputs, dimensions=[4, 8, 16])
    assert [wrap.keywords for wrap in trained] == [{"dimension": 8, "seed": 0}]


def test_test_chips_change_nothing(done, tmp_path, monkeypatch):
    _, _, made = done
    noise = tiny_inputs.random_pixels
    test_chip = tiny_inputs.SPLIT.index("test")

    def poisoned(bands, size, dtype, seed):
        pixels = noise(bands, size, dtype, seed)
        return np.zeros_like(pixels) if seed == test_chip else pixels

    monkeypatch.setattr(tiny_inputs, "random_pixels", poisoned)
    inputs = chips(tmp_path)
    assert not inputs[0].chips[test_chip].any()
    other = run(tmp_path, inputs)
    assert other["findings"] == made["findings"]
    assert other["table"].drop(columns="seconds").equals(made["table"].drop(columns="seconds"))
    assert other["estimates"].equals(made["estimates"])


class Stopped(Exception):
    pass


def stop(metrics, step):
    if step == 3:
        raise Stopped


def test_a_checkpoint_of_another_subspace_is_not_used(done, tmp_path):
    _, inputs, _ = done
    longer = {"training": {**tiny_inputs.TRAINING, "steps": 4, "checkpoint_every": 1}}
    parameters = NetworkParameters.model_validate({**NETWORK, **longer})

    def train(dimension, report=None):
        return train_network(
            *inputs,
            parameters,
            fabric=make_fabric("cpu", "32-true"),
            architecture="lean",
            checkpoint=tmp_path / "c.pt",
            report=report,
            wrap=in_subspace(dimension, 0),
        )

    for dimension, resumed in ((4, 2), (5, None), (None, None)):
        with pytest.raises(Stopped):
            train(4, stop)
        assert train(dimension)[1].resumed_from == resumed
        (tmp_path / "c.pt").unlink(missing_ok=True)
