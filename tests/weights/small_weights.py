"""A small network and the metadata of its weights."""

import torch

from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.files import WeightsMetadata

SIZE = {"channels": 4, "blocks": 1, "units": 1}


def metadata(**changes):
    return WeightsMetadata(
        **{
            "architecture": "carn",
            "architecture_parameters": SIZE,
            "bands": 3,
            "recipe": "area@1",
            "value_range": (0, 255),
            "dtype": "uint8",
            "data_hash": "abc",
            "split_hash": "def",
            "train_places": ["Ábrego", "chico"],
            "validation_psnr": 33.25,
            "step": 900,
            "training": {"steps": 1000, "betas": [0.9, 0.99]},
            "version": "0.1.0",
            "synthetic": False,
        }
        | changes
    )


def network():
    torch.manual_seed(0)
    model = build_model("carn", 3, **SIZE)
    torch.nn.init.normal_(model.exit.weight)
    return model
