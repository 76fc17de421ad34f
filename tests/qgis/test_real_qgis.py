"""The plugin in a real QGIS without a window: runs, cancels, errors, batches, layers, drawing.

Skipped where no Python imports QGIS. On two cores that nothing else uses it takes about a minute.
"""

import json
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from plugin_zip import build
from rasterio.enums import ColorInterp
from rasterio.shutil import copy as copy_raster
from rasterio.transform import from_origin

import sen2naip_sr
from sen2naip_sr.command import main

SOURCE = Path(sen2naip_sr.__file__).parents[1]
DRIVE = Path(__file__).with_name("drive.py")
PLACE = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 10, 10)}
SENTINEL_2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


def python_of_qgis():
    """Return a Python that imports QGIS, such as Debian's; None if there is none."""
    candidates = ("/usr/bin/python3", shutil.which("python3"), sys.executable)
    for candidate in filter(None, dict.fromkeys(candidates)):
        if Path(candidate).exists():
            asked = [candidate, "-c", "import qgis.core, qgis.gui"]
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                return candidate
    return None


PYTHON = python_of_qgis()
pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="QGIS is missing: apt-get install --no-install-recommends qgis"
)


def write(path, count, height, width, *, names=None, colours=None, dtype="uint8", placed=True):
    random = np.random.default_rng(0)
    shape = (count, -(-height // 8), -(-width // 8))
    fields = random.integers(0, 60, shape).repeat(8, 1).repeat(8, 2)[:, :height, :width]
    values = 40 + fields + random.integers(0, 8, (count, height, width))
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=dtype,
        **(PLACE if placed else {}),
    ) as target:  # fmt: skip
        target.write(values.astype(dtype))
        if names:
            target.descriptions = names
        if colours:
            target.colorinterp = colours


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with scenes, a home with the plugin as its zip has it, and the command."""
    folder = tmp_path_factory.mktemp("work")
    write(folder / "rgbn.tif", 4, 96, 96, names=("Red", "Green", "Blue", "NIR"))
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    write(folder / "flagged.tif", 4, 96, 96, colours=colours)
    write(folder / "twelve.tif", 12, 96, 96, names=SENTINEL_2, dtype="uint16")
    write(folder / "three.tif", 3, 96, 96)
    write(folder / "large.tif", 4, 400, 2100)
    write(folder / "plain.tif", 4, 96, 96, placed=False)
    copy_raster(folder / "rgbn.tif", folder / "one.gpkg", driver="GPKG")
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.write(folder / "rgbn.tif", "in/rgbn.tif")
    plugins = folder / "home/.local/share/QGIS/QGIS3/profiles/default/python/plugins"
    with zipfile.ZipFile(build(folder / "plugin.zip")) as archive:
        archive.extractall(plugins)
    # the plugin keeps PYTHONPATH from the command, so that this one has to bring its own
    command = folder / "bin" / "sen2naip-sr"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nPYTHONPATH='{SOURCE}' OMP_NUM_THREADS=1 "
        f"exec '{sys.executable}' -m sen2naip_sr.command \"$@\"\n"
    )
    command.chmod(0o755)
    (folder / "run").mkdir(mode=0o700)
    return folder


def environment(work, **others):
    return {
        "HOME": str(work / "home"),
        "LANG": "C.UTF-8",
        "PATH": f"{work / 'bin'}:/usr/bin:/bin",
        # what QGIS sets and the command must not see
        "GDAL_DATA": "/nowhere",
        "PROJ_LIB": "/usr/share/proj",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PLUGIN_FOLDER": str(work / "home/.local/share/QGIS/QGIS3/profiles/default/python/plugins"),
        "QT_QPA_PLATFORM": "offscreen",
        "WORK": str(work),
        "XDG_RUNTIME_DIR": str(work / "run"),
        **others,
    }


def drive(work, task, **others):
    """Return what a task of `drive.py` finds."""
    found = work / f"found_{task}.json"
    done = subprocess.run(
        [PYTHON, DRIVE, task],
        env=environment(work, FOUND=str(found), **others),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert found.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(found.read_text())


@cache
def upscaled(work, name, *flags):
    """Return the pixels that the command line makes of a scene."""
    target = work / f"{name}_typed{len(flags)}.tif"
    typed = ["upscale", str(work / f"{name}.tif"), "-o", str(target), *flags]
    result = CliRunner().invoke(main, typed)
    assert result.exit_code == 0, result.output
    return pixels(target)


def pixels(path):
    with rasterio.open(path) as source:
        return source.read()


def test_run_in_qgis_process_gives_the_pixels_of_the_command_line(work):
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        pytest.skip("qgis_process is missing")

    def process(*arguments):
        return subprocess.run(
            [program, *arguments], env=environment(work), capture_output=True, text=True, check=True
        ).stdout

    process("plugins", "enable", "sen2naip_sr_qgis")
    target = work / "run.tif"
    told = process(
        "run", "sen2naip_sr:double_resolution", f"--INPUT={work / 'rgbn.tif'}", f"--OUTPUT={target}"
    )
    assert "1 of 1 tiles" in told
    assert np.array_equal(pixels(target), upscaled(work, "rgbn"))


def test_results_are_drawn_as_their_inputs(work):
    found = drive(work, "drawing")
    for name, layers in found.items():
        given, made = layers["input"], layers["result"]
        assert layers["name"] == f"{name} x2"
        assert made["limits"] == given["limits"] == layers["before"]["limits"]
        assert made["alpha"] == given["alpha"] == -1
    # QGIS draws the fourth band of such files as opacity
    assert found["flagged"]["before"]["alpha"] == 4
    assert found["flagged"]["result"]["bands"] == [1, 2, 3]
    assert found["twelve"]["input"]["bands"] == [8, 4, 3]
    assert found["twelve"]["result"]["bands"] == [4, 1, 2]
    typed = upscaled(work, "twelve", "--bands=B04,B03,B02,B08")
    assert np.array_equal(pixels(work / "twelve_drawn.tif"), typed)


def test_cancelled_runs_end_at_once_and_leave_nothing(work):
    for run in drive(work, "cancel"):
        assert run["seconds"] < 2
        assert run["left"] == run["children"] == []
        assert run["results"] == {}
        assert run["lines"][-1] == "Cancelled: nothing was written."


def test_errors_say_problem_and_remedy(work):
    found = drive(work, "errors")
    assert found.pop("left") == []
    expected = {
        "noise": "noise: Input should be 'auto' or a valid number",
        "model": "did you mean 'lean'",
        "bands": "'9' is no band of the layer",
        "three": "The layer 'three' has 3 bands",
        "ending": "never.gpkg is no GeoTIFF",
        "itself": "is the input itself",
        "outside": "is outside of the layer 'rgbn'",
        "server": "Connection refused",
        "wms": "The layer 'Tiles' is a picture service",
        "memory": "The layer 'In memory' lies in the memory",
        "no command": "The command sen2naip-sr was not found",
    }
    assert found.keys() == expected.keys()
    for name, said in expected.items():
        problem = found[name]["lines"][-1]
        assert not found[name]["good"]
        assert problem.startswith("ERROR ")
        assert said in problem
        assert "\nWhat to do: " in problem
        assert "Traceback" not in str(found[name])
        assert "--" not in problem  # nobody types flags in QGIS


def test_layers_that_are_no_plain_files(work):
    sources = {
        "gpkg": f"{work / 'one.gpkg'}",
        "zip": f"/vsizip/{work / 'archive.zip'}/in/rgbn.tif",
    }
    found = drive(work, "sources", SOURCES=json.dumps(sources))
    assert all(one["good"] for one in found.values()), found
    assert np.array_equal(pixels(work / "zip_done.tif"), upscaled(work, "rgbn"))
    assert pixels(work / "gpkg_done.tif").shape == (4, 192, 192)


@pytest.mark.skipif("info" not in main.commands, reason="the command takes no areas yet")
def test_areas_are_parts_of_the_whole_and_scenes_are_described(work):
    found = drive(work, "areas")
    assert found["rgbn"]["good"] and found["plain"]["good"], found
    whole = upscaled(work, "rgbn")
    # the box from x 500100 and y 4999905 cuts the tenth row and the fiftieth in two
    assert np.array_equal(pixels(work / "rgbn_part.tif"), whole[:, 18:100, 20:100])
    assert np.array_equal(
        pixels(work / "plain_part.tif"), upscaled(work, "plain")[:, 40:100, 32:80]
    )
    assert "96 x 96" in found["info"]
    assert "red" in found["info"]


def test_batches_go_on_after_a_failure_and_can_be_cancelled(work):
    found = drive(work, "batch")
    assert "The layer 'three' has 3 bands" in found["log"]
    assert "1 executions failed" in found["log"]
    assert found["left"] == ["batch_1.tif"]
    assert found["loaded"] == ["rgbn x2"]
    assert found["seconds"] < 2
    assert found["children"] == found["hidden"] == []
    assert np.array_equal(pixels(work / "batch_1.tif"), upscaled(work, "rgbn"))


def test_the_dialog_presets_bands_and_shows_cards(work):
    found = drive(work, "dialog")
    assert found["bands"] == {"rgbn": "1,2,3,4", "twelve": "4,3,2,8", "three": ""}
    assert found["typed"] == "2,3,4,8"
    assert found["why"] == "<i>by their names</i>"
    assert "default" in found["models"] and "best" in found["models"]
    assert "Trained on" in found["card"]
    assert found["parameters"]["BANDS"] == "2,3,4,8"


def test_models_of_qgis_hold_it(work):
    found = drive(work, "model")
    assert found["good"], found
    assert np.array_equal(pixels(work / "model.tif"), upscaled(work, "rgbn", "--model=lean"))
