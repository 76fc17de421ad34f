"""A small trained network, and a calibration that fits it."""

import torch
from made_intervals import calibration

from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.calibration import calibration_path
from sen2naip_sr.weights.files import WeightsMetadata, load_weights, save_weights

SIZE = {"channels": 4, "blocks": 1}


def write_weights(path, *, bands=4, seed=0, conditions=False, **changes):
    """Write weights that change what bicubic gives."""
    torch.manual_seed(seed)
    size = SIZE | {"conditions": True} if conditions else SIZE
    model = build_model("lean", bands, **size)
    with torch.no_grad():
        for values in model.parameters():
            values.add_(torch.randn_like(values), alpha=0.05)
    known = {
        "architecture": "lean",
        "architecture_parameters": size,
        "bands": bands,
        "recipe": "bicubic_antialiased@1",
        "value_range": (0, 255),
        "dtype": "uint8",
        "data_hash": "abc",
        "split_hash": "def",
        "train_places": ["chico"],
        "validation_psnr": 33.25,
        "step": 900,
        "training": {},
        "version": "0.1.0",
        "synthetic": False,
    }
    save_weights(path, model.state_dict(), WeightsMetadata(**known | changes))
    return path


def write_calibration(weights, label=None, **changes):
    """Write a calibration beside a weights file."""
    known = {"weights": label or load_weights(weights).label}
    path = calibration_path(weights)
    path.write_text(calibration(**known | changes).model_dump_json())
    return path
