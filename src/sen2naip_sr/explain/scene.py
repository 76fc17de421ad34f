"""Explanations of a window of a user's scene, which has no truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.explain.chips import downscaled, draw, explain_image
from sen2naip_sr.explain.explanation import Explanation, Image
from sen2naip_sr.explain.parameters import ExplainParameters
from sen2naip_sr.explain.subjects import Subject, reference, subject_of
from sen2naip_sr.explain.windows import Window, require_inside
from sen2naip_sr.explain.words import describe
from sen2naip_sr.files import replacing, write_atomically
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.raster.access.locations import locate
from sen2naip_sr.raster.filling import fill_digital
from sen2naip_sr.raster.protocol import Scene
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.weights.finding import find_weights
from sen2naip_sr.weights.names import DEFAULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SURROUNDINGS = 64
"""Pixels around the window that are read at least, where the scene has them."""
LARGEST = 64
"""Side of the largest window, in pixels of the scene."""


@dataclass(frozen=True)
class SceneExplanation:
    """What explains a window of a scene.

    Attributes:
        image: What was read of the scene.
        found: The explanations, the reference last.
        findings: What they show, in words.
        figure: The figure.
    """

    image: Image
    found: list[Explanation]
    findings: str
    figure: "Figure"


def parse_window(text: str) -> Window:
    """Read a window from text: ``COL,ROW,WIDTH,HEIGHT`` in pixels of the scene.

    Raises:
        UserError: If it is none, or it is too small or too large.
    """
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        left = top = width = height = -1
    if min(left, top) < 0 or not 2 <= min(width, height) <= max(width, height) <= LARGEST:
        raise UserError(
            "window-invalid",
            f"window '{text}': not four whole numbers, column and row of its corner, width and "
            f"height from 2 to {LARGEST} pixels",
            "give a window inside of the scene",
        )
    return Window(top, left, height, width)


def explain_scene(  # noqa: PLR0913 - the last four are keywords
    path: Path | str,
    window: Window,
    models: Sequence[str],
    *,
    weights: Path | None = None,
    bands: Sequence[int | str] | None = None,
    values: str = "auto",
    captum: bool = True,
) -> SceneExplanation:
    """Explain networks at a window of a scene; they are told of it what upscaling tells them.

    Args:
        path: A raster that can be upscaled.
        window: The window, in pixels of the scene.
        models: Names of shipped weights.
        weights: A weights file of this project to explain as well.
        bands: Bands to use; None: all.
        values: Those that become 0 and 1: auto, dtype or LOW:HIGH.
        captum: Whether to compute Captum's attributions as well.

    Raises:
        UserError: If the scene cannot be upscaled, the window's surroundings do not lie inside of
            it, or hold pixels without data.
    """
    options = {"bands": bands, "value_range": values, "device": "cpu", "backend": "eager"}
    upscalers = [Upscaler(make_options(model=name, **options)) for name in models]
    if weights is not None:
        upscalers.append(Upscaler(make_options(**options), find_weights(DEFAULT, weights)))
    locate(str(path))
    with upscalers[0].open(path) as scene:
        made = [(each.name, *each.module_for(scene)) for each in upscalers]
        subjects = [subject_of(name, name, module, scene.count) for name, module, _ in made]
        subjects.append(reference(scene.count))
        shown, value_range = made[0][2].shown(scene), made[0][2].value_range
        image, inside = _image(scene, shown, window, subjects, value_range)
    parameters = ExplainParameters(captum=captum)
    found = explain_image(image, subjects, inside, parameters)
    text = describe(image, found).replace(
        f"column {inside.left}, row {inside.top}", f"column {window.left}, row {window.top}"
    )
    return SceneExplanation(image, found, text + "\n", draw(image, found))


def write_explanation(found: SceneExplanation, output: Path | str) -> Path:
    """Write the figure as PNG, and what it shows as text beside it; return the PNG.

    Raises:
        UserError: If they cannot be written.
    """
    path = Path(output).with_suffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as hidden:
        found.figure.savefig(hidden, format="png")
    write_atomically(path.with_suffix(".txt"), found.findings.encode())
    return path


def _image(
    scene: FileScene,
    shown: Scene,
    window: Window,
    subjects: Sequence[Subject],
    value_range: ValueRange,
) -> tuple[Image, Window]:
    """Return what is read of the scene, and the window in it."""
    reach = max(subject.reach for subject in subjects)
    multiple = max(subject.network.multiple for subject in subjects)
    require_inside(window, (scene.height, scene.width), reach, multiple)
    rows, columns = window.around(max(reach, SURROUNDINGS) // multiple * multiple)
    top, left = max(rows.start, 0), max(columns.start, 0)
    bottom, right = min(rows.stop, scene.height), min(columns.stop, scene.width)
    values, valid = shown.read(top, left, bottom - top, right - left)
    inside = window.moved(top, left)
    near = (slice(None), *inside.around(reach))
    if not valid[near].all():
        raise UserError(
            "window-without-data",
            f"{scene.name}: pixels without data within {reach} pixels of the window, which the "
            "networks see",
            "choose a window farther from them",
        )
    where = scene.georeferencing
    metres = None
    if where.crs is not None and where.crs.is_projected:
        metres = (
            abs(where.transform.a) if where.crs.linear_units.lower().startswith("met") else None
        )
    image = Image(
        name=Path(scene.name).name,
        lr=fill_digital(values, valid),
        value_range=value_range,
        downscale=partial(downscaled, get_recipe("bicubic_antialiased")),
        bands=tuple(band.description or f"band {band.number}" for band in scene.bands),
        pixel_metres=metres,
    )
    return image, inside
