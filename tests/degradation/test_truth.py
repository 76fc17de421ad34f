"""What is done to HR before it is observed."""

import pytest
import torch

from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import TruthParameters
from sen2naip_sr.degradation.truth import oriented, reduced, rounded, varied

NOTHING = dict.fromkeys(("toned", "permuted", "grey", "foreign", "inverted", "softened"), 0)
IMAGES = 64


def images(seed=0):
    return rounded(torch.rand((IMAGES, 4, 16, 16), generator=torch.Generator().manual_seed(seed)))


def changed(deep=False, **parameters):
    draws = Draws(IMAGES, torch.Generator().manual_seed(1))
    flags = torch.full((IMAGES,), deep)
    return varied(images(), flags, TruthParameters(**NOTHING | parameters), draws)


def test_nothing_is_changed_unless_a_share_says_so():
    torch.testing.assert_close(changed(), images())


def test_pixels_are_averaged():
    assert torch.equal(reduced(images(), 1), images())
    expected = images().unflatten(3, (4, 4)).unflatten(2, (4, 4)).mean((3, 5))
    torch.testing.assert_close(reduced(images(), 4), expected)


def test_orientations_are_the_eight_of_a_square():
    image = images()[:1]
    draws = Draws(IMAGES, torch.Generator().manual_seed(0))
    found = oriented(image.expand(IMAGES, -1, -1, -1), draws)
    turns = [image.rot90(k, (2, 3)) for k in range(4)]
    possible = [*turns, *(turned.flip(3) for turned in turns)]
    seen = {k for one in found for k, turned in enumerate(possible) if torch.equal(one, turned[0])}
    assert seen == set(range(8))
    assert all(any(torch.equal(one, turned[0]) for turned in possible) for one in found)


def test_bands_change_places():
    found = changed(permuted=1)
    torch.testing.assert_close(found.sum(1), images().sum(1))
    assert not torch.equal(found, images())


def test_one_band_takes_the_place_of_all():
    found = changed(grey=1)
    assert torch.equal(found, found[:, :1].expand_as(found))


def test_one_band_comes_from_another_image():
    found = changed(foreign=1)
    own = (found == images()).all((2, 3))
    other = (found == images().roll(1, 0)).all((2, 3))
    assert (own.sum(1) == 3).all()
    assert (other.sum(1) == 1).all()


def test_another_band_takes_the_place_of_a_missing_one():
    found = changed(dropped=1)
    own = (found == images()).all(3).all(2)
    assert (own.sum(1) == 3).all()
    missing = own.int().argmin(1)
    copies = found[torch.arange(len(found)), missing]
    assert (images() == copies[:, None]).all(3).all(2).any(1).all()
    assert set(missing.tolist()) == {0, 1, 2, 3}


def test_bands_are_inverted_by_an_even_chance():
    found = changed(inverted=1)
    inverted = torch.isclose(found, 1 - images()).all(3).all(2)
    assert (inverted | (found == images()).all(3).all(2)).all()
    assert 0.3 < float(inverted.float().mean()) < 0.7


def test_bands_may_differ_in_softness():
    detail = changed(softened=1, softness=(1, 1), soft_bands=1).std((2, 3))
    assert (detail.amax(1) > 1.2 * detail.amin(1)).float().mean() > 0.5


def test_soft_images_have_less_detail():
    assert (
        changed(softened=1, softness=(1, 1), soft_bands=0).std((2, 3)) < 0.5 * images().std((2, 3))
    ).all()


@pytest.mark.parametrize("deep", [False, True])
def test_tone_changes_brightness(deep):
    found = changed(deep=deep, toned=1)
    assert float((found.mean((1, 2, 3)) - images().mean((1, 2, 3))).abs().mean()) > 0.02
    assert (found >= 0).all()
    # deep imagery knows values above the range, and steps finer than those of 8 bits
    assert torch.equal(found, rounded(found)) is not deep
