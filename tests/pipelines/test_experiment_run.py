"""Experiments through the real command line, with tiny sizes."""

import pandas as pd
import pytest
from mlflow import MlflowClient
from PIL import Image


@pytest.fixture(scope="module")
def project(copy_project, tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("experiments") / "project")


def runs(project):
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("sen2naip_sr/experiments")
    return client.search_runs([experiment.experiment_id])


def test_a_comparison_ends_with_findings_and_its_variations_can_be_compared(project, kedro):
    for _ in range(2):  # the second finds all trainings done
        completed = kedro(project, "run", "--pipelines=compare_losses")
        assert completed.returncode == 0, completed.stderr
    printed = " ".join(completed.stdout.split())
    assert "compare_losses Which loss " in printed
    for picture in ("compare_losses.png", "compare_losses.gallery.png"):
        assert f"data/08_reporting/{picture}" in printed
        assert (project / "data/08_reporting" / picture).is_file()
    table = pd.read_csv(project / "data/08_reporting/compare_losses.csv")
    assert {"l1", "mse", "l1 and ssim"} <= set(table["variation"])
    nested = [run for run in runs(project) if run.data.tags.get("experiment") == "compare_losses"]
    assert len(nested) == 2 * len(table)
    l1, mse = (
        next(run for run in nested if run.data.tags["variation"] == name).info.run_id
        for name in ("l1", "mse")
    )
    compared = kedro(project, "run", "--pipelines=compare", f"--params=runs={l1};{mse}")
    assert compared.returncode == 0, compared.stderr
    assert "l1" in (project / "data/08_reporting/run_comparison.txt").read_text()


def test_a_cross_validation_ends_with_findings(project, kedro):
    completed = kedro(project, "run", "--pipelines=cross_validate")
    assert completed.returncode == 0, completed.stderr
    assert "Nothing can be said: fold 0 (4 steps)" in " ".join(completed.stdout.split())
    table = pd.read_csv(project / "data/08_reporting/cross_validate.csv")
    assert table["fold"].tolist() == ["fold 0", "fold 1", "all folds"]


def test_a_federated_training_ends_with_findings_and_a_run_for_every_training(project, kedro):
    pytest.importorskip("flwr")
    completed = kedro(project, "run", "--pipelines=federate")
    assert completed.returncode == 0, completed.stderr
    assert "FedAvg, 2 rounds of 5 steps" in " ".join(completed.stdout.split())
    for file in ("federate.csv", "federate.rounds.csv", "federate.png"):
        assert (project / "data/08_reporting" / file).is_file()
    nested = [run for run in runs(project) if run.data.tags.get("experiment") == "federate"]
    (own,) = (run for run in nested if run.data.tags["variation"] == "federated")
    sites = {name.rpartition("/")[2] for name in own.data.metrics if "train/psnr/" in name}
    assert len(sites) == 3
    assert len(nested) == 4 + len(sites)


def test_overfitting_ends_with_an_animation(project, kedro):
    completed = kedro(project, "run", "--pipelines=overfit")
    assert completed.returncode == 0, completed.stderr
    with Image.open(project / "data/08_reporting/overfit.gif") as animation:
        assert animation.n_frames == 3


def test_a_misspelled_parameter_of_a_variation_is_refused_before_anything_runs(project, kedro):
    params = "--params=compare_losses.variations.mse.training.lossess=1"
    completed = kedro(project, "run", "--pipelines=compare_losses", params)
    assert completed.returncode != 0
    printed = " ".join((completed.stdout + completed.stderr).split())
    assert "compare_losses.variations.mse.training" in printed
    assert "unknown parameter 'lossess'" in printed
    assert "nothing has been run" in printed


OWN = """
compare_seeds:
  asks: How much does the seed matter?
  training: {steps: 2, minutes: null, validate_every: 2, keep: last}
  variations:
    first: {training: {seed: 1}}
    second: {training: {seed: 2}, against: first}
"""


def test_a_comparison_of_the_users_own_is_yaml_alone(project, kedro):
    (project / "conf/test/parameters_seeds.yml").write_text(OWN)
    listed = kedro(project, "registry", "list")
    assert "- compare_seeds" in listed.stdout.splitlines()
    completed = kedro(project, "run", "--pipelines=compare_seeds")
    assert completed.returncode == 0, completed.stderr
    reports = project / "data/08_reporting"
    assert (reports / "compare_seeds.txt").read_text().startswith("How much does the seed matter?")
    assert set(pd.read_csv(reports / "compare_seeds.csv")["variation"]) == {"first", "second"}
    assert (reports / "compare_seeds.gallery.png").is_file()
