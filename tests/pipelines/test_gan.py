"""Adversarial training, from the weights of a generator to a file that says what it is."""

import pytest
import torch
from tiny_inputs import ARCHITECTURE, tiny_inputs, train

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.validation import Validator
from sen2naip_sr.training.weights import load_weights, save_weights

GAN = {
    "losses": {"l1": 1.0, "adversarial": 0.01},
    "adversarial": {"discriminator": "patch", "channels": 4, "ramp_steps": 1},
    "keep": "last",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def generator(inputs, tmp_path_factory):
    """Return weights that are not those of an untrained network."""
    folder = tmp_path_factory.mktemp("generator")
    return train(inputs, folder, learning_rate=0.01, keep="last")[0]


def train_gan(inputs, folder, generators, start_from=None, **changes):
    return train(inputs, folder, "gan", start_from, generators, **(GAN | changes))


def validations(history):
    return history.set_index("step")["validation_psnr"].dropna()


def test_begins_with_the_score_of_its_generator(inputs, generator, tmp_path):
    weights, history = train_gan(inputs, tmp_path, {"carn": generator, "unet": None})
    expected = generator.metadata.validation_psnr
    assert validations(history)[0] == pytest.approx(expected, abs=1e-4)
    assert weights.metadata.started_from == generator.label


def test_its_file_says_what_it_is_and_builds(inputs, generator, tmp_path):
    weights, history = train_gan(inputs, tmp_path, {"carn": generator})
    path = tmp_path / "gan.safetensors"
    save_weights(path, weights.state, weights.metadata)
    loaded = load_weights(path)
    assert loaded.metadata.architecture == "gan"
    assert loaded.metadata.architecture_parameters == {
        "generator": "carn",
        "generator_parameters": ARCHITECTURE,
    }
    image = torch.rand(1, 3, 8, 8)
    built, begun = loaded.build(), generator.build()
    assert built(image).shape == (1, 3, 16, 16)
    assert not torch.equal(built(image), begun(image))
    last = history.iloc[-1]
    assert (loaded.metadata.step, loaded.metadata.validation_psnr) == (2, last["validation_psnr"])


def test_the_history_has_the_curves_of_both_networks(inputs, generator, tmp_path):
    _, history = train_gan(inputs, tmp_path, {"carn": generator})
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
def test_without_weights_of_the_generator_it_says_how_to_make_them(inputs, tmp_path, generators):
    with pytest.raises(UserError, match="no weights of 'carn'") as caught:
        train_gan(inputs, tmp_path, generators)
    assert "kedro run --pipelines=train_carn" in caught.value.remedy


def test_goes_on_from_a_file_of_its_own_or_of_a_generator(inputs, generator, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, generator.state, generator.metadata)
    first, history = train_gan(inputs, tmp_path, {"carn": None}, start_from=path)
    expected = generator.metadata.validation_psnr
    assert validations(history)[0] == pytest.approx(expected, abs=1e-4)
    save_weights(path, first.state, first.metadata)
    second, history = train_gan(inputs, tmp_path, {"carn": None}, start_from=path)
    assert validations(history)[0] == pytest.approx(first.metadata.validation_psnr, abs=1e-4)
    assert second.metadata.architecture_parameters == first.metadata.architecture_parameters


def test_a_collapse_says_so_and_keeps_the_checkpoint(inputs, generator, tmp_path, monkeypatch):
    scores = iter([30.0, 29.0, 26.9])
    monkeypatch.setattr(Validator, "__call__", lambda *arguments: next(scores))
    with pytest.raises(UserError, match="collapsed at step 2") as caught:
        train_gan(inputs, tmp_path, {"carn": generator}, checkpoint_every=1)
    assert "training.adversarial" in caught.value.remedy
    assert torch.load(tmp_path / "gan.checkpoint.pt", weights_only=True)["step"] == 1
