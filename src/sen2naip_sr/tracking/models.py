"""Weights as models of MLflow, without pickle: the safetensors file and what opens it."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sen2naip_sr.version import __version__

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

    from sen2naip_sr.weights.files import Weights

LABEL_TAG = "weights"
"""The tag of a model that holds the label of its weights: architecture, step and hash."""
FILE = "weights.safetensors"


@dataclass(frozen=True)
class TrackedModel:
    """A model of MLflow, the run that trained it, and that run's name and experiment."""

    model_id: str
    run_id: str
    run_name: str


def log_model(run_id: str, name: str, weights: "Weights") -> TrackedModel:
    """Log weights as a model that the active run trained.

    Args:
        run_id: The active run.
        name: The network.
        weights: Its weights.
    """
    import mlflow

    from sen2naip_sr.weights.files import save_weights

    known = weights.metadata
    with TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        save_weights(file, weights.state, known)
        logged = mlflow.pyfunc.log_model(
            name=name,
            loader_module="sen2naip_sr.tracking.flavour",
            data_path=str(file),
            signature=_signature(known.bands, known.dtype),
            pip_requirements=[f"sen2naip_sr=={__version__}"],  # else MLflow tries imports
            tags={LABEL_TAG: weights.label, "recipe": known.recipe, "data_hash": known.data_hash},
            params={"architecture": known.architecture, "step": str(known.step)},
        )
    return TrackedModel(logged.model_id, run_id, name)


def find_model(weights: "Weights") -> TrackedModel | None:
    """Return the newest model of these weights whose run still exists; None if there is none."""
    import mlflow
    from mlflow.entities import LifecycleStage

    client = mlflow.MlflowClient()
    experiments = [found.experiment_id for found in client.search_experiments()]
    found = client.search_logged_models(
        experiments,
        filter_string=f"tags.{LABEL_TAG} = '{weights.label}'",
        order_by=[{"field_name": "creation_timestamp", "ascending": False}],
    )
    for model in found:
        if model.source_run_id:
            run = client.get_run(model.source_run_id).info
            if run.lifecycle_stage == LifecycleStage.ACTIVE:
                return TrackedModel(model.model_id, run.run_id, run.run_name)
    return None


def _signature(bands: int, dtype: str) -> "ModelSignature":
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    image = TensorSpec(np.dtype(dtype), (-1, bands, -1, -1))
    return ModelSignature(inputs=Schema([image]), outputs=Schema([image]))
