"""`kedro run --pipelines=tune` through the real command line, with tiny sizes."""

import shutil

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from sen2naip_sr.errors import UserError
from sen2naip_sr.pipelines.parameters import check_parameters
from sen2naip_sr.training.parameters import NetworkParameters

# rates that learn nothing as the network's own: another trial is sure to be better
TUNED = "lean.training.learning_rate=0.00001,tune.trials=4"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, copy_project, kedro):
    project = copy_project(tmp_path_factory.mktemp("tuned") / "project")
    conf = project / "conf/test/parameters_tune.yml"
    narrow = "    training.learning_rate: {low: 0.00001, high: 0.05, log: true}\n"
    conf.write_text(conf.read_text() + narrow)
    done = kedro(project, "run", "--pipelines=tune", f"--params={TUNED}")
    assert done.returncode == 0, done.stdout + done.stderr
    return project, done.stdout


def test_ends_with_the_findings_and_where_its_files_are(tuned):
    project, printed = tuned
    words = " ".join(printed.split())
    assert "lean: Best of 4 trials: trial" in words
    for file in ("tune.csv", "tune.png", "tune_best.yml"):
        assert f"data/08_reporting/{file}" in printed
        assert (project / "data/08_reporting" / file).stat().st_size > 100
    findings = (project / "data/08_reporting/tune.txt").read_text()
    assert "places that the search has not scored" in findings or "Not confirmed" in findings


def test_every_trial_is_a_nested_run(tuned):
    project, _ = tuned
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("sen2naip_sr/experiments")
    runs = client.search_runs([experiment.experiment_id])
    nested = {
        run.data.tags["variation"]: run for run in runs if "mlflow.parentRunId" in run.data.tags
    }
    table = pd.read_csv(project / "data/08_reporting/tune.csv").set_index("trial")
    for number, row in table.iterrows():
        run = nested[f"trial {number}"]
        curve = client.get_metric_history(run.info.run_id, "train/validation_psnr")
        assert len([point for point in curve if point.step]) == row["validations"]
        assert (run.data.tags.get("pruned") == "true") == (row["state"] == "pruned")
        if row["state"] == "complete":
            assert run.data.metrics["held_out/psnr"] == pytest.approx(row["psnr"])
        rate = float(run.data.params["training.learning_rate"])
        assert rate == pytest.approx(row["training.learning_rate"])


def test_the_best_parameters_are_ones_that_a_training_takes(tuned, tmp_path, kedro):
    project, _ = tuned
    file = project / "data/08_reporting/tune_best.yml"
    best = yaml.safe_load(file.read_text())
    check_parameters(best)
    found = NetworkParameters.model_validate(best["lean"])
    table = pd.read_csv(project / "data/08_reporting/tune.csv")
    row = table.loc[table["psnr"].idxmax()]
    assert found.training.learning_rate == pytest.approx(row["training.learning_rate"])
    assert found.training.steps == 12, "its own length"
    # conf/local as the environment, with the tiny sample of conf/test
    local = shutil.copytree(
        project, tmp_path / "project", ignore=shutil.ignore_patterns("mlartifacts")
    )
    shutil.copy(file, local / "conf/local/parameters_lean.yml")
    shutil.copy(local / "conf/test/parameters_ingestion.yml", local / "conf/local")
    done = kedro(local, "run", "--pipelines=train_lean", env="local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert pd.read_csv(local / "data/06_models/lean/history.csv")["step"].max() == 12


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"space": {}}, "tune.space: Dictionary should have at least 1 item"),
        ({"space": {"training.steps": None}}, "tune.space: Dictionary should have at least 1 item"),
        ({"space": {"training.steps": {"low": 3}}}, "give low and high, or choices"),
        ({"space": {"training.steps": {"low": 3, "high": 2}}}, "low 3 is not below high 2"),
        ({"space": {"training.steps": {"lo": 3}}}, "did you mean 'low'"),
        (
            {"space": {"training.steps": {"low": 0, "high": 1, "log": True}}},
            "log needs low above 0",
        ),
        ({"confirm": {"stepps": 3}}, "tune.confirm.*did you mean 'steps'"),
        ({"confirm": {"batch_size": 0}}, "tune.confirm.*batch_size: .*greater than"),
    ],
)
def test_faults_are_found_before_anything_runs(given, problem):
    with pytest.raises(UserError, match=problem):
        check_parameters({"tune": given})
