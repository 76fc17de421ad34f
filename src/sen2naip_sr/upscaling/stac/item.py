"""The STAC item of a result: what it shows, where, of when, and how it was made.

STAC 1.1.0 with the extensions projection 2.0.0, raster 1.1.0, eo 1.1.0 and processing 1.1.0: of
raster and eo the versions that pystac and GDAL read. Written as the JSON that it is, so that it
needs no package. https://github.com/radiantearth/stac-spec.
"""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from sen2naip_sr.files import check_target, explaining, write_atomically
from sen2naip_sr.raster.access.opening import open_raster
from sen2naip_sr.raster.areas.footprint import footprint, resolution
from sen2naip_sr.raster.areas.placing import scene_bounds
from sen2naip_sr.raster.band_names import ROLES, find_colours
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.upscaling.finished import TAG
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.stac.origin import derived_from
from sen2naip_sr.upscaling.stac.when import acquired, in_text
from sen2naip_sr.version import __version__

VERSION = "1.1.0"
EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("projection/v2.0.0", "raster/v1.1.0", "eo/v1.1.0", "processing/v1.1.0")
)
SOFTWARE = "sen2naip_sr"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_SHARES = {"2": "half", "3": "a third of", "4": "a quarter of"}
NOT_HOW = ("settings", "source")
"""What tags hold besides how a result was made."""


def require_place(job: Job, scene: FileScene, *, overwrite: bool) -> None:
    """Check that the item of a result can be written.

    An earlier item of this program is replaced in any case: it describes the result.

    Raises:
        UserError: See `check_target`.
    """
    check_target(job.item, scene.files, overwrite or _is_ours(job.item))


def write_item(job: Job, scene: FileScene, *, intervals: bool) -> None:
    """Write the item of a finished result beside it, as a whole or not at all.

    Args:
        job: The scene and its result.
        scene: The scene, which may be closed.
        intervals: Whether the half-widths of its intervals were written too.

    Raises:
        UserError: If the result cannot be read, or the item not be written.
    """
    item = make_item(job, scene, intervals=intervals)
    with explaining(job.item):
        content = json.dumps(item, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomically(job.item, f"{content}\n".encode())


def make_item(job: Job, scene: FileScene, *, intervals: bool) -> dict[str, Any]:
    """Return the item of a finished result; see `write_item`.

    All that it says of pixels, values and place is read from the result itself.
    """
    made = datetime.fromtimestamp(int(job.target.stat().st_mtime), UTC)
    when = acquired(scene, job.source, made)
    with open_raster(job.target) as result:
        ground = Georeferencing.of(result)
        place = footprint(ground, result.height, result.width)
        how = _how(result)
        assets = {"result": _asset(job.target, "Result", ["data"], result, scene)}
        properties = {
            **when.fields,
            "created": in_text(made),
            **_projection(ground, result.height, result.width),
            **_processing(how, scene),
        }
    if intervals:
        with open_raster(job.interval) as half_widths:
            title = "Half-widths of the intervals"
            assets["interval"] = _asset(job.interval, title, ["uncertainty"], half_widths, None)
    crossing = "across the antimeridian: cut there, and the west of bbox is greater than its east"
    said = crossing if place and place.crosses else "" if place else "no place on the ground"
    properties |= {
        f"{SOFTWARE}:datetime_from": when.stated_by,
        **({f"{SOFTWARE}:footprint": said} if said else {}),
        f"{SOFTWARE}:made_with": how,
    }
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": list(EXTENSIONS),
        "id": job.target.stem,
        "geometry": place.geometry if place else None,
        **({"bbox": list(place.bbox)} if place else {}),
        "properties": properties,
        "links": derived_from(job.source, scene.product, job.item.parent),
        "assets": assets,
    }


def _how(result: DatasetReader) -> dict[str, str]:
    tags = {
        name.removeprefix(TAG).lower(): text
        for name, text in result.tags().items()
        if name.startswith(TAG)
    }
    return {name: text for name, text in tags.items() if name not in NOT_HOW}


def _projection(ground: Georeferencing, height: int, width: int) -> dict[str, Any]:
    """Return the fields of the projection extension.

    A raster that control points or an RPC model place has no code and no transform.
    """
    fields: dict[str, Any] = {"proj:code": None, "proj:shape": [height, width]}
    if ground.transform.is_identity:
        return fields
    if ground.crs:
        authority = ground.crs.to_authority()
        fields["proj:code"] = ":".join(authority) if authority else None
        if not authority:
            fields["proj:wkt2"] = ground.crs.to_wkt(version="WKT2_2019")
    transform = list(ground.transform)[:6]
    bounds = list(scene_bounds(ground, height, width))
    return {**fields, "proj:transform": transform, "proj:bbox": bounds}


def _processing(how: dict[str, str], scene: FileScene) -> dict[str, Any]:
    name = scene.product.name if scene.product else scene.name
    told = ", ".join(
        f"{key} {text}"
        for key, text in how.items()
        if key not in ("version", "model", "weights", "intervals")
    )
    level = scene.product.level if scene.product else ""
    size = _SHARES.get(how.get("factor", "2"), f"1/{how.get('factor')}")
    return {
        "processing:software": {SOFTWARE: how.get("version", __version__)},
        "processing:lineage": (
            f"{name} with pixels of {size} the size, predicted by the network "
            f"{how.get('model', '')} ({how.get('weights', '')}) with {told}"
        ),
        **({"processing:level": level} if level else {}),
    }


def _asset(
    path: Path, title: str, roles: list[str], raster: DatasetReader, scene: FileScene | None
) -> dict[str, Any]:
    """Return an asset; without its scene, its bands get no common names."""
    colours = _colours(raster, scene) if scene else [None] * raster.count
    side = resolution(Georeferencing.of(raster))
    return {
        "href": f"./{path.name}",
        "type": COG,
        "title": title,
        "roles": roles,
        "eo:bands": [
            _eo_band(raster, number, colour, scene) for number, colour in enumerate(colours, 1)
        ],
        "raster:bands": [_raster_band(raster, number, side) for number in raster.indexes],
    }


def _colours(result: DatasetReader, scene: FileScene) -> list[str | None]:
    """Return the common name of each band of a result.

    A product knows them. Of other rasters they are what names or colours say; where nothing does,
    those that the network takes its four bands for.
    """
    found: list[str | None] = [None] * result.count
    numbers = range(scene.count)
    if scene.product:
        roles = [scene.product.bands[band.number - 1].role for band in scene.bands]
    elif named := find_colours(
        result.descriptions[: scene.count], result.colorinterp[: scene.count]
    ):
        roles = [ROLES[named.index(n + 1)] if n + 1 in named else "" for n in numbers]
    else:
        roles = list(ROLES) if scene.count == len(ROLES) else []
    for number, role in zip(numbers, roles, strict=False):
        found[number] = role or None
    return found


def _eo_band(
    raster: DatasetReader, number: int, colour: str | None, scene: FileScene | None
) -> dict[str, Any]:
    alpha = raster.colorinterp[number - 1] == ColorInterp.alpha and colour is None
    name = raster.descriptions[number - 1] or colour or ("alpha" if alpha else f"band {number}")
    band: dict[str, Any] = {"name": name}
    if colour:
        band["common_name"] = colour
    if colour and scene and scene.product:
        known = scene.product.bands[scene.bands[number - 1].number - 1]
        if known.wavelength:
            band["center_wavelength"] = known.wavelength / 1000  # micrometres
        if known.bandwidth:
            band["full_width_half_max"] = known.bandwidth / 1000
    return band


def _raster_band(raster: DatasetReader, number: int, side: float | None) -> dict[str, Any]:
    """Return a band's values; a scale of 1 and an offset of 0 mean that nothing is stated."""
    place = number - 1
    band: dict[str, Any] = {"data_type": raster.dtypes[place]}
    nodata = raster.nodatavals[place]
    if nodata is not None:
        band["nodata"] = nodata if math.isfinite(nodata) else str(nodata)
    if side is not None:
        band["spatial_resolution"] = round(side, 6)
    scaling = raster.scales[place], raster.offsets[place]
    if scaling != (1, 0):
        band |= {"scale": scaling[0], "offset": scaling[1]}
    if unit := raster.units[place]:
        band["unit"] = unit
    return band


def _is_ours(path: Path) -> bool:
    try:
        known = json.loads(path.read_bytes())["properties"]["processing:software"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(known, dict) and SOFTWARE in known
