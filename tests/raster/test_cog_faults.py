import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from tiny_scenes import HEIGHT, PLACE, WIDTH, make_scene, noise, read, twice, upscale

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.cog import BLOCK


@pytest.fixture
def values():
    return noise(4, HEIGHT, WIDTH)


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "scene_x2.tif"


def test_an_error_leaves_the_old_file_and_no_other(tmp_path, target, values):
    source = make_scene(tmp_path / "a.tif", values)
    target.write_text("old")

    def fail(*_):
        raise RuntimeError("no result")

    with pytest.raises(RuntimeError, match="no result"):
        upscale(source, target, change=fail, overwrite=True)
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


KILLED = """
import sys
import numpy as np
from sen2naip_sr.raster import cog
from sen2naip_sr.raster.scene import open_scene
source, target, moment = sys.argv[1:]
finish = cog._finish


def last_moment(pixels, made, *rest):
    finish(pixels, made, *rest)
    print("now", flush=True)
    sys.stdin.read()

if moment == "last":
    cog._finish = last_moment
with open_scene(source) as scene, cog.writing_cog(target, scene, {}, overwrite=True) as writer:
    values, valid = (a.repeat(2, 1).repeat(2, 2) for a in scene.read(0, 0, 30, 40))
    writer.write(0, 0, values, valid)
    if moment == "first":
        print("now", flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize("moment", ["first", "last"])
def test_killed_at_any_moment_the_old_file_stays(tmp_path, target, values, moment):
    source = make_scene(tmp_path / "a.tif", values)
    target.write_text("old")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, source, target, moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert target.read_text() == "old"
    assert len(list(target.parent.iterdir())) > 1
    upscale(source, target, overwrite=True)
    np.testing.assert_array_equal(read(target)[0], twice(values))
    assert list(target.parent.iterdir()) == [target]


LIMITED = """
import resource
import sys
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.raster.cog import writing_cog
source, target, *limits = sys.argv[1:]
for limit in map(int, limits):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with open_scene(source) as scene, writing_cog(target, scene, {}, overwrite=True) as writer:
            values, valid = (a.repeat(2, 1).repeat(2, 2) for a in scene.read(0, 0, 600, 600))
            for top in range(0, 1200, 100):
                writer.write(top, 0, values[:, top:top + 100], valid[:, top:top + 100])
        print("written")
    except UserError as error:
        print(error.problem)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits of file sizes here")
def test_a_disk_that_takes_no_more_is_an_error_and_never_a_file_with_holes(tmp_path, target):
    values = noise(1, 600, 600)
    source = make_scene(tmp_path / "a.tif", values, mask=np.eye(600, dtype=bool))
    target.write_text("old")
    raw = 9 * BLOCK**2
    limits = [1000, raw // 3, raw - 1000, raw + 10_000]
    lines = subprocess.run(
        [sys.executable, "-c", LIMITED, source, target, *map(str, limits)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout.splitlines()
    assert lines.pop() == "written"
    assert len(lines) == 3
    for line in lines:
        assert "scene_x2.tif: cannot be written: " in line
        assert "MB are free" in line
        assert "2.4 MB are needed" in line
    np.testing.assert_array_equal(read(target)[0], twice(values))
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_is_told_before_anything_is_computed(tmp_path, target, values, monkeypatch):
    source = make_scene(tmp_path / "a.tif", values)
    usage = type("Usage", (), {"free": 5000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"too full \(0.0 MB are free in .*1.0 MB are needed"):
        upscale(source, target, change=lambda *_: pytest.fail("computed"))
    assert not list(target.parent.iterdir())


def linked(kind):
    def link(source, target):
        getattr(os, kind)(source, target)

    return link


FAULTS = {
    "exists": (lambda _, target: target.touch(), False, "exists already"),
    "its mask": (lambda _, t: t.with_name(f"{t.name}.msk").touch(), False, "msk: exists already"),
    "symbolic link": (linked("symlink"), True, "is the input itself"),
    "hard link": (linked("link"), True, "is the input itself"),
    "folder": (lambda _, target: target.mkdir(), True, "is a folder"),
    "no folder": (lambda _, target: target.parent.rmdir(), True, "the folder .* is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_targets_that_cannot_be_are_refused(tmp_path, target, values, fault):
    spoil, overwrite, reason = FAULTS[fault]
    source = make_scene(tmp_path / "a.tif", values)
    before = source.read_bytes()
    spoil(source, target)
    with pytest.raises(UserError, match=f"scene_x2.tif.*{reason}") as error:
        upscale(source, target, overwrite=overwrite)
    assert error.value.remedy
    assert source.read_bytes() == before


def test_a_source_of_a_virtual_raster_is_no_target(tmp_path, values):
    source = make_scene(tmp_path / "a.tif", values)
    rasterio.shutil.copy(source, tmp_path / "a.vrt", driver="VRT")
    with pytest.raises(UserError, match=r"a.tif: is the input itself"):
        upscale(tmp_path / "a.vrt", source, overwrite=True)


def test_a_read_only_folder_is_refused(tmp_path, target, values, monkeypatch):
    source = make_scene(tmp_path / "a.tif", values)
    # tests may run as root, who may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != target.parent)
    with pytest.raises(UserError, match="read-only"):
        upscale(source, target)


def test_what_belonged_to_the_old_file_goes_with_it(tmp_path, target, values):
    source = make_scene(tmp_path / "a.tif", values, **PLACE)
    for ending in ("", ".aux.xml", ".msk", ".ovr"):
        target.with_name(target.name + ending).write_text("old")
    upscale(source, target, overwrite=True)
    assert list(target.parent.iterdir()) == [target]
    assert (read(target)[1] == 255).all()


def test_temporary_files_of_other_targets_and_running_processes_stay(tmp_path, target, values):
    source = make_scene(tmp_path / "a.tif", values)
    running = [f".{target.name}.partial-{os.getppid()}.tif", f".x{target.name}.partial-1.tif"]
    dead = [f".{target.name}.partial-{2**22 + 1}.{end}" for end in ("tif", "tif.ovr.tmp")]
    for name in (*running, *dead):
        target.with_name(name).touch()
    upscale(source, target)
    assert sorted(p.name for p in target.parent.iterdir()) == sorted([*running, target.name])


SMALL_CACHE = """
import resource
import sys
from sen2naip_sr.raster import cog
from sen2naip_sr.raster.scene import open_scene
cog.CACHE = 16 * 2**20
with open_scene(sys.argv[1]) as scene, cog.writing_cog(sys.argv[2], scene, {}) as writer:
    for top in range(0, scene.height, 128):
        values, valid = (a.repeat(2, 1).repeat(2, 2) for a in scene.read(top, 0, 128, 512))
        writer.write(2 * top, 0, values, valid)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise")
def test_memory_does_not_grow_with_the_scene(tmp_path, target):
    peaks = []
    for rows in (1024, 8192):
        source = make_scene(
            tmp_path / f"{rows}.tif", np.zeros((1, rows, 512), "float64"), compress="deflate"
        )
        command = [sys.executable, "-c", SMALL_CACHE, source, target.with_name(f"{rows}.tif")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        peaks.append(int(done.stdout) * 1024)
    more_pixels = 4 * (8192 - 1024) * 512 * 8
    assert peaks[1] - peaks[0] < more_pixels / 2
