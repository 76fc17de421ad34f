import numpy as np
import pytest
import torch
from small_stores import make_stores, smooth_noise

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.degradation import RECIPES, get_recipe
from sen2naip_sr.evaluation.columns import REFERENCES
from sen2naip_sr.evaluation.comparison import best_interpolation
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.references import fit_linear, references, shipped_references
from sen2naip_sr.evaluation.scoring import score_methods
from sen2naip_sr.models.linear import LinearFit

CPU = EvaluationParameters(accelerator="cpu")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return make_stores(tmp_path_factory.mktemp("stores"), smooth_noise())


def by_name(stores):
    return {method.name: method for method in references(*stores)}


def test_the_filter_is_fitted_on_the_training_chips_alone(stores, tmp_path):
    hr, lr, splits = stores
    fit = LinearFit(4)
    for chip in splits.loc[splits["split"] == "train", "chip"]:
        fit.add(lr.chips[chip], hr.chips[chip])
    assert torch.equal(fit_linear(*stores).kernels, fit.solve().kernels)
    other = smooth_noise()
    other[2:] = other[2:, :, ::-1]
    assert torch.equal(
        fit_linear(*make_stores(tmp_path, other)).kernels, fit_linear(*stores).kernels
    )


def test_chips_with_invalid_pixels_are_not_fitted_on(stores, tmp_path):
    hr, _, splits = stores
    with write_store(tmp_path / "hr", "masked", hr.chips.shape[1:], np.dtype(np.uint8)) as writer:
        for chip, pixels in enumerate(smooth_noise()):
            valid = np.ones(pixels.shape, bool)
            valid[:, :8] = chip != 1
            writer.append(np.where(valid, pixels, 0), valid)
        writer.attributes = dict(hr.attributes)
    masked = require_store(tmp_path / "hr")
    Downscaling(masked, "bicubic_antialiased").make(tmp_path / "lr")
    found = fit_linear(masked, require_store(tmp_path / "lr"), splits)
    only = fit_linear(*stores[:2], splits[splits["chip"] != 1])
    assert torch.equal(found.kernels, only.kernels)


@pytest.mark.parametrize("recipe", ["bicubic_antialiased", "area"])
def test_the_projection_agrees_with_lr(recipe, tmp_path):
    _, lr, _ = stores = make_stores(tmp_path, smooth_noise(), recipe=recipe)
    small = torch.from_numpy(lr.chips[3][None] / np.float32(255))
    projected = by_name(stores)["projected"].model(small)
    again = RECIPES[recipe].downscale(projected, None)
    torch.testing.assert_close(again, small, rtol=0, atol=1e-5)


def test_both_are_scored_like_interpolations_but_are_none(stores):
    methods = references(*stores)
    assert tuple(sorted(method.name for method in methods)) == REFERENCES
    assert not any(method.trained or method.model.training for method in methods)
    scores = score_methods(interpolations(4) + methods, *stores, CPU)
    psnr = scores[scores["band"] == "all"].groupby("method")["psnr"].mean()
    assert psnr["projected"] > psnr["lanczos"]
    assert best_interpolation(scores) not in REFERENCES


def test_the_filter_of_the_registry_serves_its_recipe_only():
    names = {
        recipe: [method.name for method in shipped_references(3, get_recipe(recipe))]
        for recipe in ("bicubic_antialiased", "area")
    }
    assert names == {"bicubic_antialiased": ["projected", "linear"], "area": ["projected"]}
