import logging
from dataclasses import replace

import pytest
import torch
from tiny_inputs import ARCHITECTURE, tiny_inputs, train

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.errors import UserError
from sen2naip_sr.pipelines.parameters import check_parameters
from sen2naip_sr.training.validation import Validator
from sen2naip_sr.weights import shipped
from sen2naip_sr.weights.files import load_weights, save_weights

GAN = {
    "losses": {"l1": 1.0, "adversarial": 0.01},
    "adversarial": {"discriminator": "patch", "channels": 4, "ramp_steps": 1},
    "keep": "last",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    """Return weights that are not those of an untrained network."""
    folder = tmp_path_factory.mktemp("trained")
    return train(inputs, folder, learning_rate=0.01, keep="last")[0]


def train_gan(inputs, folder, generators, start_from=None, **changes):
    return train(inputs, folder, "gan", start_from, generators, **(GAN | changes))


def saved(weights, path):
    save_weights(path, weights.state, weights.metadata)
    return path


def first_validation(history):
    return history.loc[history["step"] == 0, "validation_psnr"].item()


def test_weights_say_what_they_were_made_of(inputs, tmp_path):
    weights, history = train(inputs, tmp_path)
    known = weights.metadata
    assert (known.architecture, known.architecture_parameters) == ("carn", ARCHITECTURE)
    assert (known.bands, known.dtype, known.value_range) == (3, "uint16", (0, 10_000))
    assert (known.recipe, known.data_hash) == ("area@1", "content")
    assert known.split_hash == split_hash(inputs[2])
    assert known.train_places == ["a", "b"]
    assert known.synthetic is False
    assert known.started_from is None
    assert known.training["steps"] == 2
    best = history.loc[history["validation_psnr"].idxmax()]
    assert (known.step, known.validation_psnr) == (best["step"], best["validation_psnr"])
    assert weights.build()(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)


def test_equal_inputs_give_equal_weights_and_another_seed_others(inputs, tmp_path):
    def state(seed):
        weights, history = train(inputs, tmp_path, seed=seed)
        return history["loss"].dropna().tolist(), weights.state

    losses, first = state(0)
    again_losses, again = state(0)
    assert losses == again_losses
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert state(1)[0] != losses


def test_every_validation_is_logged(inputs, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "sen2naip_sr"):
        train(inputs, tmp_path)
    said = [r.message for r in caplog.records if "on the validation chips" in r.message]
    assert [message.partition(":")[0] for message in said] == [
        "carn, step 0",
        "carn, step 1",
        "carn, step 2",
    ]


def test_goes_on_from_the_weights_of_a_file(inputs, trained, tmp_path):
    path = saved(trained, tmp_path / "w.safetensors")
    weights, history = train(inputs, tmp_path, start_from=path, seed=1)
    assert first_validation(history) == pytest.approx(trained.metadata.validation_psnr, abs=1e-4)
    assert weights.metadata.started_from == trained.label
    assert weights.metadata.architecture_parameters == trained.metadata.architecture_parameters


def test_shipped_weights_are_started_from_by_that_name(inputs, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(UserError, match="no weights of 'carn' are shipped"):
        train(inputs, tmp_path, start_from="shipped")
    saved(trained, tmp_path / "carn.safetensors")
    weights, history = train(inputs, tmp_path, start_from="shipped")
    assert first_validation(history) == pytest.approx(trained.metadata.validation_psnr, abs=1e-4)
    assert weights.metadata.started_from == trained.label


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "unet"}, "weights of 'unet', and a training of 'carn' cannot start"),
        ({"bands": 4}, "weights for images of 4 bands, and the data have 3"),
    ],
)
def test_weights_of_something_else_are_not_started_from(inputs, trained, tmp_path, changes, said):
    other = replace(trained, metadata=trained.metadata.model_copy(update=changes))
    path = saved(other, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=said) as caught:
        train(inputs, tmp_path, start_from=path)
    assert str(path) in caught.value.problem


def test_a_missing_file_to_start_from_is_named(inputs, tmp_path):
    with pytest.raises(UserError, match=r"none\.safetensors: there is no such weights file"):
        train(inputs, tmp_path, start_from=tmp_path / "none.safetensors")


def test_a_gan_begins_with_the_score_of_its_generator(inputs, trained, tmp_path):
    weights, history = train_gan(inputs, tmp_path, {"carn": trained, "unet": None})
    expected = trained.metadata.validation_psnr
    assert first_validation(history) == pytest.approx(expected, abs=1e-4)
    assert weights.metadata.started_from == trained.label


def test_the_file_of_a_gan_says_what_it_is_and_builds(inputs, trained, tmp_path):
    weights, history = train_gan(inputs, tmp_path, {"carn": trained})
    loaded = load_weights(saved(weights, tmp_path / "gan.safetensors"))
    assert loaded.metadata.architecture == "gan"
    assert loaded.metadata.architecture_parameters == {
        "generator": "carn",
        "generator_parameters": ARCHITECTURE,
    }
    image = torch.rand(1, 3, 8, 8)
    built, begun = loaded.build(), trained.build()
    assert built(image).shape == (1, 3, 16, 16)
    assert not torch.equal(built(image), begun(image))
    last = history.iloc[-1]
    assert (loaded.metadata.step, loaded.metadata.validation_psnr) == (2, last["validation_psnr"])


def test_the_history_of_a_gan_has_the_curves_of_both_networks(inputs, trained, tmp_path):
    _, history = train_gan(inputs, tmp_path, {"carn": trained})
    both = {"loss_l1", "loss_adversarial", "gradient_l2", "weight_l2"} | {
        "discriminator_loss",
        "discriminator_accuracy",
        "discriminator_gradient_l2",
        "real_score",
        "fake_score",
    }
    assert both <= set(history.columns)
    steps = history[history["step"] > 0]
    assert len(steps) == 2
    assert steps[sorted(both)].notna().all(axis=None)


@pytest.mark.parametrize("generators", [{"carn": None, "unet": None}, {"unet": None}])
def test_without_weights_of_its_generator_a_gan_says_how_to_make_them(inputs, tmp_path, generators):
    with pytest.raises(UserError, match="no weights of 'carn'") as caught:
        train_gan(inputs, tmp_path, generators)
    assert "train a 'carn'" in caught.value.remedy


def test_a_gan_goes_on_from_a_file_of_its_own_or_of_a_generator(inputs, trained, tmp_path):
    path = saved(trained, tmp_path / "w.safetensors")
    first, history = train_gan(inputs, tmp_path, {"carn": None}, start_from=path)
    expected = trained.metadata.validation_psnr
    assert first_validation(history) == pytest.approx(expected, abs=1e-4)
    saved(first, path)
    second, history = train_gan(inputs, tmp_path, {"carn": None}, start_from=path)
    assert first_validation(history) == pytest.approx(first.metadata.validation_psnr, abs=1e-4)
    assert second.metadata.architecture_parameters == first.metadata.architecture_parameters


def test_a_collapse_says_so_and_keeps_the_checkpoint(inputs, trained, tmp_path, monkeypatch):
    scores = iter([30.0, 29.0, 26.9])
    monkeypatch.setattr(Validator, "__call__", lambda *arguments: next(scores))
    with pytest.raises(UserError, match="collapsed at step 2") as caught:
        train_gan(inputs, tmp_path, {"carn": trained}, checkpoint_every=1)
    assert caught.value.code == "training-collapsed"
    assert torch.load(tmp_path / "gan.checkpoint.pt", weights_only=True)["step"] == 1


def test_an_unknown_optimiser_is_named_with_the_valid_ones(inputs, tmp_path):
    with pytest.raises(UserError, match=r"'torch\.optim\.SDG' is no optimiser") as caught:
        train(inputs, tmp_path, optimizer={"path": "torch.optim.SDG"})
    assert "did you mean 'torch.optim.SGD'" in str(caught.value)
    assert "torch.optim.AdamW" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("carn", {"training": {"losses": {"l2": 1.0}}}, ("losses.l2", "mean 'l1'", "vgg16")),
        ("carn", {"training": {"balance": "fair"}}, ("balance", "'uncertainty'")),
        ("carn", {"training": {"schedule": {"name": "step"}}}, ("schedule.name", "'plateau'")),
        (
            "gan",
            {"training": {"adversarial": {"discriminator": "vgg"}}},
            ("adversarial.discriminator", "'patch'"),
        ),
        ("gan", {"training": {"adversarial": {"loss": "gan"}}}, ("loss", "'relativistic'")),
        ("gan", {"architecture": {"generator": "cran"}}, ("gan.architecture", "'carn'", "unet")),
        ("uent", {}, ("'uent'", "'unet'")),
        (
            "carn",
            {"training": {"batch_size": 1, "batch_growth": {"largest": 2}}},
            ("set batch_size to 2 or more",),
        ),
    ],
)
def test_unknown_names_are_met_with_the_valid_ones_before_anything_runs(name, changes, said):
    changes = changes | {"training": {"steps": 1} | changes.get("training", {})}
    with pytest.raises(UserError, match="parameters:") as caught:
        check_parameters({name: changes})
    assert all(part in caught.value.problem for part in said), caught.value.problem
