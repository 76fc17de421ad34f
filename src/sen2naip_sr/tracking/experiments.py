"""MLflow's experiments: one for each kind of run."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

MODE = ("mlflow.experimentKind", "custom_model_development")
"""The tag by which MLflow's page opens an experiment as one of models, not of language models."""
ABOUT = {
    "training": "Trainings. Their test scores are here as soon as an evaluation has scored them.",
    "evaluation": "Evaluations of networks on test chips, test sets and real pairs.",
    "comparison": "Comparisons of tracked runs, chip by chip.",
    "experiments": "Experiments; the trainings of each are nested below it.",
    "explanation": "Explanations of networks on test chips.",
    "labelling": "Tasks for people who compare results, and what they said.",
    "report": "Reports of what runs have left.",
    "calibration": "Calibrations of the intervals of networks.",
    "upscaling": "Scenes that were upscaled.",
}


def choose_experiment(config: Any, kind: str) -> None:
    """Set the experiment that the run to come belongs to; it is made if there is none.

    Args:
        config: The configuration of kedro-mlflow after its setup; see `name_for`.
        kind: A value of `sen2naip_sr.tracking.naming.KINDS`.
    """
    import mlflow

    options = config.tracking.experiment
    name = name_for(options.name, kind)
    location = options.create_experiment_kwargs.artifact_location
    experiment = _find_or_make(mlflow.MlflowClient(), name, location, ABOUT[kind])
    mlflow.set_experiment(experiment_id=experiment.experiment_id)  # nested runs follow it
    options.name = name
    options._experiment = experiment


def name_for(configured: str, kind: str) -> str:
    """Return the name of an experiment: the configured one, with another kind as its last part."""
    first, _, last = configured.rpartition("/")
    return f"{first if first and last in ABOUT else configured}/{kind}"


def _find_or_make(
    client: "MlflowClient", name: str, artifact_location: str | None, about: str
) -> "Experiment":
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            client.create_experiment(name, artifact_location)
        except MlflowException:  # another process was quicker
            if client.get_experiment_by_name(name) is None:
                raise
        return _find_or_make(client, name, artifact_location, about)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    for tag, value in (MODE, ("mlflow.note.content", about)):
        if tag not in experiment.tags:
            client.set_experiment_tag(experiment.experiment_id, tag, value)
    return experiment
