import pytest
import torch

from sen2naip_sr.inference.estimation import regressor
from sen2naip_sr.inference.estimation.features import COUNT
from sen2naip_sr.inference.estimation.regressor import Regressor
from sen2naip_sr.landscape.generator import STYLES, landscape
from sen2naip_sr.release.estimator import Images, examples


@pytest.fixture(scope="module")
def images(tmp_path_factory, make_geotiff):
    folder = tmp_path_factory.mktemp("places")
    for number, style in enumerate(STYLES[:2]):
        make_geotiff(folder / style.name / "chip.tif", landscape(number, style, 256))
    return Images([folder])


def test_examples_have_a_known_truth(images):
    made = examples(images, 32, seed=1)
    bands = len(made.noise)
    assert made.inputs.shape == (bands, 2 * COUNT + 1)
    assert made.blur.shape == (bands, 2)
    assert made.inputs.isfinite().all()
    assert (made.noise >= 0).all()
    assert (made.blur > 0).all()


def test_equal_seeds_give_equal_examples(images):
    first, second = (examples(images, 16, seed=3) for _ in range(2))
    assert torch.equal(first.inputs, second.inputs)


def test_a_regressor_learns(images, monkeypatch):
    monkeypatch.setattr(regressor, "_EPOCHS", 30)
    monkeypatch.setattr(regressor, "_BATCH", 32)
    made = examples(images, 64, seed=2)
    trained = regressor.trained_regressor(made, seed=0)
    everything = torch.arange(len(made.noise))
    fresh = Regressor().eval()
    fresh.mean.copy_(trained.mean)
    fresh.deviation.copy_(trained.deviation)
    assert regressor._loss(trained, made, everything) < regressor._loss(fresh, made, everything)
