import logging

import numpy as np
import pytest
import torch
from tiny_training import GAN, tiny_data, tiny_fabric, tiny_fit, tiny_model, tiny_parameters

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.errors import UserError
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.training import fit as fit_module
from sen2naip_sr.training import launch
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.validation import Validator

pytestmark = pytest.mark.usefixtures("one_thread")


def validations(result):
    return {e["step"]: e["validation_psnr"] for e in result.history if "validation_psnr" in e}


def scripted(monkeypatch, scores):
    """Let the validations give these scores; return the weights that each of them saw."""
    seen, scores = [], iter(scores)

    def validate(self, model, device):
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return next(scores)

    monkeypatch.setattr(Validator, "__call__", validate)
    return seen


def test_training_beats_bicubic_on_chips_it_has_not_seen():
    result = tiny_fit(steps=80, validate_every=20)
    psnr = validations(result)
    assert list(psnr) == [0, 20, 40, 60, 80]
    assert result.best_psnr > psnr[0] + 3
    assert result.best_psnr == psnr[result.best_step] == max(psnr.values())


def test_first_validation_is_the_score_of_bicubic():
    data = tiny_data()
    lr, hr = (
        torch.from_numpy(np.stack([array[chip] for chip in data.validation])).double()
        for array in (data.lr, data.hr)
    )
    upscaled = Interpolation("bicubic")(lr).round().clamp(0, 255)
    expected = float(score(upscaled, hr, data_range=255).chip["psnr"].mean())
    assert validations(tiny_fit(data, steps=1))[0] == pytest.approx(expected, abs=1e-3)


def test_returned_weights_have_the_returned_score():
    data = tiny_data()
    result = tiny_fit(data)
    model = tiny_model()
    model.load_state_dict(result.state)
    validator = Validator(data.hr, data.lr, data.validation, data.value_range, 32)
    assert validator(model, torch.device("cpu")) == pytest.approx(result.best_psnr, abs=1e-6)


def test_keeps_the_highest_psnr_neither_the_last_nor_the_lowest(monkeypatch):
    seen = scripted(monkeypatch, [20.0, 25.0, 19.0, 24.0])
    result = tiny_fit(steps=12, validate_every=4)
    assert (result.best_step, result.best_psnr, result.step) == (4, 25.0, 12)
    assert all(torch.equal(result.state[name], seen[1][name]) for name in result.state)
    assert any(not torch.equal(result.state[name], seen[3][name]) for name in result.state)


def test_a_training_that_only_gets_worse_returns_bicubic(monkeypatch):
    scripted(monkeypatch, [30.0, 29.0, 28.0, 27.0])
    result = tiny_fit()
    assert result.best_step == 0
    assert not result.state["exit.weight"].any()


def test_stops_when_patience_is_over(monkeypatch):
    scripted(monkeypatch, [20.0, 22.0, 21.0, 21.5, 40.0])
    result = tiny_fit(steps=100, validate_every=2, patience=2)
    assert (result.step, result.best_step) == (6, 2)


def test_the_last_weights_are_kept_where_they_are_asked_for(monkeypatch):
    seen = scripted(monkeypatch, [20.0, 25.0, 19.0, 18.0])
    result = tiny_fit(keep="last")
    assert (result.best_step, result.best_psnr) == (12, 18.0)
    assert all(torch.equal(result.state[name], seen[3][name]) for name in result.state)


def test_patience_waits_for_a_better_psnr_whichever_weights_are_kept(monkeypatch):
    scripted(monkeypatch, [20.0, 22.0, 21.0, 21.5, 40.0])
    result = tiny_fit(steps=100, validate_every=2, patience=2, keep="last")
    assert (result.step, result.best_step, result.best_psnr) == (6, 6, 21.5)


def test_a_collapse_stops_an_adversarial_training_and_leaves_its_checkpoint(tmp_path, monkeypatch):
    scripted(monkeypatch, [30.0, 28.0, 26.5])
    with pytest.raises(UserError, match=r"collapsed at step 8: .* 26\.50 dB from 30\.00 dB"):
        tiny_fit(checkpoint=tmp_path / "c.pt", checkpoint_every=3, batch_size=2, **GAN)
    saved = torch.load(tmp_path / "c.pt", weights_only=True)
    assert saved["step"] == 6
    assert saved["parts"]["adversary"]["discriminator"]


def test_history_says_what_was_measured_when():
    reported = []
    result = tiny_fit(
        steps=7, log_every=3, validate_every=6, report=lambda m, step: reported.append((step, m))
    )
    assert [entry["step"] for entry in result.history] == [0, 3, 6, 7]
    assert [{"step": step, **metrics} for step, metrics in reported] == result.history
    logged = {
        "loss",
        "learning_rate",
        "gradient_l2",
        "weight_l2",
        "near_zero_gradients",
        "update_to_weight",
        "weight_snr",
        "fisher_trace",
    }
    # the noise scale is left out where the noise hides the gradient
    assert [set(entry) - {"step", "noise_scale"} for entry in result.history] == [
        {"validation_psnr"},
        logged,
        logged | {"validation_psnr"},
        {"validation_psnr"},
    ]
    assert all(np.isfinite(list(entry.values())).all() for entry in result.history)


def test_learning_rate_warms_up_and_ends_near_its_final_share():
    history = tiny_fit(
        steps=20, log_every=1, learning_rate=1e-3, schedule={"warmup_steps": 5, "final": 0.1}
    ).history
    rates = [entry["learning_rate"] for entry in history if "learning_rate" in entry]
    assert rates[0] == pytest.approx(0.2e-3)
    assert 4 <= int(np.argmax(rates)) <= 5
    assert rates[-1] == pytest.approx(0.1e-3, rel=0.1)


def test_minutes_bound_the_training_and_end_with_a_validation():
    result = tiny_fit(steps=None, minutes=0.01, validate_every=10**6)
    assert 0.6 <= result.seconds < 10
    assert list(validations(result)) == [0, result.step]
    assert result.step > 0


def test_same_seed_same_weights_other_seed_other_weights():
    first, again, other = tiny_fit(seed=1), tiny_fit(seed=1), tiny_fit(seed=2)
    assert all(torch.equal(first.state[name], again.state[name]) for name in first.state)
    assert any(not torch.equal(first.state[name], other.state[name]) for name in first.state)


def test_invalid_pixels_stop_it_by_name_and_leave_the_last_checkpoint(tmp_path):
    good = tiny_data(np.float32)
    hr = np.stack(list(good.hr))
    hr[3] = np.nan
    data = TrainingData(ShardedArray([hr]), good.lr, good.train, good.validation, (0, 255))
    steps = []
    with pytest.raises(UserError, match=r"at step (\d+): the loss is nan.*chips .*\b3\b") as error:
        tiny_fit(
            data,
            batch_size=1,
            steps=200,
            checkpoint_every=1,
            log_every=1,
            checkpoint=tmp_path / "c.pt",
            report=lambda metrics, step: steps.append(step),
        )
    assert f"at step {steps[-1] + 1}:" in str(error.value)
    assert steps[-1] > 0
    saved = torch.load(tmp_path / "c.pt", weights_only=True)
    assert saved["step"] == steps[-1]
    assert all(tensor.isfinite().all() for tensor in saved["parts"]["model"].values())


def test_invalid_validation_chips_are_named_before_training():
    good = tiny_data(np.float32)
    hr = np.stack(list(good.hr))
    hr[7] = np.nan
    data = TrainingData(ShardedArray([hr]), good.lr, good.train, good.validation, (0, 255))
    with pytest.raises(UserError, match=r"validation PSNR .* chips 6, 7"):
        tiny_fit(data)


def test_a_damaged_checkpoint_starts_anew(tmp_path, caplog):
    (tmp_path / "c.pt").write_bytes(b"PK half a file")
    result = tiny_fit(checkpoint=tmp_path / "c.pt")
    assert result.resumed_from is None
    assert "damaged" in caplog.text
    assert all(torch.equal(result.state[n], t) for n, t in tiny_fit().state.items())


def test_a_finished_training_leaves_no_checkpoint(tmp_path):
    tiny_fit(checkpoint=tmp_path / "c.pt", checkpoint_every=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_the_network_sees_its_input_in_float32(precision, monkeypatch):
    trained, scored = [], []

    def note(module, dtype):
        (trained if module.training else scored).append(dtype)

    def build():
        model = tiny_model()
        model.register_forward_pre_hook(lambda module, inputs: note(module, inputs[0].dtype))
        model.entry.register_forward_hook(lambda module, _, output: note(module, output.dtype))
        return model

    monkeypatch.setattr("tiny_training.tiny_model", build)
    tiny_fit(precision=precision, steps=1)
    inner = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    assert trained == [torch.float32, inner]
    assert set(scored) == {torch.float32}


def test_bfloat16_training_beats_bicubic_too():
    result = tiny_fit(precision="bf16-mixed", steps=60, validate_every=30)
    assert result.best_psnr > validations(result)[0] + 2


def test_auto_precision_follows_the_device(monkeypatch):
    for available, precision in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(launch, "has_bfloat16", lambda device, a=available: a)
        auto = tiny_fit(precision="auto", steps=4)
        named = tiny_fit(precision=precision, steps=4)
        assert all(torch.equal(auto.state[n], tensor) for n, tensor in named.state.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "16-mixed"},
        pytest.param(
            {"accelerator": "mps"},
            marks=pytest.mark.skipif(torch.backends.mps.is_available(), reason="has mps"),
        ),
    ],
)
def test_what_the_device_cannot_do_is_named(changes):
    with pytest.raises(UserError, match="not available"):
        tiny_fit(**changes)


def test_fabric_is_quiet(caplog, recwarn):
    with caplog.at_level(logging.INFO):
        tiny_fit(precision="bf16-mixed", steps=1)
    assert [record.name for record in caplog.records if "lightning" in record.name] == []
    assert [str(warning.message) for warning in recwarn] == []


class Follower:
    """The Fabric of a process that is not of rank zero, with nobody to talk to."""

    is_global_zero = False

    def __init__(self, fabric):
        self._fabric = fabric

    def __getattr__(self, name):
        return getattr(self._fabric, name)


def test_off_rank_zero_a_training_is_silent_and_writes_nothing(tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise AssertionError("only rank zero reports")

    monkeypatch.setattr(fit_module, "save_checkpoint", fail)
    others = tmp_path / "of rank zero.pt"
    others.touch()
    follower = Follower(tiny_fabric(tiny_parameters()))
    model = tiny_model()
    result = fit_module.fit(
        model,
        tiny_data(),
        tiny_parameters(checkpoint_every=1),
        follower,
        checkpoint=others,
        report=fail,
        observe=fail,
    )
    assert others.exists()
    assert "Training" not in capsys.readouterr().err
    leader = tiny_model()
    assert validations(result) == validations(tiny_fit(model=leader))
    assert all(torch.equal(t, leader.state_dict()[n]) for n, t in model.state_dict().items())
