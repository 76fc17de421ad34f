from pathlib import Path

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.scenes import find_jobs


@pytest.fixture
def folder(tmp_path):
    for name in ("b.tif", "a.TIF", "deep/c.tiff", "a_x2.tif", "a_x2_interval.tif", ".hidden.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "note.txt").touch()
    return tmp_path


def test_a_folder_is_searched_for_scenes_but_not_for_results(folder):
    jobs = find_jobs(str(folder), None)
    assert [job.source.name for job in jobs] == ["a.TIF", "b.tif", "c.tiff"]
    assert [job.target.relative_to(folder) for job in jobs] == [
        Path("a_x2.tif"),
        Path("b_x2.tif"),
        Path("deep/c_x2.tif"),
    ]


def test_an_output_folder_keeps_the_folders_of_the_scenes(folder, tmp_path):
    jobs = find_jobs(str(folder), tmp_path / "out")
    assert jobs[2].target == tmp_path / "out" / "deep" / "c_x2.tif"
    assert jobs[2].interval == tmp_path / "out" / "deep" / "c_x2_interval.tif"


def test_a_pattern_names_scenes(folder):
    assert [job.source.name for job in find_jobs(f"{folder}/*.tif", None)] == ["b.tif"]
    assert len(find_jobs(f"{folder}/**/*.tif*", None)) == 2


def test_one_scene_may_have_a_file_for_its_result(folder, tmp_path):
    (job,) = find_jobs(str(folder / "b.tif"), tmp_path / "fine.tif")
    assert job.target == tmp_path / "fine.tif"
    assert job.interval == tmp_path / "fine_interval.tif"
    with pytest.raises(UserError, match="cannot hold several"):
        find_jobs(str(folder), tmp_path / "fine.tif")


def test_a_file_is_a_scene_whatever_its_ending(folder):
    (job,) = find_jobs(str(folder / "note.txt"), None)
    assert job.target.name == "note_x2.tif"


def test_a_name_with_brackets_is_no_pattern_where_it_exists(tmp_path):
    (tmp_path / "scene[1].tif").touch()
    (job,) = find_jobs(str(tmp_path / "scene[1].tif"), None)
    assert job.source.name == "scene[1].tif"


def test_shards_are_disjoint_and_complete(tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.tif").touch()
    parts = [find_jobs(str(tmp_path), None, f"{part}/3") for part in (1, 2, 3)]
    assert sorted(len(part) for part in parts) == [2, 2, 3]
    everything = find_jobs(str(tmp_path), None)
    assert {job for part in parts for job in part} == set(everything)


def test_of_two_scenes_with_one_result_the_second_is_refused_by_name(tmp_path):
    for name in ("a.tif", "a.tiff", "a.vrt", "b.tif"):
        (tmp_path / name).touch()
    jobs = find_jobs(str(tmp_path), None)
    faults = {job.name: job.fault for job in jobs}
    assert faults["a.tif"] is faults["b.tif"] is None
    for name in ("a.tiff", "a.vrt"):
        assert name in faults[name].problem
        assert "a.tif," in faults[name].problem


def test_says_where_no_scene_is(tmp_path):
    with pytest.raises(UserError, match="there is no raster"):
        find_jobs(str(tmp_path), None)
    with pytest.raises(UserError, match="there is no raster"):
        find_jobs(f"{tmp_path}/*.tif", None)
