import numpy as np
import pytest
import torch

from sen2naip_sr.inference.faintness import FAINT, is_faint

DEEP, RANGE = np.dtype("uint16"), (0.0, 10_000.0)


def textured(contrast):
    """Return windows whose values deviate so much from their mean, in 255ths."""
    noise = np.random.default_rng(0).standard_normal((3, 4, 64, 64))
    return torch.from_numpy(0.1 + contrast / 255 * noise).float()


@pytest.mark.parametrize(("contrast", "faint"), [(FAINT / 2, True), (2 * FAINT, False)])
def test_contrast_decides(contrast, faint):
    assert is_faint(textured(contrast), DEEP, RANGE) is faint


def test_coarse_whole_numbers_are_never_faint():
    dark = textured(0.01)
    assert not is_faint(dark, np.dtype("uint8"), (0.0, 255.0))
    assert is_faint(dark, np.dtype("float32"), (0.0, 255.0))
    assert is_faint(dark, DEEP, (0.0, 1023.0))


@pytest.mark.parametrize("windows", [None, torch.empty(0, 4, 0, 0)])
def test_without_windows_nothing_is_risked(windows):
    assert is_faint(windows, DEEP, RANGE)
