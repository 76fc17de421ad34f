"""Networks of other projects, with a stub in the place of ncnn."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.peers import peers


class Mat(np.ndarray):
    def __new__(cls, values):
        return np.asarray(values).view(cls)

    def clone(self):
        return self.copy()


class Extractor:
    """Doubles a picture of three bands by repeating pixels, and remembers its largest value."""

    seen: list = []  # noqa: RUF012

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def input(self, name, picture):
        assert name == "in0"
        assert picture.shape[0] == 3
        self.picture = np.asarray(picture)
        self.seen.append(self.picture)

    def extract(self, name):
        assert name == "out0"
        # the colours are told apart
        change = np.array([0.0, 1e-3, 2e-3])[:, None, None]
        return 0, self.picture.repeat(2, axis=1).repeat(2, axis=2) + change


class Net:
    fails = 0

    def __init__(self):
        self.opt = SimpleNamespace()

    def load_param(self, path):
        return self.fails

    def load_model(self, path):
        return self.fails

    def input_names(self):
        return ["in0"]

    def output_names(self):
        return ["out0"]

    def create_extractor(self):
        return Extractor()


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setitem(sys.modules, "ncnn", SimpleNamespace(Net=Net, Mat=Mat))
    Extractor.seen.clear()


@pytest.fixture
def file(tmp_path):
    for suffix in (".param", ".bin"):
        (tmp_path / f"net{suffix}").write_text("")
    return str(tmp_path / "net.param")


@pytest.mark.parametrize("bands", [1, 3, 4, 6])
def test_every_band_is_upscaled_and_further_bands_are_grey_pictures(stub, file, bands):
    (method,) = peers({"photo": file})
    assert (method.name, method.trained, method.weights) == ("photo", True, None)
    image = np.random.default_rng(0).random((1, bands, 9, 14), np.float32) * 0.5
    image[0, 0, 4, 4] = 1
    upscaled = method.network(bands, "cpu")(image)
    colours = 3 if bands >= 3 else 0
    change = np.array([0, 1e-3, 2e-3][:colours] + [1e-3] * (bands - colours))[:, None, None]
    expected = image[0].repeat(2, axis=1).repeat(2, axis=2) + change
    np.testing.assert_allclose(upscaled[0], expected, atol=1e-6)


@pytest.mark.parametrize("top", [0.25, 1.0, 3.0])
def test_a_network_never_sees_values_above_1(stub, file, top):
    (method,) = peers({"photo": file})
    image = torch.rand(1, 4, 8, 8) * top
    upscaled = method.model(image)
    assert max(picture.max() for picture in Extractor.seen) == pytest.approx(1, abs=1e-6)
    # the stub's own change is scaled back with the image
    change = image.max() * torch.tensor([0, 1e-3, 2e-3, 1e-3])[:, None, None]
    doubled = image[0].repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    torch.testing.assert_close(upscaled[0], doubled + change)


def test_scenes_can_be_upscaled_in_tiles(stub, file):
    (method,) = peers({"photo": file})
    network = method.network(4, "cpu")
    assert network.halo > 0
    assert network.tile > network.halo
    image = np.random.default_rng(0).random((1, 4, 80, 80), np.float32)
    part = network(image, trim=network.halo)
    assert part.shape == (1, 4, 160 - 4 * network.halo, 160 - 4 * network.halo)


def test_a_black_image_stays_finite(stub, file):
    (method,) = peers({"photo": file})
    assert method.model(torch.zeros(1, 4, 8, 8)).isfinite().all()


def test_without_the_package_the_message_says_what_is_missing(monkeypatch, file):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    with pytest.raises(UserError, match="need the package ncnn") as error:
        peers({"photo": file})
    assert error.value.code == "peer-package-missing"


def test_missing_and_damaged_files_are_named(stub, file, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"other\.param: there is no such file"):
        peers({"photo": str(tmp_path / "other.param")})
    monkeypatch.setattr(Net, "fails", -1)
    with pytest.raises(UserError, match="cannot read this network"):
        peers({"photo": file})


def test_without_peers_the_package_is_not_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    assert peers({}) == []
