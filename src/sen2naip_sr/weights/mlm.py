"""Shipped weights as STAC items of the machine-learning model extension, version 1.4.0.

https://github.com/stac-extensions/mlm. Written as the JSON that they are, so no package is needed.
"""

from pathlib import Path
from typing import Any

import torch

from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.version import __version__
from sen2naip_sr.weights.calibration import calibration_path
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.names import shipped_names
from sen2naip_sr.weights.shipped import load_shipped

EXTENSIONS = (
    "https://stac-extensions.github.io/mlm/v1.4.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.1.0/schema.json",
)
TASKS = ["super-resolution"]
ORDER = ["batch", "bands", "height", "width"]
ALWAYS = {
    "datetime": None,
    "start_datetime": "1900-01-01T00:00:00Z",
    "end_datetime": "9999-12-31T23:59:59Z",
}
"""A network is for imagery of any time."""


def describe_weights() -> dict[str, Any]:
    """Return all shipped weights as a GeoJSON FeatureCollection of STAC items."""
    found = (load_shipped(name) for name in shipped_names())
    return {
        "type": "FeatureCollection",
        "features": [model_item(weights) for weights in found if weights],
    }


def model_item(weights: Weights) -> dict[str, Any]:
    """Return weights as a STAC item. Its place is not stated: they are for all of the ground."""
    known = weights.metadata
    names = list(ROLES) if known.bands == len(ROLES) else _numbered(known.bands)
    bands = [{"name": name} for name in names]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": f"sen2naip_sr-{weights.name}",
        "geometry": None,
        "properties": {
            **ALWAYS,
            "title": f"{weights.name}: {weights.label}",
            "description": "Doubles the resolution of images of red, green, blue, near-infrared."
            if known.bands == len(ROLES)
            else "Doubles the resolution of images.",
            "bands": bands,
            "mlm:name": f"sen2naip_sr-{weights.name}",
            "mlm:architecture": get_spec(known.architecture).title,
            "mlm:framework": "PyTorch",
            "mlm:framework_version": str(torch.__version__),
            "mlm:tasks": TASKS,
            "mlm:total_parameters": sum(tensor.numel() for tensor in weights.state.values()),
            "mlm:pretrained": True,
            "mlm:pretrained_source": ", ".join(known.train_places) or None,
            "mlm:accelerator": None,
            "mlm:input": [_input(weights, names)],
            "mlm:output": [_output(known.bands)],
            "mlm:hyperparameters": {
                **known.architecture_parameters,
                "recipe": known.recipe,
                "step": known.step,
            },
            "processing:software": {"sen2naip_sr": known.version},
            "sen2naip_sr:version": __version__,
            "sen2naip_sr:conditioned": weights.conditioned,
        },
        "links": [],
        "assets": _assets(Path(weights.source), bands),
    }


def _input(weights: Weights, bands: list[str]) -> dict[str, Any]:
    low, high = weights.metadata.value_range
    return {
        "name": "lr",
        "description": (
            "An image of any size. Digital numbers are scaled so that the two ends of the value "
            "range become 0 and 1; those here are the training's, and others suit other imagery."
        ),
        "bands": bands,
        "input": _tensor(len(bands)),
        "value_scaling": [{"type": "min-max", "minimum": low, "maximum": high}] * len(bands),
        "resize_type": None,
    }


def _output(bands: int) -> dict[str, Any]:
    return {
        "name": "sr",
        "description": "The image with twice the height and the width, scaled like the input.",
        "tasks": TASKS,
        "result": _tensor(bands),
    }


def _tensor(bands: int) -> dict[str, Any]:
    return {"shape": [-1, bands, -1, -1], "dim_order": ORDER, "data_type": "float32"}


def _assets(file: Path, bands: list[dict[str, str]]) -> dict[str, Any]:
    assets: dict[str, Any] = {
        "weights": {
            "href": file.resolve().as_uri(),
            "type": "application/octet-stream",
            "title": "Weights (safetensors)",
            "roles": ["mlm:model", "mlm:weights"],
            "mlm:artifact_type": "safetensors.torch.save_file",
            "bands": bands,
        }
    }
    others = {
        "card": (file.with_suffix(".md"), "text/markdown", "Model card"),
        "calibration": (calibration_path(file), "application/json", "Calibration of intervals"),
    }
    for key, (path, kind, title) in others.items():
        if path.is_file():
            assets[key] = {
                "href": path.resolve().as_uri(),
                "type": kind,
                "title": title,
                "roles": ["metadata"],
            }
    return assets


def _numbered(count: int) -> list[str]:
    return [f"band {number}" for number in range(1, count + 1)]
