"""What a run's hooks hand to MLflow."""

from types import SimpleNamespace

from pydantic import BaseModel

from sen2naip_sr.tracking.recording import RecordingHooks


class Some(BaseModel):
    steps: int = 3


def test_typed_parameters_are_shown_to_mlflow_as_plain_ones():
    original = Some()
    inputs = {"params:carn": original, "hr": original}
    RecordingHooks().before_node_run(SimpleNamespace(tags=set()), inputs)
    assert inputs["params:carn"] == {"steps": 3}
    assert inputs["hr"] is original


def test_networks_are_not_shown_for_an_experiment_whose_runs_have_their_own():
    inputs = {"params:carn": Some(), "params:compare_losses": Some()}
    RecordingHooks().before_node_run(SimpleNamespace(tags={"experiment"}), inputs)
    assert inputs == {"params:compare_losses": {"steps": 3}}
