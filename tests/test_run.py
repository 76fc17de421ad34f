"""`kedro run` through the real command line, with tiny sizes, in a project of its own."""

import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from mlflow import MlflowClient

COMPARISON = [
    *("method", "n_chips", "psnr", "psnr_low", "psnr_high", "delta_psnr", "ssim", "ms_ssim"),
    *("rmse", "sam", "ergas", "uiqi", "consistency", "spectrum"),
    *("ndvi", "ndvi_rmse", "seconds_per_megapixel"),
]
METHODS = {
    *("lean", "nearest", "bilinear", "bicubic", "bicubic_pil", "lanczos"),
    *("projected", "linear"),
}


@pytest.fixture(scope="module")
def project(finished_project, tmp_path_factory):
    """A copy of the finished project that these tests may go on with."""
    return shutil.copytree(finished_project, tmp_path_factory.mktemp("again") / "project")


def test_ends_with_the_table_the_picture_and_what_to_try_next(finished_run):
    _project, completed = finished_run
    assert completed.returncode == 0, completed.stderr
    printed = completed.stdout + completed.stderr
    assert "synthetic test chips of places not seen in training" in printed
    assert {line.split()[0] for line in printed.splitlines() if line.strip()} >= METHODS
    assert "data/08_reporting/comparison.png" in printed
    assert "kedro mlflow ui" in printed
    assert "Traceback" not in printed
    # 12 steps do not get ahead of the linear filter
    warnings = [line for line in printed.splitlines() if "WARNING" in line or "Warning" in line]
    assert len(warnings) == 1, printed
    assert "lean failed" in warnings[0]
    assert "MLflow run: lean (test)  (sen2naip_sr/training, " in printed


def test_makes_every_promised_output(finished_project):
    reporting = finished_project / "data/08_reporting"
    scores = pd.read_parquet(reporting / "scores.parquet")
    chips = scores["chip"].nunique()
    assert len(scores) == len(METHODS) * chips * 5
    assert set(scores["band"]) == {"all", "Red", "Green", "Blue", "NIR"}
    comparison = pd.read_csv(reporting / "comparison.csv")
    assert list(comparison)[: len(COMPARISON)] == COMPARISON
    assert set(comparison["method"]) == METHODS
    assert (comparison["n_chips"] == chips).all()
    assert set(pd.read_csv(reporting / "places.csv")["method"]) == METHODS
    for figure in ("comparison.png", "gallery.png"):
        assert (reporting / figure).stat().st_size > 10_000
    assert pd.read_csv(reporting / "rejected.csv").empty
    models = finished_project / "data/06_models/lean"
    assert (models / "weights.safetensors").is_file()
    assert not (models / "checkpoint.pt").exists()
    assert pd.read_csv(models / "history.csv")["step"].max() == 12


def test_examples_lie_on_the_same_ground(finished_project):
    examples = finished_project / "data/07_model_output/examples"
    rasters = {path.stem: rasterio.open(path) for path in examples.glob("*.tif")}
    assert set(rasters) == {"lr", "truth", "lean", "lanczos"}
    bounds = {raster.bounds for raster in rasters.values()}
    assert len(bounds) == 1
    assert {raster.crs.to_epsg() for raster in rasters.values()} == {32616}
    assert rasters["lr"].res == (5.0, 5.0)
    assert rasters["lean"].res == rasters["truth"].res == (2.5, 2.5)
    for raster in rasters.values():
        raster.close()


def test_is_tracked(finished_project):
    client = MlflowClient(f"sqlite:///{finished_project}/mlflow.db")
    experiment = client.get_experiment_by_name("sen2naip_sr/training")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["lean.training.steps"] == "12"
    assert run.data.params["ingestion.sample.places"] == "5"
    tags = {"git_commit", "data_hash", "split_hash", "recipe", "device", "data_source", "machine"}
    assert tags <= set(run.data.tags)
    assert run.data.tags["model"] == "lean"
    assert run.info.run_name == "lean (test)"
    assert run.data.tags["recipe"] == "bicubic_antialiased@1"
    assert {
        "usage/wall_seconds",
        "usage/peak_memory_mb",
        "validation/psnr",
        *("test/psnr", "test/gain", "test/ssim", "test_more/spectrum"),
        *("test_psnr/lanczos", "test_psnr/bicubic"),
    } <= set(run.data.metrics)
    assert "test_psnr/lean" not in run.data.metrics
    for name in ("loss", "validation_psnr", "gradient_l2", "weight_l2", "near_zero_gradients"):
        assert len(client.get_metric_history(run.info.run_id, f"train/{name}")) >= 2, name
    artifacts = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert artifacts == {"figures", "history", "scores"}
    figures = {item.path for item in client.list_artifacts(run.info.run_id, "figures")}
    assert figures == {f"figures/{name}.png" for name in ("by_place", "comparison", "gallery")}


def test_training_again_makes_no_chips_again(project, kedro):
    stores = [project / "data/02_intermediate/hr", project / "data/05_model_input/lr"]
    before = [(store / "chips_00000.npy").stat().st_mtime_ns for store in stores]
    # pixels that no longer match the manifest show that nobody reads the source again
    shutil.rmtree(project / "data/01_raw/sample")
    completed = kedro(project, "run", "--pipeline=train_lean", "--params=lean.training.seed=1")
    assert completed.returncode == 0, completed.stderr
    assert "eprecat" not in completed.stdout + completed.stderr
    assert [(store / "chips_00000.npy").stat().st_mtime_ns for store in stores] == before
    assert not list((project / "data/01_raw").glob("sample/*"))


def test_another_recipe_makes_lr_again_but_not_hr(project, kedro):
    hr, lr = project / "data/02_intermediate/hr", project / "data/05_model_input/lr"
    before = (hr / "chips_00000.npy").stat().st_mtime_ns
    old = np.load(lr / "chips_00000.npy")
    # the weights were trained on LR of another recipe: they are left out, the rest is scored
    completed = kedro(project, "run", "--pipelines=evaluate", "--params=preprocessing.recipe=area")
    assert completed.returncode == 0, completed.stderr
    assert (hr / "chips_00000.npy").stat().st_mtime_ns == before
    assert not np.array_equal(np.load(lr / "chips_00000.npy"), old)
    printed = " ".join((completed.stdout + completed.stderr).split())
    assert "lean is not scored" in printed
    assert "downscaling recipe bicubic_antialiased@1, the chips have area@1" in printed
    comparison = pd.read_csv(project / "data/08_reporting/comparison.csv")
    assert set(comparison["method"]) == METHODS - {"lean"}


def test_own_geotiffs_with_unusable_files_among_them(tmp_path, copy_project, kedro, make_geotiff):
    project = copy_project(tmp_path / "project")
    images = tmp_path / "images"
    for place in range(5):
        for number in range(2):
            seed = 10 * place + number
            make_geotiff(images / f"place {place}" / f"{number}.tif", size=64, seed=seed, crs=None)
    make_geotiff(images / "place 0" / "three bands.tif", bands=3)
    (images / "place 1" / "empty.tif").touch()
    params = f"ingestion.source=directory,ingestion.path={images},evaluation.chips=1"
    completed = kedro(project, "run", f"--params={params}")
    assert completed.returncode == 0, completed.stderr
    assert "2 files or chips were rejected" in completed.stdout
    rejected = pd.read_csv(project / "data/08_reporting/rejected.csv").set_index("file")
    assert "has 3 bands, 4 are required" in rejected.loc["place 0/three bands.tif", "reason"]
    assert "place 1/empty.tif" in rejected.index
    assert "synthetic" not in completed.stdout


def test_sen2naip_from_a_zip_of_its_layout(tmp_path, copy_project, kedro, make_geotiff):
    project = copy_project(tmp_path / "project")
    with zipfile.ZipFile(tmp_path / "cross-sensor.zip", "w") as archive:
        for roi in range(6):
            ground = Affine(2.5, 0, 300_000 + 50_000 * roi, 0, -2.5, 4_000_000)
            image = make_geotiff(tmp_path / "hr.tif", size=64, seed=roi, transform=ground)
            archive.write(image, f"cross-sensor/ROI_{roi:04d}/hr.tif")
            archive.writestr(f"cross-sensor/ROI_{roi:04d}/lr.tif", b"not read")
    params = {
        "ingestion.path": tmp_path / "cross-sensor.zip",
        "ingestion.chip_size": 64,
        "lean.architecture.channels": 4,
        "lean.training.steps": 4,
        "lean.training.batch_size": 2,
        "lean.training.crop_size": 16,
        "evaluation.chips": 1,
        "evaluation.shipped": False,
    }
    completed = kedro(
        project,
        "run",
        "--pipelines=train_lean,evaluate",
        "--params=" + ",".join(f"{name}={value}" for name, value in params.items()),
        env="sen2naip",
    )
    assert completed.returncode == 0, completed.stderr
    assert "synthetic" not in completed.stdout
    index = pd.read_parquet(project / "data/02_intermediate/hr/index.parquet")
    assert index["file"].tolist() == [f"cross-sensor/ROI_{roi:04d}/hr.tif" for roi in range(6)]
    assert index["place"].nunique() == 6
    comparison = pd.read_csv(project / "data/08_reporting/comparison.csv")
    assert set(comparison["method"]) == METHODS
    assert not list(project.rglob("ROI_*")), "the zip is read as it is"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("ingestoin.source=sample", "unknown parameter 'ingestoin': did you mean 'ingestion'?"),
        ("lean.training.stepz=4", "unknown parameter 'stepz': did you mean 'steps'?"),
        ("lean.architecture.chanels=4", "unknown parameter 'chanels': did you mean 'channels'?"),
        ("lean.training.steps=many", "lean.training.steps: Input should be a valid integer"),
        ("ingestion.source=directory,ingestion.path=nowhere", "nowhere: no such folder"),
    ],
)
def test_what_the_user_can_fix_is_said_without_a_traceback(finished_project, kedro, params, said):
    completed = kedro(finished_project, "run", "--pipelines=ingest", f"--params={params}")
    assert completed.returncode == 1
    assert said in completed.stderr
    assert "What to do:" in completed.stderr
    assert "Traceback" not in completed.stdout + completed.stderr
    assert completed.stdout.strip() == ""


def test_scenes_are_upscaled_by_a_run_that_is_tracked(project, kedro, tmp_path, make_geotiff):
    scene = make_geotiff(tmp_path / "scene.tif", size=40)
    done = kedro(project, "run", "--pipelines=upscale", "--params", f"upscaling.source={scene}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "scene_x2.tif").exists()
    table = pd.read_csv(project / "data/07_model_output/upscaled.csv")
    assert table["state"].tolist() == ["done"]
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("sen2naip_sr/upscaling")
    newest = client.search_runs([experiment.experiment_id])[0]
    assert newest.data.metrics["upscaling.scenes_done"] == 1
    assert newest.data.params["upscaling.model"] == "default"
