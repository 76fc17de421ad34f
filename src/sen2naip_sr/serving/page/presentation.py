"""What the page shows of a result: pictures, captions and files to download."""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.values import unmarked_nodata
from sen2naip_sr.raster.protocol import FACTOR, Scene
from sen2naip_sr.raster.scene import FileScene, open_scene
from sen2naip_sr.raster.suspects import SceneWithout
from sen2naip_sr.serving.engine import Made
from sen2naip_sr.serving.page import captions
from sen2naip_sr.serving.page.drawing.chart import histogram_chart
from sen2naip_sr.serving.page.drawing.differences import differences
from sen2naip_sr.serving.page.drawing.pictures import (
    Stretch,
    View,
    coloured,
    interval_colours,
    png,
    ramp_colours,
    views_of,
    widest_shown,
)
from sen2naip_sr.serving.page.networks import Choice
from sen2naip_sr.serving.page.shelf import Drawer

PART = 512
"""Largest side, in pixels of the scene, of the part that the viewer shows."""

_NAMES = {View.TRUE: "True colour", View.FALSE: "Near-infrared"}
_SAY = {
    View.TRUE: "Red, green and blue as the eye sees them.",
    View.FALSE: "Near-infrared is shown as red, red as green, green as blue. Plants look red.",
}
_BANDS = ("red", "green", "blue", "near-infrared")


@dataclass(frozen=True)
class Shown:
    """What the page shows of a result.

    Attributes:
        viewer: The value of the viewer.
        seconds: How long it took.
        heading, notes, downloads, tags, chart: HTML.
    """

    viewer: dict[str, Any]
    seconds: float
    heading: str
    notes: str
    downloads: str
    tags: str
    chart: str


@dataclass(frozen=True)
class Part:
    """A part of a scene.

    Attributes:
        top, left, height, width: Its place, in pixels of the scene.
        whole: Whether it is all of the scene.
    """

    top: int
    left: int
    height: int
    width: int
    whole: bool

    @classmethod
    def of(cls, scene: Scene, across: float = 0.5, down: float = 0.5) -> "Part":
        """Return the part that the viewer shows.

        Args:
            scene: The scene.
            across: Where it lies, from 0 (left) to 1 (right).
            down: The same from top to bottom.
        """
        height, width = min(scene.height, PART), min(scene.width, PART)
        top = round((scene.height - height) * down)
        left = round((scene.width - width) * across)
        return cls(top, left, height, width, (height, width) == (scene.height, scene.width))

    def read(self, scene: Scene, factor: int = 1) -> tuple[Array, Array]:
        """Read it from a scene that is so many times finer."""
        numbers = (factor * n for n in (self.top, self.left, self.height, self.width))
        return scene.read(*numbers)


def present(made: Made, scene: FileScene, choice: Choice, drawer: Drawer) -> Shown:
    """Put what the page shows of a result into a drawer.

    Args:
        made: The result, in the drawer.
        scene: The open scene, with the bands that were upscaled.
        choice: The network.
        drawer: Receives pictures and files.

    Raises:
        UserError: If one of the files cannot be read.
    """
    result = made.result
    names = (
        _BANDS if scene.count == len(_BANDS) else tuple(f"band {n + 1}" for n in range(scene.count))
    )
    unmarked = unmarked_nodata(scene)
    seen: Scene = SceneWithout(scene, unmarked) if unmarked else scene
    with open_scene(made.target, count=scene.count) as target:
        changed = differences(seen, target, result.value_range)
    chart = histogram_chart(changed, names)
    files = [
        _file(made.target, drawer, "Result", "GeoTIFF"),
        *([_file(made.interval, drawer, "Interval", "GeoTIFF")] if made.interval else []),
        (drawer.put("tags.json", json.dumps(result.made_with, indent=1) + "\n"), "Tags", "JSON"),
        (drawer.put("differences.csv", changed.as_csv(names)), "Differences", "CSV"),
        (drawer.put("differences.svg", chart), "Histogram", "SVG"),
    ]
    return Shown(
        view(made, scene, drawer),
        result.seconds,
        f'<h2 class="step">The result</h2><p class="quiet">{escape(captions.summary(result))}</p>',
        captions.notes(choice, result.made_with),
        captions.downloads(files),
        captions.tag_table(result.made_with),
        f'<p class="quiet">{escape(captions.what_changed(changed, names))}</p>'
        f'<div class="chart scroll">{chart}</div>',
    )


def view(
    made: Made, scene: FileScene, drawer: Drawer, across: float = 0.5, down: float = 0.5
) -> dict[str, Any]:
    """Return the viewer's value for a part of a result; see `Part.of`."""
    part = Part.of(scene, across, down)
    values, valid = part.read(scene)
    stretch = Stretch.of(values, valid)
    with open_scene(made.target, count=scene.count) as target:
        finer = part.read(target, FACTOR)
    views: list[dict[str, Any]] = []
    for kind in views_of(scene.count):
        before = drawer.put(
            f"{_stem(part)}-{kind}-scene.png", png(coloured(values, valid, kind, stretch))
        )
        after = drawer.put(f"{_stem(part)}-{kind}-result.png", png(coloured(*finer, kind, stretch)))
        views.append(
            {
                "id": kind.value,
                "name": _NAMES[kind],
                "left": _picture("Scene", before, f"The scene, {_NAMES[kind].lower()}", scene=True),
                "right": _picture("Result", after, f"The result, {_NAMES[kind].lower()}"),
                "say": _SAY[kind],
            }
        )
    if made.interval:
        views.append(_interval_view(made.interval, part, drawer, views[0]["right"]))
    return {
        "run": drawer.ticket,
        "width": FACTOR * part.width,
        "height": FACTOR * part.height,
        "whole": part.whole,
        "views": views,
    }


def _interval_view(
    path: Path, part: Part, drawer: Drawer, result: dict[str, Any]
) -> dict[str, Any]:
    with open_scene(path) as widths:
        values, valid = part.read(widths, FACTOR)
    widest = widest_shown(values, valid)
    url = drawer.put(f"{_stem(part)}-interval.png", png(interval_colours(values, valid, widest)))
    return {
        "id": "interval",
        "name": "Interval",
        "left": result,
        "right": _picture("Interval", url, "The half-width of the interval, as a colour"),
        "say": "Half-width of the interval, mean of the bands. Where it is wide, the network is "
        "less sure.",
        "legend": captions.ramp(ramp_colours(), widest),
    }


def _picture(name: str, url: str, alt: str, scene: bool = False) -> dict[str, Any]:
    return {"name": name, "url": url, "alt": alt, "scene": scene}


def _stem(part: Part) -> str:
    return f"{part.top}-{part.left}"


def _file(path: Path, drawer: Drawer, name: str, kind: str) -> tuple[str, str, str]:
    return drawer.url(path.name), name, f"{kind}, {captions.size(path.stat().st_size)}"
