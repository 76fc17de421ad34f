"""The end of a run: where it is, and what happens to one that was refused."""

from typing import Any

MODE = "?workflowType=machine_learning"
"""What makes the page show models, and not what it has for language models."""
SERVED = ("http://", "https://")


def describe_run(run_id: str, config: Any) -> str:
    """Return a run's name, experiment, id and address, as lines for a terminal.

    Args:
        run_id: The run.
        config: The configuration of kedro-mlflow: where its page is.
    """
    import mlflow

    client = mlflow.MlflowClient()
    run = client.get_run(run_id).info
    experiment = client.get_experiment(run.experiment_id).name
    uri = mlflow.get_tracking_uri().rstrip("/")
    local = not uri.startswith(SERVED)
    page = f"http://{config.ui.host}:{config.ui.port}" if local else uri
    hint = "  (while kedro mlflow ui runs)" if local else ""
    return (
        f"MLflow run: {run.run_name}  ({experiment}, {run_id})\n"
        f"            {page}/#/experiments/{run.experiment_id}/runs/{run_id}{MODE}{hint}"
    )


def remove_if_empty(run_id: str) -> bool:
    """Delete a run that holds neither metrics nor artifacts nor models; return whether it did."""
    import mlflow

    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    if (
        any(not name.startswith("system/") for name in run.data.metrics)  # nobody asked for those
        or (run.outputs and run.outputs.model_outputs)
        or client.list_artifacts(run_id)
    ):
        return False
    client.delete_run(run_id)
    return True
