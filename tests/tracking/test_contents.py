"""What MLflow holds of trainings and evaluations."""

from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from constructed_scores import make_scores
from mlflow import MlflowClient
from small_weights import metadata, network

import sen2naip_sr
from sen2naip_sr.evaluation.comparison import compare_methods
from sen2naip_sr.tracking.contents import Contents
from sen2naip_sr.tracking.database import prepare
from sen2naip_sr.tracking.ending import describe_run, remove_if_empty
from sen2naip_sr.tracking.experiments import MODE, choose_experiment, name_for
from sen2naip_sr.tracking.models import find_model
from sen2naip_sr.tracking.naming import RunName
from sen2naip_sr.weights.files import Weights, save_weights

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

HASH = "0123456789abcdef" * 4
HR = SimpleNamespace(attributes={"source": "sample"}, manifest=SimpleNamespace(content=HASH))
LR = SimpleNamespace(attributes={"recipe": "area@1"})
PSNR = {"bicubic": [29.0, 31.0], "lanczos": [30.0, 31.0], "carn": [32.0, 34.0], "gan": [33.0, 35.0]}
CHANGES = {"carn.training.learning_rate": 0.002}
WEIGHTS = Weights(metadata(), network().state_dict(), "carn")
SHIPPED = Weights(metadata(step=7), network().state_dict(), "gan", shipped_as="gan")


def configuration(name="sr/training"):
    """Return what of kedro-mlflow's configuration is used."""
    kwargs = SimpleNamespace(artifact_location=None)
    experiment = SimpleNamespace(name=name, create_experiment_kwargs=kwargs, _experiment=None)
    page = SimpleNamespace(host="127.0.0.1", port="5000")
    return SimpleNamespace(tracking=SimpleNamespace(experiment=experiment), ui=page)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracked")
    artifacts = folder / "mlartifacts"
    prepare(folder / "mlflow.db", artifacts, {"sr/training": artifacts.as_uri()})
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def trained(client):
    """The id of a run that trained."""
    choose_experiment(configuration(), "training")
    name = RunName("carn", CHANGES)
    with mlflow.start_run(run_name=str(name)) as run:
        contents = Contents("training", name, run.info.run_id)
        for _ in range(2):  # every node loads them
            contents.loaded("hr", HR)
            contents.loaded("lr", LR)
        contents.saved("carn.weights", WEIGHTS)
    return run.info.run_id


@pytest.fixture(scope="module")
def evaluated(client, trained):
    """The id of a run that evaluated these weights beside shipped ones, which are better."""
    choose_experiment(configuration(), "evaluation")
    name = RunName("evaluate", {"evaluation.chips": 2})
    scores = make_scores(PSNR, trained=("carn", "gan"))
    scores["origin"] = np.where(scores["method"] == "gan", "shipped", "")
    with mlflow.start_run(run_name=str(name)) as run:
        contents = Contents("evaluation", name, run.info.run_id)
        contents.loaded("hr", HR)
        contents.loaded("carn.weights", WEIGHTS)
        contents.loaded("gan.weights", SHIPPED)
        contents.loaded("unet.weights", None)
        contents.saved("comparison", compare_methods(scores, draws=100, seed=0))
    return run.info.run_id


def test_a_training_has_its_data_set_and_its_model(client, trained):
    run = client.get_run(trained)
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("sample", HASH[:16])
    assert {tag.value for tag in used.tags} == {"training"}
    assert run.data.tags.items() >= {"model": "carn", "data_hash": HASH, "recipe": "area@1"}.items()
    assert run.data.metrics["validation/psnr"] == 33.25
    (made,) = run.outputs.model_outputs
    model = client.get_logged_model(made.model_id)
    assert model.status == "READY"
    assert model.tags["weights"] == WEIGHTS.label


def test_a_model_is_opened_without_pickle_and_upscales(client, trained, tmp_path):
    (made,) = client.get_run(trained).outputs.model_outputs
    address = f"models:/{made.model_id}"
    folder = Path(mlflow.artifacts.download_artifacts(address, dst_path=str(tmp_path)))
    files = {path.name for path in folder.rglob("*") if path.is_file()}
    assert "weights.safetensors" in files
    assert not [name for name in files if name.endswith((".pkl", ".pt", ".pth", ".bin"))]
    assert "python_model" not in (folder / "MLmodel").read_text()

    loaded = mlflow.pyfunc.load_model(address)
    (image,) = loaded.metadata.signature.inputs
    assert (image.type, image.shape) == (np.dtype("uint8"), (-1, 3, -1, -1))
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 12, 10), dtype="uint8")
    upscaled = loaded.predict(images)
    file = tmp_path / "same.safetensors"
    save_weights(file, WEIGHTS.state, WEIGHTS.metadata)
    expected = sen2naip_sr.load_model(file, device="cpu").upscale(images[1]).values
    assert upscaled.shape == (2, 3, 24, 20)
    assert np.array_equal(upscaled[1], expected)


def test_an_evaluation_is_about_the_network_that_was_trained_here(client, evaluated):
    run = client.get_run(evaluated)
    assert run.info.run_name == "evaluate carn lr=0.002 chips=2"
    assert run.data.tags["model"] == "carn"
    metrics = run.data.metrics
    assert (metrics["test/psnr"], metrics["test/gain"]) == (33, 2.5)
    assert {name for name in metrics if name.startswith("test/")} == {
        *("test/psnr", "test/gain", "test/ssim")
    }
    assert "test_more/sam" in metrics
    others = {name: value for name, value in metrics.items() if name.startswith("test_psnr/")}
    assert others == {"test_psnr/bicubic": 30, "test_psnr/lanczos": 30.5, "test_psnr/gan": 34}
    # how it was trained, so that two evaluations show what differed
    assert run.data.params["carn.training.steps"] == "1000"
    assert run.data.params["carn.architecture.channels"] == "4"


def test_the_training_gets_the_scores_of_its_evaluation(client, trained, evaluated):
    run = client.get_run(trained)
    scored = client.get_run(evaluated).data.metrics
    own = {name: value for name, value in scored.items() if name.startswith("test/")}
    found = run.data.metrics
    assert {name: found[name] for name in own} == own
    assert not any(name.startswith("test_psnr/") for name in found)
    assert run.data.tags["scored_in"] == evaluated
    model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert own.items() <= {metric.key: metric.value for metric in model.metrics}.items()


def test_a_run_that_kept_its_weights_uses_the_model_of_the_run_that_trained(client, trained):
    choose_experiment(configuration(), "training")
    scores = make_scores(PSNR, trained=("carn", "gan")).assign(origin="")
    with mlflow.start_run(tags={"training": "kept"}) as run:
        contents = Contents("training", RunName("carn"), run.info.run_id)
        contents.saved("carn.weights", WEIGHTS)
        contents.saved("comparison", compare_methods(scores, draws=100, seed=0))
    kept = client.get_run(run.info.run_id)
    assert not kept.outputs.model_outputs
    (made,) = client.get_run(trained).outputs.model_outputs
    assert [used.model_id for used in kept.inputs.model_inputs] == [made.model_id]
    assert kept.data.metrics["test/psnr"] == 33
    client.delete_run(run.info.run_id)


def test_experiments_are_one_a_kind_and_open_as_those_of_models(client, trained, evaluated):
    found = {one.name: one for one in client.search_experiments() if one.name != "Default"}
    assert set(found) == {"sr/training", "sr/evaluation"}
    assert all(one.tags[MODE[0]] == MODE[1] for one in found.values())
    assert [
        run.info.run_id for run in client.search_runs([found["sr/training"].experiment_id])
    ] == [trained]
    client.delete_experiment(found["sr/evaluation"].experiment_id)
    choose_experiment(configuration("sr/training"), "evaluation")
    assert client.get_experiment_by_name("sr/evaluation").lifecycle_stage == "active"


def test_a_model_of_a_deleted_run_is_not_found(client):
    other = Weights(metadata(step=5), WEIGHTS.state, "carn")
    assert find_model(other) is None
    choose_experiment(configuration(), "training")
    with mlflow.start_run() as run:
        Contents("training", RunName("carn"), run.info.run_id).saved("carn.weights", other)
    assert find_model(other).run_id == run.info.run_id
    client.delete_run(run.info.run_id)
    assert find_model(other) is None


def test_only_a_run_that_holds_nothing_is_removed(client, trained):
    assert not remove_if_empty(trained)
    with mlflow.start_run() as run:
        mlflow.log_params({"carn.training.steps": 3})
    assert remove_if_empty(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with mlflow.start_run() as run:
        mlflow.log_text("half a table", "scores/scores.csv")
    assert not remove_if_empty(run.info.run_id)


def test_the_end_names_run_experiment_id_and_address(client, trained):
    text = describe_run(trained, configuration())
    assert "carn lr=0.002" in text
    assert "sr/training" in text
    assert f"http://127.0.0.1:5000/#/experiments/1/runs/{trained}" in text


def test_a_comparison_is_called_after_what_it_compares(client):
    choose_experiment(configuration(), "comparison")
    with mlflow.start_run() as run:
        contents = Contents("comparison", RunName("compare"), run.info.run_id)
        contents.saved("compared_runs", pd.DataFrame({"label": ["carn", "carn lr=0.002"]}))
        contents.saved("run_findings", "carn is better\n")
    found = client.get_run(run.info.run_id)
    assert found.info.run_name == "compare carn against carn lr=0.002"
    assert "carn is better" in found.data.tags["mlflow.note.content"]


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("sr/training", "sr/evaluation"),
        ("sr", "sr/evaluation"),
        ("/Users/me/sr", "/Users/me/sr/evaluation"),
        ("/Users/me/sr/training", "/Users/me/sr/evaluation"),
        ("training", "training/evaluation"),
    ],
)
def test_the_configured_name_gives_those_of_all_kinds(configured, expected):
    assert name_for(configured, "evaluation") == expected


def test_without_a_run_nothing_is_logged():
    contents = Contents("", RunName(""))
    contents.loaded("hr", HR)
    contents.saved("carn.weights", WEIGHTS)
    contents.tag(device="none")
    assert mlflow.active_run() is None
