"""Products that cannot be used: what is wrong is named, and nothing hostile is followed."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from affine import Affine
from made_products import (
    ROLES,
    SIDE,
    UTM,
    hls,
    landsat,
    pixels,
    sentinel2,
    stac_item,
    theia,
    write_raster,
    zipped,
)
from servers import serving

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.products.finding import find_product
from sen2naip_sr.raster.products.xml import parse_xml
from sen2naip_sr.raster.scene import open_scene


@pytest.fixture(scope="module")
def ground():
    return pixels()


def refusal(source, **options):
    """Return code and text of the error that a source is refused with."""
    with pytest.raises(UserError) as caught:
        with open_scene(source, **options) as scene:
            scene.read(0, 0, scene.height, scene.width)
    return caught.value.code, str(caught.value)


def test_a_missing_band_is_named(tmp_path, ground):
    code, text = refusal(sentinel2(tmp_path, ground, leave_out=("nir",)))
    assert code == "product-band-missing"
    assert "B08 (nir)" in text
    place = theia(tmp_path, ground.astype("int16"))
    next(place.glob("*FRE_B2.tif")).unlink()
    assert "no blue band" in refusal(place)[1]
    place = landsat(tmp_path, ground)
    next(place.glob("*SR_B5.TIF")).unlink()
    assert "no nir band" in refusal(place)[1]
    place = hls(tmp_path, ground.astype("int16"))
    next(place.glob("*.B03.tif")).unlink()
    assert "no green band" in refusal(place)[1]


def test_bands_of_20_m_only(tmp_path, ground):
    code, text = refusal(sentinel2(tmp_path, ground, only_20m=True))
    assert code == "product-too-coarse"
    assert "20 or 60 m only" in text


def test_granules_of_several_zones_are_named(tmp_path, ground):
    tiles = (("33TWN", UTM, "EPSG:32633"), ("32TQT", UTM, "EPSG:32632"))
    code, text = refusal(sentinel2(tmp_path, ground, tiles=tiles))
    assert code == "product-several-zones"
    assert "zones 32 and 33" in text


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.98])
def test_a_jpeg_2000_that_is_cut_short(tmp_path, ground, kept):
    safe = sentinel2(tmp_path, ground)
    file = next(safe.glob("GRANULE/*/IMG_DATA/R10m/*_B03_10m.jp2"))
    content = file.read_bytes()
    file.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])
    code, text = refusal(safe)
    assert code in ("file-damaged", "file-empty", "not-a-raster", "format-refused")
    assert "_B03_10m.jp2" in text


HEAD = '<?xml version="1.0"?>'
HOSTILE = {
    "bomb": HEAD
    + '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">'
    + "".join(
        f'<!ENTITY x{n} "{"&x" + str(n - 1) + ";" if n else "&x;"}{"&x;" * 9}">' for n in range(9)
    )
    + "]><a>&x8;</a>",
    "external": HEAD + '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "parameter": HEAD + '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/x"> %x;]><a/>',
    "type": HEAD + '<!DOCTYPE a SYSTEM "http://localhost/x.dtd"><a/>',
    "deep": "<a>" * 5000 + "</a>" * 5000,
    "cut": "<a><b>",
    "empty": "",
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_hostile_xml_is_refused_in_any_encoding(kind, encoding):
    text = HOSTILE[kind].replace(HEAD, f'<?xml version="1.0" encoding="{encoding}"?>')
    with pytest.raises(UserError, match="XML is refused"):
        parse_xml(text.encode(encoding), "x.xml")


def test_hostile_metadata_of_a_product(tmp_path, ground):
    safe = sentinel2(tmp_path, ground)
    (safe / "MTD_MSIL2A.xml").write_text(HOSTILE["external"])
    code, text = refusal(safe)
    assert code == "product-damaged"
    assert "document type" in text


@pytest.mark.parametrize("name", ["../../outside.jp2", "/etc/outside.jp2", "a\\..\\..\\b"])
def test_archives_whose_names_lead_out_of_them(tmp_path, ground, name):
    path = zipped(sentinel2(tmp_path, ground))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    code, text = refusal(path)
    assert code == "archive-refused"
    assert "outside of it" in text
    bundle = tmp_path / "other.tar"
    with tarfile.open(bundle, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    assert refusal(bundle)[0] == "archive-refused"


def test_damaged_archives(tmp_path, ground):
    path = zipped(sentinel2(tmp_path, ground))
    path.write_bytes(path.read_bytes()[:-200])
    assert refusal(path)[0] == "product-damaged"


def test_metadata_that_unpack_to_too_much(tmp_path, ground, monkeypatch):
    from sen2naip_sr.raster.products import contents

    path = zipped(sentinel2(tmp_path, ground))
    monkeypatch.setattr(contents, "LARGEST_METADATA", 1000)
    assert "larger than" in refusal(path)[1]


def files(folder, values, **changed):
    """Write a file for each role, and return them as a stack."""
    for role in ROLES:
        options = changed.get(role, {})
        data = options.pop("values", values[ROLES.index(role)])
        write_raster(folder / f"{role}.tif", data, **options)
    return "stack:" + ",".join(f"{role}={folder}/{role}.tif" for role in ROLES)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"transform": UTM @ Affine.scale(2)}, "pixels of 20 x 20 against 10 x 10"),
        ({"transform": UTM @ Affine.translation(0.5, 0)}, "shifted"),
        ({"transform": UTM @ Affine.translation(3, 0)}, "covers"),
        ({"values": np.ones((SIDE, SIDE - 5), "uint16")}, "covers 91 x 96"),
        ({"crs": "EPSG:32632"}, "EPSG:32632 against EPSG:32633"),
        ({"values": np.ones((SIDE, SIDE), "float32")}, "float32 against uint16"),
    ],
)
def test_bands_that_do_not_fit_are_named(tmp_path, ground, changed, words):
    code, text = refusal(files(tmp_path, ground, nir=changed))
    assert code == "bands-do-not-fit"
    assert words in text
    assert "nir.tif" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("red=a.tif,red=b.tif", "role red is given twice"),
        ("red=a.tif,pink=b.tif", "not ROLE=FILE"),
        ("red", "not ROLE=FILE"),
        ("red=a.tif,green=a.tif", "same file"),
        ("red=a.tif,green=b.tif,blue=c.tif", "no nir"),
        ("red=*.tif", "fits 4 files"),
        ("red=*.jp2", "fits 0 files"),
    ],
)
def test_stacks_that_cannot_be_meant(tmp_path, ground, text, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "abcd":
        write_raster(tmp_path / f"{name}.tif", ground[0])
    code, told = refusal(f"stack:{text}")
    assert code == "stack-invalid"
    assert words in told


def test_landsat_level_1_is_refused_by_name(tmp_path, ground):
    assert "level 1" in refusal(landsat(tmp_path, ground, level="L1TP"))[1]


def test_an_item_without_near_infrared_says_what_it_has(tmp_path, ground):
    item = stac_item(tmp_path, ground, without=("nir",))
    document = json.loads(item.read_text())
    del document["assets"]["B8A"]
    item.write_text(json.dumps(document))
    code, text = refusal(item)
    assert code == "product-band-missing"
    assert "common name is nir" in text
    assert "B04 (red)" in text


@pytest.fixture
def server(tmp_path):
    """Serve a folder; what is called secret needs a login."""
    with serving(tmp_path, tmp_path / "log.txt") as (address, _):
        yield f"http://{address}"


def test_items_of_a_server(tmp_path, ground, server):
    stac_item(tmp_path, ground)
    with open_scene(f"{server}/item.json") as scene:
        values, _ = scene.read(0, 0, scene.height, scene.width)
    np.testing.assert_array_equal(values, ground)


@pytest.mark.parametrize(
    ("place", "answer", "whose"),
    [
        ("secret", "127.0.0.1 answers 401", "log in at 127.0.0.1"),
        ("elsewhere", "localhost answers 401", "log in at localhost"),
        ("unsigned", "127.0.0.1 answers 409", "an address that is signed"),
    ],
)
def test_assets_behind_a_login_say_so_and_whose_it_is(  # noqa: PLR0917 - fixtures
    tmp_path, ground, server, place, answer, whose
):
    item = stac_item(tmp_path, ground)
    document = json.loads(item.read_text())
    document["assets"]["B03_10m"]["href"] = f"{server}/{place}/B03.tif"
    item.write_text(json.dumps(document))
    for source in (item, f"{server}/item.json"):
        code, text = refusal(source)
        assert code == "server-refuses"
        assert answer in text
        assert "B03.tif" in text
        assert whose in text


@pytest.mark.parametrize("name", ["item.json", "scene.tif"])
def test_items_and_rasters_behind_a_login_or_missing_say_so(server, name):
    for place, answer in (("secret", 401), ("nowhere", 404)):
        code, text = refusal(f"{server}/{place}/{name}")
        assert code == "server-refuses"
        assert f"127.0.0.1 answers {answer}" in text


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/vsimem/x.tif", "ftp://x/y.tif"])
def test_items_of_a_server_name_no_file_of_this_machine(tmp_path, ground, server, href):
    item = stac_item(tmp_path, ground)
    document = json.loads(item.read_text())
    document["assets"]["B03_10m"]["href"] = href
    item.write_text(json.dumps(document))
    assert refusal(f"{server}/item.json")[0] in ("location-refused", "server-refuses")


def test_a_folder_with_several_products_is_none_itself(tmp_path, ground):
    for craft in ("LC08", "LC09"):
        for path in landsat(tmp_path / "made", ground, craft=craft).iterdir():
            (tmp_path / "flat").mkdir(exist_ok=True)
            path.rename(tmp_path / "flat" / path.name)
    assert find_product(tmp_path / "flat") is None
