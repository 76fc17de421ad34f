"""Results do not depend on the user's settings of GDAL."""

import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from tiny_scenes import PLACE, make_scene, noise

SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": ("EMPTY_DIR", "YES"),
    "GDAL_TIFF_INTERNAL_MASK": ("YES",),
    "GDAL_PAM_ENABLED": ("NO",),
    "GDAL_PAM_PROXY_DIR": ("/nowhere",),
    "GDAL_CACHEMAX": ("1",),
    "GDAL_NUM_THREADS": ("ALL_CPUS",),
    "GDAL_TIFF_OVR_BLOCKSIZE": ("64",),
    "GDAL_TIFF_ENDIANNESS": ("BIG",),
    "GDAL_FORCE_CACHING": ("YES",),
    "GDAL_ONE_BIG_READ": ("YES",),
    "GDAL_MAX_DATASET_POOL_SIZE": ("2",),
    "COMPRESS_OVERVIEW": ("JPEG", "DEFLATE"),
    "INTERLEAVE_OVERVIEW": ("BAND",),
    "PHOTOMETRIC_OVERVIEW": ("YCBCR",),
    "PREDICTOR_OVERVIEW": ("2",),
    "USE_RRD": ("YES",),
    "GTIFF_POINT_GEO_IGNORE": ("YES",),
    "GTIFF_DIRECT_IO": ("YES",),
    "GTIFF_VIRTUAL_MEM_IO": ("YES",),
    "GTIFF_IGNORE_READ_ERRORS": ("YES",),
    "OSR_DEFAULT_AXIS_MAPPING_STRATEGY": ("AUTHORITY_COMPLIANT",),
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": (".foo",),
    "VSI_CACHE": ("TRUE",),
    "CPL_DEBUG": ("ON",),
}
"""What people set for the cloud, for speed or in other projects, alone or all together."""

CHOICES = [{name: value} for name, values in SETTINGS.items() for value in values]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Scenes whose masks, georeferencing or values depend on settings."""
    folder = tmp_path_factory.mktemp("scenes")
    mask = np.ones((30, 40), bool)
    mask[5:20, 10:30] = False
    values = noise(4, 30, 40)
    make_scene(folder / "beside.tif", values, mask=mask, internal=False, **PLACE)
    make_scene(folder / "inside.tif", values, mask=mask, internal=True, **PLACE)
    floats = noise(4, 30, 40, "float32")
    floats[:, :4] = np.nan
    make_scene(folder / "nan.tif", floats, **PLACE)
    make_scene(folder / "big.tif", noise(4, 600, 700), nodata=7, compress="deflate", **PLACE)
    point = make_scene(folder / "point.tif", values, **PLACE)
    with rasterio.open(point, "r+") as target:
        target.update_tags(AREA_OR_POINT="Point")
    return folder


SCRIPT = """
import hashlib, json, os, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
from tiny_scenes import upscale
import rasterio
found = {}
for path in sorted(Path(sys.argv[2]).glob("*.tif")):
    target = Path(sys.argv[3]) / path.name
    upscale(path, target)
    found[path.name] = target.name
print(json.dumps(found))
"""


def contents(folder):
    """Return everything that a reader sees of the results, by name."""
    found = {}
    for path in sorted(folder.iterdir()):
        with rasterio.open(path) as result:
            levels = result.overviews(1)
            found[path.name] = [
                result.read().tobytes(),
                result.read_masks().tobytes(),
                tuple(result.transform),
                str(result.crs),
                result.nodata,
                levels,
                result.profile.get("compress"),
                [str(flags) for flags in result.mask_flag_enums],
            ]
    return found


def made_with(settings, scenes, folder):
    folder.mkdir()
    command = [sys.executable, "-c", SCRIPT, os.path.dirname(os.path.dirname(__file__))]
    subprocess.run(
        [*command, str(scenes), str(folder)],
        env={**os.environ, **settings},
        check=True,
        capture_output=True,
    )
    assert not [p for p in folder.iterdir() if p.suffix != ".tif"], "nothing lies beside results"
    return contents(folder)


@pytest.fixture(scope="module")
def usual(scenes, tmp_path_factory):
    return made_with({}, scenes, tmp_path_factory.mktemp("usual") / "out")


@pytest.mark.parametrize(
    "settings",
    [*CHOICES, {name: values[0] for name, values in SETTINGS.items()}],
    ids=lambda settings: ",".join(settings) if len(settings) == 1 else "all",
)
def test_results_do_not_depend_on_settings(settings, scenes, usual, tmp_path):
    assert made_with(settings, scenes, tmp_path / "out") == usual
