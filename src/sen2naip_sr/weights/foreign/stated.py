"""What an ONNX file says of itself: properties that this project or Deepness (QGIS) knows.

Deepness divides bytes by 255 and then takes off a mean and divides by a standard deviation.
https://qgis-plugin-deepness.readthedocs.io
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from sen2naip_sr.weights.foreign.contents import Contents, Port

OURS = "sen2naip_sr"
"""The property that only files of this project have."""
SUPERRESOLUTION = "Superresolution"
"""Deepness' type of model."""
UNIT = (0.0, 1.0)


def stated_in(contents: Contents) -> dict[str, Any]:
    """Return what a file says of itself, as entries of a description, as far as it does."""
    read = {name: _value(text) for name, text in contents.metadata.items()}
    if OURS in read:
        return _known(
            {
                "bands": read.get("bands"),
                "factor": read.get("scale"),
                "margin": read.get("receptive_field"),
                "multiple": read.get("multiple"),
                "values": "scaled",
                "range": UNIT,
            }
        )
    if str(read.get("model_type", "")).casefold() == SUPERRESOLUTION.casefold():
        return _known(_of_deepness(read, contents))
    return {}


def properties_for_deepness(
    bands: int, *, resolution: float, tile: int | None = None
) -> dict[str, str]:
    """Return the properties by which Deepness loads a network as it is meant.

    Deepness reads the tile's side as ``tile_size``, and documents it as ``tiles_size``. It writes
    tiles of super-resolution as a whole, so that they must not overlap.

    Args:
        bands: Image bands.
        resolution: Pixel size that Deepness brings a layer to, in cm.
        tile: Side of its tiles in pixels; None: the user's choice.
    """
    values: dict[str, Any] = {
        "model_type": SUPERRESOLUTION,
        "resolution": resolution,
        "tiles_overlap": 0,
        # its input is a byte divided by 255, which is what the network takes
        "standardization_mean": [0.0] * bands,
        "standardization_std": [1.0] * bands,
    }
    if tile is not None:
        values |= {"tile_size": tile, "tiles_size": tile}
    return {name: json.dumps(value) for name, value in values.items()}


def _of_deepness(read: Mapping[str, Any], contents: Contents) -> dict[str, Any]:
    (first, *_), (last, *_) = contents.inputs or [None], contents.outputs
    given, made = _shape(first), _shape(last)
    factors = {
        b // a
        for a, b in zip(given[2:], made[2:], strict=True)
        if a is not None and b is not None and b % a == 0
    }
    side = read.get("tile_size", read.get("tiles_size", given[-1]))
    overlap = read.get("tiles_overlap")
    known: dict[str, Any] = {
        "bands": given[1],
        "factor": factors.pop() if len(factors) == 1 else None,
        "values": "scaled",
        "range": UNIT,
        "mean": _numbers(read.get("standardization_mean")),
        "std": _numbers(read.get("standardization_std")),
    }
    if isinstance(side, int) and isinstance(overlap, int | float) and overlap > 0:
        # an overlap is shared by two tiles
        known["margin"] = math.floor(side * overlap / 100 / 2)
    return known


def _shape(port: Port | None) -> tuple[int | None, ...]:
    unknown = (None,) * 4
    return port.shape if port and port.shape and len(port.shape) == len(unknown) else unknown


def _numbers(value: Any) -> Any:
    """Return numbers for each band; those that change nothing are left out."""
    if isinstance(value, list) and len(set(value)) == 1 and value[0] in (0, 1):
        return None
    return value if isinstance(value, list) else None


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
