"""Which trackers record a run."""

from typing import Any, Literal

from pydantic import ConfigDict, RootModel, model_validator

from sen2naip_sr.parameters import LIST_SEPARATOR, describe_unknown

TrackerName = Literal["mlflow", "tensorboard", "wandb"]
MLFLOW: TrackerName = "mlflow"
NAMES: tuple[TrackerName, ...] = (MLFLOW, "tensorboard", "wandb")


class TrackingParameters(RootModel[list[TrackerName]]):
    """The trackers that record a run; an empty list records nothing.

    A text is read too: names between semicolons, as in ``mlflow;tensorboard``. Some command lines
    split at commas.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    root: list[TrackerName] = [MLFLOW]
    """``mlflow``, ``tensorboard``, ``wandb``. Comparisons of runs need MLflow."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if value is None:
            return []
        items = list(value) if isinstance(value, list | tuple) else [value]
        parts = [part for item in items for part in str(item).strip("[] ").split(LIST_SEPARATOR)]
        names = [part.strip(" '\"") for part in parts if part.strip(" '\"")]
        for name in names:
            if name not in NAMES:
                raise ValueError(describe_unknown("tracker", name, list(NAMES)))
        return list(dict.fromkeys(names))
