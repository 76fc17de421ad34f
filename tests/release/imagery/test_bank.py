"""Chips, and the crops that are drawn from them."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.bank import make_bank
from sen2naip_sr.release.imagery.packed import PackedImage, Place
from sen2naip_sr.release.imagery.parameters import ImageryParameters
from sen2naip_sr.training.mixture.bank import cut_image
from sen2naip_sr.training.mixture.batches import BatchMaker, apportioned
from sen2naip_sr.training.mixture.images import Image
from sen2naip_sr.training.parameters.mixture import BatchParameters, CropParameters

CPU = torch.device("cpu")


def place(name, value, count=1, size=64):
    image = Image(np.full((4, size, size), value, np.uint8), None, (0, 255))
    return Place(name, name, (PackedImage.of(image),) * count)


def draws(images):
    return Draws(images, torch.Generator().manual_seed(0))


def test_locations_are_drawn_by_their_shares_however_many_chips_they_have():
    places = [place("few", 10, 1), place("many", 20, 7)]
    bank = make_bank(places, False, {"few": 3.0}, CPU)
    crops = bank.draw(16, 1, draws(4000))
    share = (crops[:, 0, 0, 0] == 10 / 255).float().mean()
    assert float(share) == pytest.approx(0.75, abs=0.03)


def test_crops_lie_anywhere_in_a_chip():
    values = np.arange(64 * 64).reshape(1, 64, 64).astype(np.uint16).repeat(4, 0)
    packed = PackedImage.of(Image(values, None, (0, 4096)))
    bank = make_bank([Place("one", "one", (packed,))], True, {}, CPU)
    corner = (bank.draw(32, 1, draws(3000))[:, 0, 0, 0] * 4096).round().long()
    assert set((corner // 64).tolist()) == set((corner % 64).tolist()) == set(range(33))


def test_reduced_crops_are_means():
    values = np.arange(64 * 64).reshape(1, 64, 64).astype(np.uint16).repeat(4, 0)
    packed = PackedImage.of(Image(values, None, (0, 4096)))
    bank = make_bank([Place("one", "one", (packed,))], True, {}, CPU)
    expected = torch.from_numpy(values.astype(np.float32)).unflatten(2, (32, 2)).mean(3)
    expected = expected.unflatten(1, (32, 2)).mean(2) / 4096
    torch.testing.assert_close(bank.draw(32, 2, draws(1))[0], expected)


def test_chips_without_data_are_left_out():
    valid = np.ones((96, 64), bool)
    valid[:10] = False
    image = Image(np.ones((4, 96, 64), np.uint8), valid, (0, 255))
    # chips begin at rows 0 and 32
    assert len(cut_image(image, 64)) == 1


def test_kinds_without_imagery_are_left_out():
    bank = make_bank([place("one", 100, size=96)], False, {}, CPU)
    crops = (CropParameters(share=0.5), CropParameters(share=0.5, deep=True))
    kind = BatchParameters(side=32, images=6, crops=crops)
    batch = BatchMaker([bank], kind, ImageryParameters(), torch.Generator().manual_seed(0))()
    assert batch.lr.shape == (6, 4, 16, 16)
    assert batch.hr.shape == (6, 4, 32, 32)
    assert batch.conditions.shape == (6, 16)
    assert [len(part.lr) for part in batch.parts(3)] == [2, 2, 2]


def test_crops_larger_than_chips_are_refused():
    bank = make_bank([place("one", 100)], False, {}, CPU)
    kind = BatchParameters(side=64, images=2, crops=(CropParameters(share=1, reduction=2),))
    with pytest.raises(UserError) as caught:
        BatchMaker([bank], kind, ImageryParameters(), torch.Generator())
    assert caught.value.code == "chips-too-small"


def test_whole_numbers_keep_the_sum():
    assert apportioned(64, [0.56, 0.25, 0.19]) == [36, 16, 12]
    assert sum(apportioned(7, [1, 1, 1])) == 7


class HostWatch(TorchDispatchMode):
    """Notes operations for which a host and a GPU would wait for each other."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "equal")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masks = name.startswith("index") and any(
            index is not None and index.dtype == torch.bool
            for index in (args[1] if isinstance(args[1], list | tuple) else ())
        )
        if masks or name in self.WAITING:
            self.found.append(name)
        return func(*args, **kwargs or {})


def test_batches_can_be_captured_in_a_graph():
    bank = make_bank([place("one", 100, size=96)], False, {}, CPU)
    kind = BatchParameters(side=32, images=6, crops=(CropParameters(share=1, reduction=2),))
    make = BatchMaker([bank], kind, ImageryParameters(), torch.Generator().manual_seed(0))
    # constants are copied to the device once
    make()
    with HostWatch() as watch:
        make()
    assert watch.found == []
