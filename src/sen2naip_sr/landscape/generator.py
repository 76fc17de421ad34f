"""Synthetic landscapes in four bands, to try the project without any data.

The ground is a dead-leaves image: opaque patches with a density of radii that falls as r^-3. It has
the statistics of natural images (Lee, Mumford and Huang 2001, "Occlusion models for natural
images"). Networks learn features from it that transfer to real images (Baradad et al. 2021,
"Learning to see by looking at noise"). Streets, blocks of land cover, shadows and a model of the
sensor follow.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.landscape.buildings import street_cars
from sen2naip_sr.landscape.frame import Box, Frame, paint_box, split
from sen2naip_sr.landscape.land_cover import COVERS
from sen2naip_sr.landscape.materials import Mix, Palette, PaletteTables, choose
from sen2naip_sr.landscape.painting import Canvas, Sun
from sen2naip_sr.landscape.scene import Scene
from sen2naip_sr.landscape.styles import STYLES, Style, vary

__all__ = ["GENERATOR_VERSION", "STYLES", "Style", "landscape", "vary"]

GENERATOR_VERSION = 1
"""Raise it with every change of the images, so that existing samples are generated again."""

_SUPERSAMPLING = 2
_SKYLIGHT = np.array([0.26, 0.31, 0.38, 0.18], np.float32)
"""Share of skylight in the light on level ground, by band: shadows are bluish."""

_HAZE = np.array([1.0, 1.1, 1.4, 0.6], np.float32)
"""Haze of each band relative to red: air scatters short wavelengths most."""


def landscape(seed: int | Sequence[int], style: Style, size: int) -> Array:
    """Generate one landscape.

    Equal arguments give equal images. Another processor or NumPy release may change the last bits
    of floating-point results, and with them single digital numbers.

    Args:
        seed: Seeds everything random.
        style: The kind of place.
        size: Side in pixels.

    Returns:
        (4, size, size) uint8: red, green, blue and near-infrared.
    """
    rng = np.random.default_rng(seed)
    side = _SUPERSAMPLING * size
    rough = _correlated_noise(rng, side)
    scene = _empty_scene(rng, style, rough)
    _paint_blocks(scene, style)
    _paint_shore(scene, style)
    return _sense(rng, _illuminate(scene.canvas, scene.palette.tables()), style)


def _correlated_noise(rng: np.random.Generator, side: int) -> Array:
    """Return periodic noise of unit variance whose power falls as f^-1.6."""
    white = rng.standard_normal((side, side // 2 + 1, 2), np.float32).view(np.complex64)[..., 0]
    noise = np.fft.irfft2(white * _amplitude(side), (side, side))
    return (noise / noise.std()).astype(np.float32)


@lru_cache(maxsize=4)
def _amplitude(side: int) -> Array:
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    squared = np.maximum(fy * fy + fx * fx, 1.0 / side**2)
    amplitude = squared**-0.4
    amplitude[0, 0] = 0.0
    return amplitude.astype(np.float32)


def _empty_scene(rng: np.random.Generator, style: Style, rough: Array) -> Scene:
    side = rough.shape[0]
    palette = Palette(rng)
    ground = palette.mixed(style.ground, 1)[0]
    return Scene(
        rng=rng,
        canvas=Canvas(np.full(rough.shape, ground), np.ones_like(rough), rough),
        frame=Frame.drawn(rng, side, style.heading + rng.normal(0, 0.05), style.bend),
        palette=palette,
        sun=Sun(math.cos(style.sun), math.sin(style.sun), 1.0 / math.tan(style.elevation)),
        unit=_SUPERSAMPLING * style.pixels_per_metre,
        trees=style.trees,
        yards=style.yards,
        roofs=style.roofs,
        ground=style.ground,
    )


def _paint_blocks(scene: Scene, style: Style) -> None:
    """Divide the land into blocks by streets, pave the streets and cover the blocks."""
    gaps = tuple(scene.unit * width for width in style.streets)
    whole = scene.frame.whole()
    blocks, streets = split(scene.rng, whole, scene.unit * style.block, gaps)
    streets = [street for street in streets if scene.frame.shows(street)]
    # narrow streets first: a crossing belongs to the wider street
    _pave(scene, streets[::-1], style.surface)
    blocks = [block for block in blocks if scene.frame.shows(block)]
    chosen = choose(scene.rng, style.covers, len(blocks))
    for cover, paint in COVERS.items():
        own = [block for block, name in zip(blocks, chosen, strict=True) if name == cover]
        if own:
            paint(scene, own)


def _pave(scene: Scene, streets: Sequence[Box], surface: Mix) -> None:
    """Paint streets, with pavements, centre lines and cars where they are wide enough."""
    busy = []
    for street in streets:
        width = min(street.width, street.height) / scene.unit
        lane = street
        if width > 7:
            scene.fill(street, (("concrete", 1),))
            lane = street.narrowed(1.4 * scene.unit)
            busy.append(lane)
        scene.fill(lane, surface)
        if width > 8:
            line = street.narrowed((width / 2 - 0.25) * scene.unit)
            scene.fill(line, (("paint", 1),))
    street_cars(scene, busy)


def _paint_shore(scene: Scene, style: Style) -> None:
    """Flood one side of the landscape, with a beach and surf, if the style has a shore."""
    if style.shore <= 0:
        return
    side = scene.canvas.side
    frame = Frame.drawn(scene.rng, side, style.sun + scene.rng.normal(0, 0.2), 0.7)
    whole = frame.whole()
    edge = side * (style.shore - 0.5 + scene.rng.uniform(-0.35, 0.35))
    surf = scene.metres(1, 4)
    for reach, name in ((surf + scene.metres(8, 30), "sand"), (surf, "foam"), (0.0, "water")):
        band = whole._replace(u1=edge + reach)
        paint_box(scene.canvas, frame, band, scene.label(((name, 1),)))


def _illuminate(canvas: Canvas, tables: PaletteTables) -> Array:
    """Return the light that comes from every point of the canvas, (4, side, side)."""
    slow = np.ascontiguousarray(canvas.rough[::-1].T)
    texture = 1.0 + np.take(tables.texture, canvas.label) * canvas.rough
    light = np.empty((4, *canvas.label.shape), np.float32)
    for band in range(4):
        np.take(tables.colour[band], canvas.label, out=light[band], mode="clip")
        light[band] *= texture
        light[band] += np.take(tables.drift[band], canvas.label) * slow
        light[band] *= _SKYLIGHT[band] + (1 - _SKYLIGHT[band]) * canvas.sunlit
    return light


def _sense(rng: np.random.Generator, light: Array, style: Style) -> Array:
    """Downsample by 2 with a separable four-tap kernel, add noise and round."""
    light = _halve(_halve(light, style.blur, axis=1), style.blur, axis=2)
    light = style.gain * light + style.haze * _HAZE[:, None, None]
    light += style.noise * rng.standard_normal(light.shape, np.float32)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def _halve(light: Array, outer: float, axis: int) -> Array:
    """Halve an axis with the kernel (outer, 1/2 - outer, 1/2 - outer, outer)."""
    lead = (slice(None),) * axis
    even, odd = light[(*lead, slice(0, None, 2))], light[(*lead, slice(1, None, 2))]
    first, rest = (*lead, slice(0, 1)), (*lead, slice(1, None))
    last, most = (*lead, slice(-1, None)), (*lead, slice(0, -1))
    reduced: Array = (0.5 - outer) * (even + odd)
    reduced[rest] += outer * odd[most]
    reduced[first] += outer * even[first]
    reduced[most] += outer * even[rest]
    reduced[last] += outer * odd[last]
    return reduced
