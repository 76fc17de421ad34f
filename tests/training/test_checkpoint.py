import logging

import pytest
import torch

from sen2naip_sr.training.checkpoint import (
    TrainingState,
    differences,
    load_checkpoint,
    save_checkpoint,
)

FINGERPRINT = {"training": {"steps": 5, "betas": (0.9, 0.99)}, "data": "abc"}


class Nothing:
    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        assert state_dict == {}


def training_state(seed=0):
    torch.manual_seed(seed)
    model, average = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    parts = {"model": model, "ema": average, "optimizer": optimizer, "precision": Nothing()}
    state = TrainingState(parts)
    state.step, state.losses, state.history = 7, {"loss": [0.5]}, [{"step": 5, "loss": 0.25}]
    state.keep(31.5, average, only_if_best=True)
    return state


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "made" / "checkpoint.pt"
    save_checkpoint(path, training_state().checkpoint(FINGERPRINT, elapsed=12.5))
    return path


def assert_equal(found, expected):
    """Compare nested states of tensors bit for bit."""
    if isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_equal(found[key], value)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    else:
        assert found == expected


def test_round_trip_restores_everything(path):
    state = training_state(seed=1)
    saved = load_checkpoint(path, FINGERPRINT)
    assert saved["elapsed"] == 12.5
    state.restore(saved)
    expected = training_state(seed=0)
    assert_equal(state.checkpoint({}, 0.0), expected.checkpoint({}, 0.0))


def test_missing_file_is_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path / "none.pt", {}) is None


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_truncated_file_counts_as_none_and_is_logged(path, share, caplog):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert load_checkpoint(path, FINGERPRINT) is None
    assert "checkpoint.pt is damaged" in caplog.text


@pytest.mark.parametrize("content", [b"no checkpoint", b"\x80\x02}q\x00."])
def test_other_content_counts_as_none_and_is_logged(path, content, caplog):
    path.write_bytes(content)
    assert load_checkpoint(path, FINGERPRINT) is None
    assert "training restarts" in caplog.text


def test_never_runs_code_of_a_file(path, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (tmp_path / "run").write_text, ("code of the file was run",)

    torch.save({"fingerprint": Malicious()}, path)
    assert load_checkpoint(path, FINGERPRINT) is None
    assert not (tmp_path / "run").exists()


def test_other_fingerprint_is_ignored_and_says_what_differs(path, caplog):
    other = {"training": {"steps": 6, "betas": [0.9, 0.99]}, "split": "x"}
    with caplog.at_level(logging.INFO):
        assert load_checkpoint(path, other) is None
    assert "data: was abc, is not given" in caplog.text
    assert "split: was not given, is x" in caplog.text
    assert "training.steps: was 5, is 6" in caplog.text
    assert "betas" not in caplog.text


def test_differences_of_equal_fingerprints_are_none():
    assert differences(FINGERPRINT, FINGERPRINT) == []


def test_only_a_higher_psnr_is_better():
    state = training_state()
    before = state.best
    for psnr in (31.5, 20.0, float("nan")):
        state.keep(psnr, state.parts["model"], only_if_best=True)
        assert state.best is before
    state.keep(31.6, state.parts["model"], only_if_best=True)
    assert (state.best["psnr"], state.best["step"]) == (31.6, 7)


def test_the_last_weights_are_kept_where_asked_for():
    state = training_state()
    state.step = 9
    state.keep(20.0, state.parts["model"], only_if_best=False)
    assert (state.best["psnr"], state.best["step"]) == (20.0, 9)


def test_losses_are_averaged_and_begin_anew():
    state = training_state()
    state.log_losses({"loss": 1.5, "loss_l1": 4.0})
    assert state.mean_losses() == {"loss": 1.0, "loss_l1": 4.0}
    assert state.mean_losses() == {}


def test_best_weights_do_not_follow_the_network():
    state = training_state()
    state.keep(40.0, state.parts["model"], only_if_best=True)
    kept = state.best["state"]["weight"].clone()
    torch.nn.init.zeros_(state.parts["model"].weight)
    assert torch.equal(state.best["state"]["weight"], kept)


@pytest.mark.parametrize(
    ("patience", "validations", "expected"),
    [(None, 9, False), (3, 2, False), (3, 3, True), (3, 4, True), (1, 1, True), (1, 0, False)],
)
def test_patience_counts_validations_since_the_best(patience, validations, expected):
    state = training_state()
    earlier = [{"step": step, "validation_psnr": 28.0 + step / 2} for step in (0, 2, 4)]
    later = [{"step": 5 + n, "validation_psnr": 29.0} for n in range(validations)]
    state.history = [*earlier, *later, {"step": 50, "loss": 0.1}]
    assert state.is_enough(patience, None) is expected
