from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import rasterio
from rasterio.coords import disjoint_bounds
from rasterio.enums import ColorInterp

from sen2naip_sr.errors import UserError
from sen2naip_sr.sources import sample
from sen2naip_sr.sources.sample import SampleSource


def source(folder, **changes):
    return replace(SampleSource(folder, seed=1, places=3, chips_per_place=3, size=32), **changes)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return source(tmp_path_factory.mktemp("sample")).files()


def bounds(file):
    with file.open() as raster:
        return raster.bounds


def test_files_are_named_by_place_and_sorted(drawn):
    names = [file.name for file in drawn]
    assert names == sorted(names)
    assert len(names) == 9
    assert names[-1] == "synthetic-suburb-0/synthetic-suburb-0_0002.tif"
    assert len({name.split("/")[0] for name in names}) == 3


def test_files_are_georeferenced_described_and_marked_as_synthetic(drawn):
    for file in drawn:
        with file.open() as raster:
            assert (raster.count, raster.height, raster.width) == (4, 32, 32)
            assert raster.dtypes == ("uint8",) * 4
            assert raster.crs.to_epsg() == 32616
            assert raster.res == (2.5, 2.5)
            assert raster.descriptions == ("Red", "Green", "Blue", "NIR")
            assert raster.colorinterp[3] == ColorInterp.undefined
            assert "ynthetic" in raster.tags()["TIFFTAG_IMAGEDESCRIPTION"]
            assert raster.nodata is None


def test_no_two_chips_share_ground_and_places_are_far_apart(drawn):
    for one, other in combinations(drawn, 2):
        a, b = bounds(one), bounds(other)
        shared_width = min(a.right, b.right) - max(a.left, b.left)
        shared_height = min(a.top, b.top) - max(a.bottom, b.bottom)
        assert shared_width <= 0 or shared_height <= 0
        if one.name.split("/")[0] != other.name.split("/")[0]:
            assert disjoint_bounds(a, b)
            assert np.hypot(a.left - b.left, a.bottom - b.bottom) > 20_000


def test_chips_of_a_place_lie_side_by_side(drawn):
    own = [bounds(file) for file in drawn if file.name.startswith("synthetic-suburb-0/")]
    assert own[1].left == own[0].right
    assert own[1].bottom == own[0].bottom
    assert own[2].bottom == own[0].top


def test_large_places_stay_apart():
    large = source(None, places=10, chips_per_place=2000, size=1024)
    transforms = [large._transform(place, chip) for place in range(10) for chip in (0, 1999)]
    corners = [(t.c, t.f) for t in transforms]
    side = 1024 * 2.5
    for place in range(10):
        (left, _), _ = corners[2 * place], corners[2 * place + 1]
        right = left + 45 * side
        for other in range(place + 1, min(10, 8)):
            assert corners[2 * other][0] > right + 10_000


def test_another_folder_gets_the_same_bytes(drawn, tmp_path):
    again = source(tmp_path).files()
    assert [file.sha256() for file in again] == [file.sha256() for file in drawn]
    assert len({file.sha256() for file in again}) == len(again)


def test_files_already_there_are_not_drawn_again(tmp_path, monkeypatch):
    own = source(tmp_path, places=1)
    before = [(file.path, file.path.stat().st_mtime_ns) for file in own.files()]
    before[1][0].unlink()
    drawn = []
    real = sample.landscape
    monkeypatch.setattr(sample, "landscape", lambda *a: drawn.append(a) or real(*a))
    after = [(file.path, file.path.stat().st_mtime_ns) for file in own.files()]
    assert len(drawn) == 1
    assert after[0] == before[0]
    assert after[2] == before[2]
    assert before[1][0].exists()


def test_an_interrupted_run_leaves_no_half_file_and_is_made_good(tmp_path, monkeypatch):
    own = source(tmp_path, places=1)
    real = rasterio.open

    def interrupted(path, mode="r", **options):
        if mode == "r+":
            raise KeyboardInterrupt
        return real(path, mode, **options)

    monkeypatch.setattr(rasterio, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        own.files()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    monkeypatch.undo()
    assert len(own.files()) == 3


def test_the_leftover_of_a_killed_run_is_not_taken_for_a_file(tmp_path, drawn):
    own = source(tmp_path)
    place = tmp_path / own.fingerprint() / "synthetic-suburb-0"
    place.mkdir(parents=True)
    (place / ".synthetic-suburb-0_0000.partial-1.tif").write_bytes(b"II*\0 half a file")
    files = own.files()
    assert [file.sha256() for file in files] == [file.sha256() for file in drawn]


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"places": 4}, {"chips_per_place": 4}, {"size": 34}]
)
def test_the_fingerprint_changes_with_every_parameter(tmp_path, change):
    assert source(tmp_path, **change).fingerprint() != source(tmp_path).fingerprint()


def test_the_fingerprint_changes_with_the_generator_and_not_with_the_folder(tmp_path, monkeypatch):
    before = source(tmp_path).fingerprint()
    assert source(tmp_path / "elsewhere").fingerprint() == before
    monkeypatch.setattr(sample, "GENERATOR_VERSION", sample.GENERATOR_VERSION + 1)
    assert source(tmp_path).fingerprint() != before


def test_making_a_source_touches_nothing(tmp_path):
    own = source(tmp_path)
    own.fingerprint()
    assert (own.kind, own.synthetic) == ("sample", True)
    assert list(tmp_path.iterdir()) == []


def test_a_negative_seed_is_the_users_to_fix(tmp_path):
    with pytest.raises(UserError, match=r"seed.*negative"):
        source(tmp_path, seed=-1)
