"""Describes a source. No pixel is read, and torch is not imported, so it answers at once."""

import json
import os
from collections.abc import Iterator
from math import hypot

from rasterio.enums import ColorInterp

from sen2naip_sr.errors import UserError
from sen2naip_sr.provenance import usable_cores
from sen2naip_sr.raster.areas.area import Area
from sen2naip_sr.raster.areas.placing import scene_bounds
from sen2naip_sr.raster.band_names import ROLES, described, find_colours, suggestion
from sen2naip_sr.raster.protocol import FACTOR
from sen2naip_sr.raster.scene import FileScene, open_scene
from sen2naip_sr.upscaling.bands import open_named
from sen2naip_sr.upscaling.parameters import UpscalingParameters
from sen2naip_sr.weights.foreign.finding import ForeignModel, find_foreign, is_foreign
from sen2naip_sr.weights.names import FOLDER

LABEL = 13
"""Columns of the labels."""

BANDS = 4
"""Bands that the shipped weights take."""

MARKED = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
"""How GDAL marks four bands of 8 bits, whatever the fourth holds."""


def describe_source(parameters: UpscalingParameters) -> str:
    """Return in a few lines what a source is, and what upscaling it will give and take.

    Args:
        parameters: The source, and the options it will be upscaled with.

    Raises:
        UserError: If it cannot be opened, or the wanted area is not in it.
    """
    p = parameters
    if not p.source:
        raise UserError("no-scene", "there is no source to describe", "give a raster or a product")
    path = p.source if p.source.startswith("stack:") else os.path.expanduser(p.source)
    model = find_foreign(p.weights) if p.weights and is_foreign(p.weights) else None
    with _opened(path, p, model) as scene:
        factor = model.description.factor if model else FACTOR
        area = p.area_of(scene, scene.georeferencing, factor)
        lines = [scene.product.name if scene.product else scene.name]
        for label, text in (
            *_what(scene, p, model),
            *_pixels(scene),
            *_upscaled(scene, area, p, model),
        ):
            lines.append(f"  {label:{LABEL}}{text}")
    return "\n".join(lines)


def _opened(path: str, p: UpscalingParameters, model: ForeignModel | None) -> FileScene:
    if model is not None:
        named = model.description.bands
        names = None if isinstance(named, int) else named
        return open_named(path, p, model.description.count, names)
    count = BANDS if p.bands is None else len(p.bands)
    return open_scene(path, p.bands, count, p.nodata, p.drivers, variant=p.variant)


def _what(
    scene: FileScene, p: UpscalingParameters, model: ForeignModel | None
) -> Iterator[tuple[str, str]]:
    product = scene.product
    if product is None:
        yield "product", f"none that is known: a raster ({scene.driver})"
        yield from _bands_of_raster(scene, p, model)
        return
    yield "product", product.kind
    known = [product.level and f"level {product.level}"]
    known += [product.baseline and f"baseline or version {product.baseline}"]
    known += [product.date and f"acquired {product.date}"]
    yield "processing", ", ".join(filter(None, known)) or "not stated"
    words = []
    for band in product.bands:
        waves = f", {band.wavelength:g} nm" if band.wavelength else ""
        words.append(f"{band.role} ({band.name}{waves})")
    yield "bands", ", ".join(words)
    chosen = ", ".join(str(band.description) for band in scene.bands)
    origin = "as given" if p.bands else f"for {model.path.name}" if model else ""
    yield "order", product.order + (f"; of these {chosen}, {origin}" if origin else "")


def _bands_of_raster(
    scene: FileScene, p: UpscalingParameters, model: ForeignModel | None
) -> Iterator[tuple[str, str]]:
    descriptions, kinds = scene.every_band
    yield "bands", described(descriptions, kinds)
    chosen = ", ".join(str(band.number) for band in scene.bands)
    named = find_colours(descriptions, kinds)
    origin = "as given" if p.bands else "as in the file"
    if model is not None:
        yield "order", f"{chosen}; {_taken(model)}"
    elif scene.count != BANDS:
        yield (
            "order",
            f"{scene.count} bands, and {BANDS} are expected: " + suggestion(descriptions, kinds),
        )
    elif named and list(named) == [band.number for band in scene.bands]:
        yield "order", f"{chosen}: {', '.join(ROLES)} by their names"
    elif named:
        by_name = ", ".join(map(str, named))
        yield "order", f"{chosen}, {origin}; by their names, {', '.join(ROLES)} are {by_name}"
    elif [band.interpretation for band in scene.bands] == MARKED:
        *colours, last = (str(band.number) for band in scene.bands)
        yield (
            "order",
            f"{', '.join(colours)}: {', '.join(ROLES[:-1])} by their colours; {last}, marked as "
            f"transparency, is taken for {ROLES[-1]}",
        )
    else:
        yield "order", f"{chosen}, {origin}; nothing says that they are {', '.join(ROLES)}"
    if scene.alpha is not None:
        yield "alpha", f"band {scene.alpha.number} is transparency"


def _pixels(scene: FileScene) -> Iterator[tuple[str, str]]:
    ground = scene.georeferencing
    transform = ground.transform
    size = f"{scene.width:,} x {scene.height:,} of {scene.dtype}"
    if ground.gcps or ground.rpcs:
        yield "pixels", f"{size}, placed by {'control points' if ground.gcps else 'an RPC model'}"
    elif transform.is_identity:
        yield "pixels", f"{size}, without georeferencing"
    else:
        sides = (hypot(transform.a, transform.d), hypot(transform.b, transform.e))
        shown = " x ".join(f"{side:.6g}" for side in sides)
        crs = ground.crs.to_string() if ground.crs else "no coordinate system"
        yield "pixels", f"{size}, {shown} each, {crs}"
        bounds = scene_bounds(ground, scene.height, scene.width)
        yield "bounds", ", ".join(f"{bound:.10g}" for bound in bounds)
    values = list(dict.fromkeys(scene.nodata))
    marked = ", ".join("none" if value is None else f"{value:g}" for value in values)
    masked = "; and a mask" if scene.masked else ""
    yield "nodata", marked + masked
    yield "reflectance", _scaling(scene)


def _scaling(scene: FileScene) -> str:
    pairs = list(dict.fromkeys((band.scale, band.offset) for band in scene.bands))
    if pairs == [(1, 0)]:
        return "no scale and offset are stated"
    words = "; ".join(f"{scale:g} x value {offset:+g}" for scale, offset in pairs)
    scaling = scene.product.bands[0].scaling if scene.product else None
    return f"{words}, by {scaling.stated_by}" if scaling else f"{words}, by the file"


def _upscaled(
    scene: FileScene, area: Area | None, p: UpscalingParameters, model: ForeignModel | None
) -> Iterator[tuple[str, str]]:
    factor = model.description.factor if model else FACTOR
    if model is not None:
        yield "network", f"{_taken(model)}, {factor}x, margin {model.description.margin} pixels"
    else:
        yield from _conditions(scene, p)
    height, width = (area.height, area.width) if area else (scene.height, scene.width)
    if area:
        yield "area", f"{width:,} x {height:,} pixels from column {area.left}, row {area.top}"
    pixels = factor**2 * height * width
    size = pixels * scene.count * scene.dtype.itemsize
    shown = f"{factor * width:,} x {factor * height:,} pixels, up to {_in_bytes(size)}"
    yield "result", shown + _time(p.model if p.weights is None else "", pixels)


def _taken(model: ForeignModel) -> str:
    named = model.description.bands
    words = f"{named} bands" if isinstance(named, int) else ", ".join(named)
    return f"{model.path.name} takes {words}"


def _conditions(scene: FileScene, p: UpscalingParameters) -> Iterator[tuple[str, str]]:
    published = scene.published
    clean = "what clean images have"
    levels = ", ".join(f"{level:.2g}" for level in published.noise) if published else ""
    other = (
        {
            "noise": f"{levels} digital numbers, published of {published.title}",
            "blur": f"{published.blur:.2f} pixels, published of {published.title}",
        }
        if published
        else {"noise": clean, "blur": clean}
    )
    for name, text in other.items():
        given = getattr(p, name)
        given = f"{given:g}" if isinstance(given, float) else given
        estimated = f"estimated from the scene; if that cannot be: {text}"
        yield name, estimated if given == "auto" else f"{given}, as given"


def _in_bytes(size: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit / 10:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1e3:.1f} kB"


def _time(model: str, pixels: int) -> str:
    """Return the time that a result may take, from the speed that was measured on one core."""
    file = FOLDER / f"{model}.scores.json"
    if not model or not file.exists():
        return ""
    # without the whole model of this file, which takes longer than all else here
    rate = json.loads(file.read_text())["megapixels_a_second"]
    cores = usable_cores()
    seconds = pixels / 1e6 / rate / cores
    shown = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    if seconds < 5:
        shown = "5 s"
    return f"; about {shown} with {model} on {cores} cores"
