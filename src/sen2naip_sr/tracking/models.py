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
REGISTERED = "sen2naip_sr"
"""What the names of registered models begin with; the network's name follows."""
NEWEST = "newest"
"""The alias of the version that was trained last."""


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


def register_model(model: TrackedModel, network: str, weights: "Weights") -> None:
    """Register a model as the newest version of its network's, with a card.

    Its address is ``models:/sen2naip_sr-NETWORK@newest``.
    """
    import mlflow

    client = mlflow.MlflowClient()
    name = f"{REGISTERED}-{network}"
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=f"Networks of the kind {network}.")
    source = f"models:/{model.model_id}"
    version = client.create_model_version(
        name, source, model.run_id, description=model_card(weights), model_id=model.model_id
    ).version
    client.set_registered_model_alias(name, NEWEST, version)


def model_card(weights: "Weights") -> str:
    """Return what a user of the weights should know, as Markdown."""
    known = weights.metadata
    low, high = known.value_range
    imagery = "generated landscapes" if known.synthetic else "observed imagery"
    rows = {
        "network": f"{known.architecture} {known.architecture_parameters}",
        "input": f"{known.bands} bands, {known.dtype}; {low:g} to {high:g} are 0 to 1",
        "output": "the same bands and data type, half the pixel size",
        "trained on": f"{imagery} of {', '.join(known.train_places)}; data {known.data_hash[:12]}",
        "LR images": known.recipe,
        "validation PSNR": f"{known.validation_psnr:.2f} dB at step {known.step}",
        "started from": known.started_from or "random weights",
        "code": f"version {known.version}, commit {known.commit or 'unknown'}",
    }
    table = "\n".join(f"| {name} | {text} |" for name, text in rows.items())
    return (
        f"# {weights.label}\n\nDoubles the resolution of imagery.\n\n| | |\n| --- | --- |\n{table}"
        "\n\nScores speak for imagery like that of the training places only."
    )


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
