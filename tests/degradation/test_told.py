"""What a network is told while it is trained."""

import pytest
import torch

from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import ToldParameters
from sen2naip_sr.degradation.told import told
from sen2naip_sr.models.conditions import BatchConditions

IMAGES, BANDS = 4000, 4


def truth(noise=0.02, known=True):
    flags = torch.full((IMAGES,), known)
    bands = torch.ones(IMAGES, BANDS)
    return BatchConditions(
        noise * bands, 0.5 * bands, 0.6 * bands, 0.2 * bands[:, 0], flags, flags, flags
    )


def said(of=None, **parameters):
    draws = Draws(IMAGES, torch.Generator().manual_seed(0))
    return told(of or truth(), ToldParameters(**parameters), draws)


def test_the_truth_is_told_where_nothing_is_estimated():
    assert torch.equal(said(estimated=0, unknown=0).encode(), truth().encode())


def test_estimates_are_wrong_by_as_much_as_the_parameters_say():
    found = said(estimated=1, least_error=1, unknown=0, blur=0.1, band_blur=0)
    ratio = torch.log(found.vertical / 0.5)
    assert float(ratio.std()) == pytest.approx(0.1, rel=0.1)
    torch.testing.assert_close(ratio, torch.log(found.horizontal / 0.6))


def test_noise_is_estimated_where_there_is_none():
    found = said(truth(noise=0.0), estimated=1)
    assert (found.noise >= 0).all()
    assert float(found.noise.mean()) > 1e-4


def test_some_is_unknown():
    found = said(unknown=0.12)
    known = torch.stack((found.noise_known, found.blur_known, found.compression_known))
    # unknown alone or together with the rest
    assert known.float().mean(1).tolist() == pytest.approx([0.88**2] * 3, abs=0.03)
    assert float(known.any(0).float().mean()) < 0.9


def test_unknown_compression_is_overlooked_at_times():
    found = said(truth(known=False), overlooked=0.5, unknown=0)
    assert not found.blur_known.any()
    assert float(found.compression_known.float().mean()) == pytest.approx(0.5, abs=0.03)
