"""All parameters of the project by their top-level name, and their check before a run."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel, StrictBool, ValidationError

from sen2naip_sr.chips.parameters import PreprocessingParameters
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.labelling.parameters import LabelParameters
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.runs.parameters import ComparedRuns, ComparingParameters
from sen2naip_sr.experiments.comparison.parameters import (
    ComparisonParameters,
    CrossValidationParameters,
    OverfitParameters,
)
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.running.parameters import ModelName
from sen2naip_sr.experiments.tuning.parameters import TuningParameters
from sen2naip_sr.explain.parameters import ExplainParameters
from sen2naip_sr.federated.parameters import FederatedParameters
from sen2naip_sr.models.networks import NETWORKS, architecture_parameters
from sen2naip_sr.parameters import describe_unknown, list_faults
from sen2naip_sr.pipelines.experiments.configured import NAME, is_comparison
from sen2naip_sr.report.parameters import ReportParameters
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.tracking.trackers.parameters import TrackingParameters
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.upscaling.parameters import UpscalingParameters


class Force(RootModel[StrictBool]):
    """Whether to train though nothing has changed."""

    model_config = ConfigDict(frozen=True, defer_build=True)


PARAMETERS: dict[str, type[BaseModel]] = {
    "ingestion": IngestionParameters,
    "preprocessing": PreprocessingParameters,
    "evaluation": EvaluationParameters,
    "upscaling": UpscalingParameters,
    "explain": ExplainParameters,
    "force": Force,
    "model": ModelName,
    "cross_validate": CrossValidationParameters,
    "overfit": OverfitParameters,
    "tune": TuningParameters,
    "intrinsic_dimension": IntrinsicDimensionParameters,
    "federate": FederatedParameters,
    "runs": ComparedRuns,
    "comparing": ComparingParameters,
    "tracking": TrackingParameters,
    "report": ReportParameters,
    "labels": LabelParameters,
    **dict.fromkeys(NETWORKS, NetworkParameters),
}


def check_parameters(values: Mapping[str, Any]) -> None:
    """Check the name and type of every raw parameter.

    Raises:
        UserError: If a name is unknown or a value is not valid; the message lists all problems.
    """
    problems = []
    comparisons = [name for name, value in values.items() if is_comparison(value)]
    models: dict[str, type[BaseModel]] = dict.fromkeys(comparisons, ComparisonParameters)
    models |= PARAMETERS
    for name, value in values.items():
        if name not in models:
            problems.append(describe_unknown("parameter", name, list(models)))
            continue
        if name not in PARAMETERS and not NAME.fullmatch(name):
            problems.append(f"{name}: a comparison's name has small letters, digits and _ only")
        problems.extend(_problems(name, models[name], value))
        if name in NETWORKS and isinstance(value, dict):
            architecture = value.get("architecture", {})
            problems.extend(
                _problems(f"{name}.architecture", architecture_parameters(name), architecture)
            )
    if problems:
        raise UserError(
            "parameters-invalid",
            "parameters:\n  " + "\n  ".join(problems),
            "correct them; nothing has been run",
        )


def _problems(name: str, model: type[BaseModel], value: Any) -> list[str]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        return list_faults({**fault, "loc": (name, *fault["loc"])} for fault in error.errors())
    return []
