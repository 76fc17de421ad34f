"""Parameters that all experiments share. Imports no torch, so that start-up stays quick."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, RootModel, ValidationError

from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.parameters import Parameters, known_as, summarise
from sen2naip_sr.training.parameters import TrainingParameters


def _require_training(changes: dict[str, Any]) -> dict[str, Any]:
    """Refuse training parameters that are not valid, before anything is run."""
    try:
        TrainingParameters.model_validate({"steps": 1, **changes})
    except ValidationError as error:
        raise ValueError(summarise(error)) from error
    return changes


TrainingChanges = Annotated[dict[str, Any], AfterValidator(_require_training)]
"""Training parameters that differ, nested as in ``parameters_*.yml``."""


def without_nulls(values: Any) -> Any:
    """Leave out nulls: configurations are merged, so only a null can remove what another names."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in values.items() if value is not None}


Workers = Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^[a-z]+://.+")]
"""A number of processes, or the address of a Dask scheduler."""


class ModelName(RootModel[str]):
    """The network of the experiments that vary a single one."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    root: Annotated[str, known_as("model", NETWORKS)]
    """A network's name, for instance ``carn``."""


class ExperimentParameters(Parameters):
    """Parameters that all experiments have."""

    model: str | None = None
    """The network; null: the one of the parameter ``model``."""
    training: TrainingChanges = Field(default_factory=dict)
    """Training parameters that differ from the network's own, nested as in ``parameters_*.yml``."""
    workers: Workers = 1
    """Trainings at the same time, each in its own process; 1: one after the other in this one. Or
    the address of a Dask scheduler, such as ``tcp://host:8786``, whose workers then train."""
