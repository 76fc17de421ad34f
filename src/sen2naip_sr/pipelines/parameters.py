"""All parameters of the project by their top-level name, and their check before any node runs."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.parameters import (
    CrossValidationParameters,
    OverfitParameters,
    StudyParameters,
)
from sen2naip_sr.models.parameters import NETWORK_PARAMETERS
from sen2naip_sr.parameters import Parameters, describe_unknown
from sen2naip_sr.pipelines.preprocessing.parameters import PreprocessingParameters
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.upscaling.parameters import UpscalingParameters

PARAMETERS: dict[str, type[Parameters]] = {
    "ingestion": IngestionParameters,
    "preprocessing": PreprocessingParameters,
    "evaluation": EvaluationParameters,
    "upscaling": UpscalingParameters,
    "cross_validate": CrossValidationParameters,
    "compare_architectures": StudyParameters,
    "compare_losses": StudyParameters,
    "compare_optimizers": StudyParameters,
    "compare_schedules": StudyParameters,
    "overfit": OverfitParameters,
    **dict.fromkeys(NETWORK_PARAMETERS, NetworkParameters),
}
VALUES: dict[str, TypeAdapter[Any]] = {"model": TypeAdapter(Literal[*NETWORK_PARAMETERS])}
"""Parameters that are no group."""


def check_parameters(values: Mapping[str, Any]) -> None:
    """Check every parameter's name and type.

    Args:
        values: The raw parameters by their top-level name.

    Raises:
        UserError: If a name is unknown or a value is not valid; the message lists all problems.
    """
    checks: dict[str, Callable[[Any], Any]] = {
        name: model.model_validate for name, model in PARAMETERS.items()
    }
    checks |= {name: value.validate_python for name, value in VALUES.items()}
    problems = []
    for name, value in values.items():
        if name not in checks:
            problems.append(describe_unknown(name, list(checks)))
            continue
        problems.extend(_problems(name, checks[name], value))
        if name in NETWORK_PARAMETERS and isinstance(value, dict):
            architecture = value.get("architecture", {})
            problems.extend(
                _problems(
                    f"{name}.architecture",
                    NETWORK_PARAMETERS[name].model_validate,
                    architecture,
                )
            )
    if problems:
        raise UserError(
            "parameters:\n  " + "\n  ".join(problems),
            "correct them on the command line (--params) or in conf/; nothing has been run",
        )


def _problems(name: str, check: Callable[[Any], Any], value: Any) -> list[str]:
    try:
        check(value)
    except ValidationError as error:
        return [
            f"{'.'.join([name, *map(str, problem['loc'])])}: "
            + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors()
        ]
    return []
