"""Products with the layouts, names and metadata of real ones, and a few pixels."""

import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

ROLES = ("red", "green", "blue", "nir")
SIDE = 96
UTM = Affine(10, 0, 399_960, 0, -10, 5_300_040)
CRS = "EPSG:32633"
S2_BANDS = {"red": "B04", "green": "B03", "blue": "B02", "nir": "B08"}
S2_IDS = {"blue": (1, "B2"), "green": (2, "B3"), "red": (3, "B4"), "nir": (7, "B8")}
DATES = {"02.14": "20210601", "04.00": "20220601", "05.11": "20240801"}


def pixels(seed=0, side=SIDE, dtype="uint16", base=2000):
    """Return (4, side, side) of soft ground whose bands differ, with a corner without data."""
    random = np.random.default_rng(seed)
    rough = random.normal(0, 1, (4, side, side)).cumsum(axis=1).cumsum(axis=2)
    smooth = rough / np.abs(rough).max(axis=(1, 2), keepdims=True)
    level = base + 400 * np.arange(4)[:, np.newaxis, np.newaxis]
    values = level + 900 * smooth + random.normal(0, 25, rough.shape)
    return values.round().astype(dtype)


def write_raster(path, values, *, driver="GTiff", crs=CRS, transform=UTM, **options):
    """Write (C, h, w), as JPEG 2000 without loss where the driver is JP2OpenJPEG."""
    values = values if values.ndim == 3 else values[np.newaxis]
    if driver == "JP2OpenJPEG":
        options |= {"QUALITY": 100, "REVERSIBLE": "YES", "BLOCKXSIZE": 64, "BLOCKYSIZE": 64}
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    describe = options.pop("descriptions", ())
    tags = options.pop("tags", {})
    with rasterio.open(
        path, "w", driver=driver, count=count, height=height, width=width, dtype=values.dtype,
        crs=crs, transform=transform, **options,
    ) as target:  # fmt: skip
        target.write(values)
        for number, name in enumerate(describe, 1):
            target.set_band_description(number, name)
        if tags:
            target.update_tags(**tags)
    Path(f"{path}.aux.xml").unlink(missing_ok=True)
    return path


def stacked(path, values, nodata=0, **options):
    """Write what a user would stack by hand."""
    return write_raster(path, values, nodata=nodata, **options)


def sentinel2(
    folder, values, *, level="L2A", baseline="05.11", offset=None, quantification=10_000,
    tiles=(("33TWN", UTM, CRS),), leave_out=(), only_20m=False,
):  # fmt: skip
    """Write a .SAFE folder; ``values`` are those of all granules, or one array for each."""
    if offset is None:
        offset = 0 if baseline < "04.00" else -1000
    date = DATES[baseline]
    code = baseline.replace(".", "")
    name = f"S2A_MSI{level}_{date}T100601_N{code}_R022_T{tiles[0][0]}_{date}T140000"
    safe = folder / f"{name}.SAFE"
    images = []
    for number, (tile, transform, crs) in enumerate(tiles):
        granule = f"{level}_T{tile}_A041500_{date}T100600"
        own = values[number] if isinstance(values, list) else values
        base = safe / "GRANULE" / granule / "IMG_DATA"
        for role, band in S2_BANDS.items():
            stem = f"T{tile}_{date}T100601_{band}"
            inside = base / f"{stem}.jp2"
            if level == "L2A":
                inside = base / "R10m" / f"{stem}_10m.jp2"
                coarse = own[:, ::2, ::2]
                name20 = band if role != "nir" else "B8A"
                write_raster(
                    base / "R20m" / f"T{tile}_{date}T100601_{name20}_20m.jp2",
                    coarse[ROLES.index(role)],
                    driver="JP2OpenJPEG", crs=crs, transform=transform @ Affine.scale(2),
                )  # fmt: skip
            if role not in leave_out and not only_20m:
                write_raster(
                    inside, own[ROLES.index(role)],
                    driver="JP2OpenJPEG", crs=crs, transform=transform,
                )  # fmt: skip
            images.append(inside.relative_to(safe).with_suffix("").as_posix())
        (base.parent / "MTD_TL.xml").write_text("<Level-2A_Tile_ID/>")
    (safe / "manifest.safe").write_text("<x/>")
    text = s2_metadata(level, baseline, offset, quantification, images, name, date)
    (safe / f"MTD_MSI{level}.xml").write_text(text)
    return safe


def s2_metadata(level, baseline, offset, quantification, images, name, date):  # noqa: PLR0917
    """Return the XML of a user product, shortened to what products have in common."""
    short = level[1:]
    tag, listed = ("BOA_ADD_OFFSET", "BOA_ADD_OFFSET_VALUES_LIST")
    values = f'<BOA_QUANTIFICATION_VALUE unit="none">{quantification}</BOA_QUANTIFICATION_VALUE>'
    values = f"<QUANTIFICATION_VALUES_LIST>{values}</QUANTIFICATION_VALUES_LIST>"
    if level == "L1C":
        tag, listed = ("RADIO_ADD_OFFSET", "Radiometric_Offset_List")
        values = f'<QUANTIFICATION_VALUE unit="none">{quantification}</QUANTIFICATION_VALUE>'
    if quantification is None:
        values = ""
    offsets = ""
    if baseline >= "04.00":
        offsets = "".join(f'<{tag} band_id="{n}">{offset}</{tag}>' for n in range(13))
        offsets = f"<{listed}>{offsets}</{listed}>"
    spectral = "".join(
        f'<Spectral_Information bandId="{number}" physicalBand="{band}"><RESOLUTION>10</RESOLUTION>'
        f'<Wavelength><MIN unit="nm">{500 + number}</MIN><MAX unit="nm">{600 + number}</MAX>'
        f'<CENTRAL unit="nm">{550.5 + number}</CENTRAL></Wavelength></Spectral_Information>'
        for number, band in S2_IDS.values()
    )
    files = "".join(f"<IMAGE_FILE>{image}</IMAGE_FILE>" for image in images)
    xsd = f"https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{short}.xsd"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{short}_User_Product xmlns:n1="{xsd}">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{date}</PRODUCT_START_TIME><PRODUCT_URI>{name}.SAFE</PRODUCT_URI>
<PROCESSING_LEVEL>Level-{short}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake datatakeIdentifier="GS2A"><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>{date[:4]}-{date[4:6]}-{date[6:]}T10:06:01.024Z</DATATAKE_SENSING_START>
</Datatake><Product_Organisation><Granule_List><Granule imageFormat="JPEG2000">{files}</Granule>
</Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
{values}{offsets}<Spectral_Information_List>{spectral}</Spectral_Information_List>
</Product_Image_Characteristics></n1:General_Info>
</n1:Level-{short}_User_Product>"""


def sentinel2_of_2015(folder, values, *, level="L1C", tiles=(("33TWN", UTM, CRS),)):
    """Write a .SAFE folder as it was until 2016: long names, and several granules."""
    kind = "OPER" if level == "L1C" else "USER"
    stamp = "EPAE_20160101T120000"
    safe = folder / f"S2A_{kind}_PRD_MSI{level}_PDMC_20160101T120000_R022_V20160101T100601.SAFE"
    for number, (tile, transform, crs) in enumerate(tiles):
        start = f"S2A_{kind}_MSI_{level}_TL_{stamp}_A002500_T{tile}"
        inside = safe / "GRANULE" / f"{start}_N02.01"
        own = values[number] if isinstance(values, list) else values
        images = inside / "IMG_DATA" / ("R10m" if level == "L2A" else "")
        ending = "_10m" if level == "L2A" else ""
        for role, band in S2_BANDS.items():
            write_raster(
                images / f"{start}_{band}{ending}.jp2", own[ROLES.index(role)],
                driver="JP2OpenJPEG", crs=crs, transform=transform,
            )  # fmt: skip
        (inside / f"{start.replace('MSI_', 'MTD_')}.xml").write_text("<x/>")
    text = s2_metadata(level, "02.01", 0, 1000, [], safe.stem, "20160101")
    if level == "L2A":
        text = text.replace("BOA_QUANT", "L2A_BOA_QUANT")
    (safe / f"S2A_{kind}_MTD_SAF{level}_PDMC_20160101T120000_R022.xml").write_text(text)
    return safe


def zipped(folder, target=None):
    """Return a zip of a product's folder, as it is downloaded."""
    target = target or folder.with_name(f"{folder.name.removesuffix('.SAFE')}.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
    return target


def theia(folder, values, *, quantification=10_000):
    """Write a Theia L2A folder, whose SRE values are 7 above its FRE values."""
    name = "SENTINEL2A_20230601-100601-123_L2A_T33TWN_C_V3-1"
    place = folder / name
    for variant, added in (("FRE", 0), ("SRE", 7)):
        for role, band in {"red": "B4", "green": "B3", "blue": "B2", "nir": "B8"}.items():
            own = values[ROLES.index(role)]
            write_raster(
                place / f"{name}_{variant}_{band}.tif", np.where(own == -10_000, own, own + added)
            )
    (place / "MASKS").mkdir()
    write_raster(place / "MASKS" / f"{name}_EDG_R1.tif", np.zeros((SIDE, SIDE), "uint8"))
    stated = (
        f"<REFLECTANCE_QUANTIFICATION_VALUE>{quantification}</REFLECTANCE_QUANTIFICATION_VALUE>"
    )
    (place / f"{name}_MTD_ALL.xml").write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<Muscate_Metadata_Document><Product_Characteristics>
<PRODUCT_ID>{name}</PRODUCT_ID><ACQUISITION_DATE>2023-06-01T10:06:01.123Z</ACQUISITION_DATE>
<PRODUCT_LEVEL>L2A</PRODUCT_LEVEL><PRODUCT_VERSION>3.1</PRODUCT_VERSION>
<PLATFORM>SENTINEL2A</PLATFORM></Product_Characteristics>
<Radiometric_Informations>{stated}
<Special_Values_List><SPECIAL_VALUE name="nodata">-10000</SPECIAL_VALUE>
<SPECIAL_VALUE name="water_vapor_content_nodata">0</SPECIAL_VALUE></Special_Values_List>
</Radiometric_Informations></Muscate_Metadata_Document>"""
    )
    return place


def landsat(folder, values, *, craft="LC08", stated=True, level="L2SP"):
    """Write a Landsat Collection 2 folder."""
    name = f"{craft}_{level}_193027_20230601_20230607_02_T1"
    place = folder / name
    late = craft[3] in "89"
    numbers = dict(zip(ROLES, (4, 3, 2, 5) if late else (3, 2, 1, 4), strict=True))
    kind = "SR_B" if level.startswith("L2") else "B"
    for role, number in numbers.items():
        write_raster(
            place / f"{name}_{kind}{number}.TIF", values[ROLES.index(role)],
            transform=UTM @ Affine.scale(3), nodata=0,
        )  # fmt: skip
    write_raster(place / f"{name}_{kind}6.TIF", values[0], transform=UTM @ Affine.scale(3))
    scales = [
        line
        for number in range(1, 8)
        for line in (
            f"    REFLECTANCE_MULT_BAND_{number} = 2.75e-05",
            f"    REFLECTANCE_ADD_BAND_{number} = -0.2",
        )
    ]
    other = "    REFLECTANCE_MULT_BAND_4 = 2.0000E-05\n    REFLECTANCE_ADD_BAND_4 = -0.100000"
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"
    lines = [
        "GROUP = LANDSAT_METADATA_FILE",
        "  GROUP = PRODUCT_CONTENTS",
        f'    PROCESSING_LEVEL = "{level}"',
        "  END_GROUP = PRODUCT_CONTENTS",
        "  GROUP = IMAGE_ATTRIBUTES",
        "    DATE_ACQUIRED = 2023-06-01",
        "  END_GROUP = IMAGE_ATTRIBUTES",
        *([f"  GROUP = {group}", *scales, f"  END_GROUP = {group}"] if stated else []),
        "  GROUP = LEVEL1_RADIOMETRIC_RESCALING",
        other,
        "  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING",
        "END_GROUP = LANDSAT_METADATA_FILE",
        "END",
    ]
    (place / f"{name}_MTL.txt").write_text("\n".join(lines))
    return place


def tarred(folder):
    """Return a tar of a folder's files, without the folder, as Landsat's are."""
    target = folder.with_suffix(".tar")
    with tarfile.open(target, "w") as bundle:
        for path in sorted(folder.iterdir()):
            bundle.add(path, path.name)
    return target


def hls(folder, values, *, satellite="L", scaled=True):
    """Write an HLS granule."""
    name = f"HLS.{satellite}30.T33TWN.2023152T100601.v2.0"
    bands = ("B04", "B03", "B02", "B05" if satellite == "L" else "B08")
    tags = {"scale_factor": "0.0001", "add_offset": "0"} if scaled else {}
    for role, band in zip(ROLES, bands, strict=True):
        write_raster(
            folder / name / f"{name}.{band}.tif", values[ROLES.index(role)],
            transform=UTM @ Affine.scale(3), nodata=-9999, tags=tags,
        )  # fmt: skip
    write_raster(folder / name / f"{name}.B01.tif", values[0], nodata=-9999)
    return folder / name


PLANET_4 = ("blue", "green", "red", "nir")
PLANET_8 = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")


def planetscope(
    folder, values, *, bands=4, surface=True, xml=True, names=False, udm2=None, udm=None
):
    """Write a PlanetScope scene; the roles of ``values`` are put where Planet has them."""
    start = "20230601_095959_12_2453"
    order = PLANET_4 if bands == 4 else PLANET_8
    image = np.stack([values[ROLES.index(n)] if n in ROLES else values[0] // 2 for n in order])
    kind = f"3B_AnalyticMS{'_SR' if surface else ''}{'_8b' if bands == 8 else ''}"
    path = write_raster(
        folder / f"{start}_{kind}.tif", image, transform=UTM @ Affine.scale(0.3), nodata=0,
        photometric="MINISBLACK", descriptions=order if names else (),
    )  # fmt: skip
    if xml:
        coefficients = "".join(
            f"<ps:bandSpecificMetadata><ps:bandNumber>{number}</ps:bandNumber>"
            "<ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor>"
            f"<ps:reflectanceCoefficient>{2e-5 + number * 1e-6}</ps:reflectanceCoefficient>"
            "</ps:bandSpecificMetadata>"
            for number in range(1, bands + 1)
        )
        eight = "_8b" if bands == 8 else ""
        (folder / f"{start}_3B_AnalyticMS{eight}_metadata.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?><ps:EarthObservation '
            'xmlns:ps="http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level">'
            "<ps:acquisitionDateTime>2023-06-01T09:59:59+00:00</ps:acquisitionDateTime>"
            f"{coefficients}</ps:EarthObservation>"
        )
    if udm is not None:
        path_of_mask = folder / f"{start}_3B_AnalyticMS_DN_udm.tif"
        write_raster(path_of_mask, udm, transform=UTM @ Affine.scale(0.3))
    if udm2 is not None:
        layers = np.zeros((8, *udm2.shape), "uint8")
        layers[7] = udm2
        write_raster(folder / f"{start}_3B_udm2.tif", layers, transform=UTM @ Affine.scale(0.3))
    return path


def stac_item(
    folder, values, *, version="1.0.0", scaled=True, without=(), one_asset=False, more=None
):
    """Write a STAC item and its assets."""
    assets = {}
    centres = {"red": 0.665, "green": 0.56, "blue": 0.49, "nir": 0.842}
    raster = {"nodata": 0} | ({"scale": 0.0001, "offset": -0.1} if scaled else {})
    if one_asset:
        write_raster(folder / "all.tif", values[[2, 1, 0, 3]])
        order = ("blue", "green", "red", "nir")
        assets["image"] = {
            "href": "./all.tif",
            "eo:bands": [{"name": role, "common_name": role} for role in order],
            "raster:bands": [raster] * 4,
        }
    else:
        for role, band in S2_BANDS.items():
            if role in without:
                continue
            write_raster(folder / "files" / f"{band}.tif", values[ROLES.index(role)])
            asset = {"href": f"files/{band}.tif", "roles": ["data", "reflectance"]}
            if version.startswith("1.1"):
                named = {"name": band, "eo:common_name": role, "nodata": 0}
                named |= {"eo:center_wavelength": centres[role]}
                if scaled:
                    named |= {"raster:scale": 0.0001, "raster:offset": -0.1}
                asset |= {"bands": [named], "gsd": 10}
            else:
                named = {"name": band, "common_name": role, "center_wavelength": centres[role]}
                asset |= {"eo:bands": [named], "gsd": 10, "raster:bands": [raster]}
            assets[f"{band}_10m"] = asset
        # a coarser band of the same role, and a picture, which are not to be taken
        assets["B8A"] = {
            "href": "files/none.tif",
            "gsd": 20,
            "eo:bands": [{"name": "B8A", "common_name": "nir08"}],
        }
        assets["visual"] = {
            "href": "files/none.tif",
            "roles": ["visual"],
            "eo:bands": [{"name": n, "common_name": n} for n in ("red", "green", "blue")],
        }
    item = {
        "type": "Feature",
        "stac_version": version,
        "id": "S2A_33TWN_20230601",
        "geometry": None,
        "properties": {
            "datetime": "2023-06-01T10:06:01Z",
            "constellation": "sentinel-2",
            "s2:processing_baseline": "05.09",
            **(more or {}),
        },
        "links": [],
        "assets": assets,
    }
    path = folder / "item.json"
    path.write_text(json.dumps(item))
    return path
