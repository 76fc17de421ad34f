"""What is said of a source before it is upscaled: products of every kind, rasters, real scenes."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from made_products import (
    ROLES,
    S2_BANDS,
    hls,
    landsat,
    pixels,
    planetscope,
    sentinel2,
    stac_item,
    theia,
    write_raster,
    zipped,
)

from sen2naip_sr.command import main

SCENES = Path(__file__).parents[3] / "shared/data/scenes"
LONGEST = 3.0
"""Seconds that an answer may take."""

NOTHING_KNOWN = "estimated from the scene; if that cannot be: what clean images have"
PUBLISHED = (
    "noise estimated from the scene; if that cannot be: 16, 13, 13, 18 digital numbers, published "
    "of Sentinel-2 MSI",
    "blur estimated from the scene; if that cannot be: 0.52 pixels, published of Sentinel-2 MSI",
)


@pytest.fixture(scope="module")
def ground():
    return pixels()


def stack(folder, values):
    for role, band in S2_BANDS.items():
        write_raster(folder / f"T33TWN_{band}.tif", values[ROLES.index(role)], nodata=0)
    names = (f"{role}={folder}/T33TWN_{band}.tif" for role, band in S2_BANDS.items())
    return f"stack:{','.join(names)}"


KINDS = {
    "L1C": (
        lambda folder, v: zipped(sentinel2(folder, v, level="L1C", baseline="02.14")),
        "uint16",
        (
            "product Sentinel-2 L1C",
            "level L1C, baseline or version 02.14, acquired 2021-06-01T10:06:01.024Z",
            "red (B04, 553.5 nm), green (B03, 552.5 nm), blue (B02, 551.5 nm), nir (B08, 557.5 nm)",
            "order B04, B03, B02, B08: the bands of 10 m, by the names of their files",
            "nodata 0",
            "0.0001 x value +0, by QUANTIFICATION_VALUE 10000, without RADIO_ADD_OFFSET",
            "96 x 96 of uint16, 10 x 10 each, EPSG:32633",
            *PUBLISHED,
        ),
    ),
    "L2A": (
        sentinel2,
        "uint16",
        (
            "product Sentinel-2 L2A",
            "level L2A, baseline or version 05.11, acquired 2024-08-01T10:06:01.024Z",
            "0.0001 x value -0.1, by BOA_QUANTIFICATION_VALUE 10000 and BOA_ADD_OFFSET -1000",
            *PUBLISHED,
        ),
    ),
    "Theia": (
        theia,
        "int16",
        (
            "product Theia L2A, FRE (flat reflectance, corrected for slopes)",
            "level L2A, baseline or version 3.1, acquired 2023-06-01T10:06:01.123Z",
            "red (B4, 664.6 nm)",
            "order B4, B3, B2, B8 of FRE, by the names of their files",
            "nodata -10000",
            "REFLECTANCE_QUANTIFICATION_VALUE 10000; there is no offset",
            *PUBLISHED,
        ),
    ),
    "Landsat 9": (
        lambda folder, v: landsat(folder, v, craft="LC09"),
        "uint16",
        (
            "product Landsat 9 Collection 2 level 2",
            "level L2SP, acquired 2023-06-01",
            "red (SR_B4, 654.6 nm)",
            "order SR_B4, SR_B3, SR_B2, SR_B5, by the spacecraft LC09",
            "30 x 30 each",
            "nodata 0",
            "2.75e-05 x value -0.2, by REFLECTANCE_MULT_BAND_4",
            f"noise {NOTHING_KNOWN}",
        ),
    ),
    "HLS": (
        hls,
        "int16",
        (
            "product HLS L30",
            "level L30, baseline or version 2.0, acquired 2023-06-01T10:06:01Z",
            "order B04, B03, B02, B05, by the names of the files",
            "nodata -9999",
            "0.0001 x value +0, by scale_factor 0.0001 and add_offset 0 of its files",
        ),
    ),
    "PlanetScope": (
        lambda folder, v: planetscope(folder, v, bands=8, udm2=np.zeros((96, 96), "uint8")),
        "uint16",
        (
            "product PlanetScope, 8 bands",
            "level surface reflectance, acquired 2023-06-01T09:59:59+00:00",
            "order bands 6, 4, 2, 8, by Planet's order of 8, since its XML is beside it; UDM2",
            "3 x 3 each",
            "nodata 0; and a mask",
            "0.0001 x value +0, by Planet's specification of surface reflectance",
            f"blur {NOTHING_KNOWN}",
        ),
    ),
    "STAC": (
        stac_item,
        "uint16",
        (
            "product STAC item 1.0.0",
            "baseline or version 05.09, acquired 2023-06-01T10:06:01Z",
            "red (B04, 665 nm)",
            "order B04 (red), B03 (green), B02 (blue), B08 (nir), by common names",
            "0.0001 x value -0.1, by scale 0.0001 and offset -0.1 of the item",
            *PUBLISHED,
        ),
    ),
    "stack": (
        stack,
        "uint16",
        (
            "T33TWN product stack of files",
            "processing not stated",
            "order red T33TWN_B04.tif, green T33TWN_B03.tif, blue T33TWN_B02.tif, nir "
            "T33TWN_B08.tif, as given",
            "reflectance no scale and offset are stated",
            f"noise {NOTHING_KNOWN}",
        ),
    ),
}


def told(*words):
    """Return what the command says, with single spaces."""
    answer = CliRunner().invoke(main, ["info", *map(str, words)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    lines = answer.output.splitlines()
    assert len(lines) <= 24, "it is more than one screen"
    return " ".join(answer.output.split())


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_every_kind_are_described(tmp_path, ground, kind):
    make, dtype, words = KINDS[kind]
    text = told(make(tmp_path, ground.astype(dtype)))
    for expected in (*words, "result 192 x 192 pixels, up to 0.3 MB; about 5 s with default on"):
        assert expected in text


def test_areas_and_what_is_given_are_told(tmp_path, ground):
    safe = sentinel2(tmp_path, ground)
    text = told(safe, "--window", "90,90,20,20", "--noise", "12.5", "--blur", "recipe")
    assert "area 6 x 6 pixels from column 90, row 90" in text
    assert "result 12 x 12 pixels" in text
    assert "noise 12.5, as given" in text
    assert "blur recipe, as given" in text
    text = told(safe, "--bands", "4,2,3,1")
    assert "by the names of their files; of these nir, green, blue, red, as given" in text


def test_rasters_are_described(tmp_path, make_geotiff):
    named = make_geotiff(tmp_path / "a.tif", descriptions=["blue", "green", "red", "nir"])
    assert "1, 2, 3, 4, as in the file; by their names, red, green, blue, nir are 3, 2, 1, 4" in (
        told(named)
    )
    assert "order 3, 2, 1, 4: red, green, blue, nir by their names" in (
        told(named, "--bands", "3,2,1,4")
    )
    eight = make_geotiff(tmp_path / "b.tif", bands=8)
    assert "8 bands, and 4 are expected" in told(eight)
    marked = make_geotiff(tmp_path / "c.tif", nodata=7)
    text = told(marked)
    assert (
        "order 1, 2, 3: red, green, blue by their colours; 4, marked as transparency, is taken for "
        "nir"
    ) in text
    assert "nodata 7" in text
    plain = make_geotiff(tmp_path / "d.tif", photometric="MINISBLACK", alpha="unspecified")
    assert "as in the file; nothing says that they are red, green, blue, nir" in told(plain)


def test_what_is_missing_is_an_error(tmp_path):
    answer = CliRunner().invoke(main, ["info", str(tmp_path / "missing.tif")])
    assert answer.exit_code == 1
    assert "no such file" in answer.output


REAL = {
    "naip-desert-ca-0.6m.tif": (
        "266 x 204 of uint8, 0.599848 x 0.598599 each, EPSG:26911",
        "4, marked as transparency, is taken for nir",
        "nodata none",
    ),
    "naip-sherando-va-1m.tif": (
        "597 x 510 of uint8, 1 x 1 each, EPSG:26917",
        "order 1, 2, 3, 4: red, green, blue, nir by their names",
        "nodata 255",
    ),
    "s2-inn-10m.tif": (
        "578 x 379 of uint16, 10 x 10 each, EPSG:32633",
        "bands 1 Red, 2 Green, 3 Blue, 4 NIR",
        "nodata none",
        "result 1,156 x 758 pixels, up to 7.0 MB",
    ),
    "s2-aberystwyth-10m.tif": (
        "930 x 947 of uint16, 10 x 10 each, EPSG:27700",
        "bounds 257070.5948, 276258.7167, 266370.5948, 285728.7167",
        "result 1,860 x 1,894 pixels, up to 28.2 MB",
    ),
}


@pytest.mark.skipif(not SCENES.is_dir(), reason="the real scenes are not beside the project")
@pytest.mark.parametrize("name", REAL)
def test_real_scenes_are_described(name):
    text = told(SCENES / name)
    assert "product none that is known: a raster (GTiff)" in text
    for expected in (*REAL[name], "reflectance no scale and offset are stated"):
        assert expected in text


def test_it_answers_at_once(tmp_path, ground):
    code = (
        "import sys; from sen2naip_sr.command import main;"
        "main(sys.argv[1:], standalone_mode=False); assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code, "info", str(sentinel2(tmp_path, ground))]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # of the processor, so that other work of this machine does not count
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < LONGEST
