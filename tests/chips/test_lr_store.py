import numpy as np
import pytest
import torch
from conftest import random_pixels
from torch.nn import functional as F

from sen2naip_sr.chips import lr_store as pairs
from sen2naip_sr.chips.lr_store import Downscaling, chip_seed, downscale
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.degradation import RECIPES, get_recipe
from sen2naip_sr.errors import UserError


@pytest.fixture
def hr_store(tmp_path):
    def make(dtype="uint8", count=7, size=16, content="content"):
        folder = tmp_path / "hr"
        with write_store(folder, content, (4, size, size), np.dtype(dtype), 3) as writer:
            for seed in range(count):
                writer.append(random_pixels(4, size, dtype, seed))
        return require_store(folder)

    return make


def chips(folder):
    return np.stack(list(require_store(folder).chips))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_every_chip_has_its_lr_image_in_its_dtype(tmp_path, hr_store, dtype):
    hr = hr_store(dtype)
    Downscaling(hr, "bicubic_antialiased").make(tmp_path / "lr")
    lr = require_store(tmp_path / "lr")
    assert lr.manifest.shape == (7, 4, 8, 8)
    assert lr.manifest.dtype == dtype
    assert lr.attributes == {"recipe": "bicubic_antialiased@1", "hr_content": "content"}
    for high, low in zip(hr.chips, lr.chips, strict=True):
        values = torch.from_numpy(high.astype(np.float32))[None]
        expected = F.interpolate(values, size=(8, 8), mode="bicubic", antialias=True)[0].numpy()
        if dtype != "float32":
            limits = np.iinfo(dtype)
            expected = np.clip(np.round(expected), limits.min, limits.max)
        np.testing.assert_array_equal(low, expected)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_chip_does_not_depend_on_its_batch(tmp_path, hr_store, monkeypatch, recipe):
    hr = hr_store()
    made = []
    for size in (1, 3, 16):
        monkeypatch.setattr(pairs, "CHIPS_A_BATCH", size)
        Downscaling(hr, recipe, seed=5).make(tmp_path / f"lr{size}")
        made.append(chips(tmp_path / f"lr{size}"))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
    alone = downscale(hr.chips[4][None], get_recipe(recipe), chip_seed(5, 4))
    np.testing.assert_array_equal(made[0][4], alone[0])


def test_another_seed_draws_other_noise(tmp_path, hr_store):
    hr = hr_store()
    for seed in (0, 1):
        Downscaling(hr, "blur_noise", seed).make(tmp_path / f"lr{seed}")
    assert (chips(tmp_path / "lr0") != chips(tmp_path / "lr1")).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**40 + 3, -1])
def test_chip_seeds_draw_different_numbers(seed):
    first_numbers = [
        torch.rand(1, generator=torch.Generator().manual_seed(number)).item()
        for number in (chip_seed(seed, 0), chip_seed(seed, 1), chip_seed(seed + 1, 0))
    ]
    assert len(set(first_numbers)) == 3


def test_a_current_store_is_not_made_again_and_a_stale_one_is(tmp_path, hr_store):
    folder = tmp_path / "lr"

    def made_at():
        return (folder / "manifest.json").stat().st_mtime_ns

    Downscaling(hr_store(), "area").make(folder)
    first = made_at()
    Downscaling(hr_store(), "area").make(folder)
    assert made_at() == first
    Downscaling(hr_store(), "bicubic_aliased").make(folder)
    second = made_at()
    assert second != first
    Downscaling(hr_store(content="other"), "bicubic_aliased").make(folder)
    assert made_at() != second


def test_an_unknown_recipe_makes_nothing(tmp_path, hr_store):
    with pytest.raises(UserError, match="downscaling recipe 'lanczos'"):
        Downscaling(hr_store(), "lanczos").make(tmp_path / "lr")
    assert not (tmp_path / "lr").exists()
