"""Ingests from the added source, trains the added network with the added loss, and scores both.

Runs in a process whose ``sen2naip_sr`` is the copy with the added files. Prints what it found.
"""

import json
import sys
from pathlib import Path

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.chips.splits import make_splits
from sen2naip_sr.chips.store import require_store
from sen2naip_sr.evaluation.methods import networks
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_methods
from sen2naip_sr.pipeline_registry import register_pipelines
from sen2naip_sr.pipelines.parameters import check_parameters
from sen2naip_sr.sources import make_source
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.training import make_fabric
from sen2naip_sr.training.network import train_network
from sen2naip_sr.training.parameters import NetworkParameters

TRAINING = {
    "steps": 2,
    "batch_size": 2,
    "crop_size": 8,
    "log_every": 1,
    "losses": {"l1": 1.0, "huber": 0.5},
}

folder = Path(sys.argv[1])
values = {
    "ingestion": {"source": "noise", "raw_folder": str(folder / "raw"), "chip_size": 32},
    "pixel": {"architecture": {"reach": 2}, "training": TRAINING},
}
check_parameters(values)
ingestion = IngestionParameters.model_validate(values["ingestion"])
Ingestion(make_source(ingestion), ingestion).make(folder / "hr")
hr = require_store(folder / "hr")
Downscaling(hr, "area").make(folder / "lr")
lr = require_store(folder / "lr")
splits = make_splits(hr.table("index"), PreprocessingParameters().splits)
weights, result = train_network(
    hr,
    lr,
    splits,
    NetworkParameters.model_validate(values["pixel"]),
    fabric=make_fabric("cpu", "32-true"),
    architecture="pixel",
    checkpoint=folder / "checkpoint.pt",
)
methods = networks({"pixel": weights}, hr, lr, splits)
scores = score_methods(methods, hr, lr, splits, EvaluationParameters(accelerator="cpu"))
found = {
    "source": hr.attributes["source"],
    "chips": hr.manifest.shape[0],
    "architecture": weights.metadata.architecture_parameters,
    "logged": sorted(result.history[-1]),
    "bias": scores["bias"].notna().all().item(),
    "pipelines": [name for name in register_pipelines() if name.endswith("_pixel")],
}
print(json.dumps(found))  # noqa: T201 - read by the test
