"""`pip install .` without extras is enough to upscale."""

import numpy as np
import pytest
import rasterio
from small_install import absent_modules, base_distributions, run_small

COMMAND = "from sen2naip_sr.command import main; main()"


@pytest.fixture
def scene(tmp_path, make_geotiff):
    return make_geotiff(tmp_path / "scene.tif", size=32)


def test_the_dependencies_are_few():
    assert {"torch", "rasterio", "numpy", "safetensors"} <= base_distributions()
    heavy = {"kedro", "mlflow", "matplotlib", "pandas", "sklearn", "pyarrow", "optuna"}
    assert heavy <= absent_modules()


def test_what_is_not_installed_cannot_be_imported():
    with pytest.raises(AssertionError, match="No module named 'pandas'"):
        run_small("import pandas")


def test_the_command_upscales(scene):
    run_small(COMMAND, "upscale", scene)
    with rasterio.open(scene.with_name("scene_x2.tif")) as target:
        assert target.shape == (64, 64)


def test_the_command_upscales_with_intervals_and_consistency(scene):
    run_small(COMMAND, "upscale", scene, "--uncertainty", "--consistency", "on", "--ensemble")
    assert scene.with_name("scene_x2_interval.tif").is_file()


def test_the_command_lists_its_models():
    listed = run_small(COMMAND, "models")
    assert "lean" in listed.lower()


def test_arrays_and_files_are_upscaled(scene, tmp_path):
    code = (
        "import sys; import numpy as np; import sen2naip_sr as sr;"
        "np.save(sys.argv[2], sr.upscale(np.load(sys.argv[1])));"
        "sr.upscale(sys.argv[3], sys.argv[4])"
    )
    with rasterio.open(scene) as source:
        np.save(tmp_path / "in.npy", source.read())
    run_small(code, tmp_path / "in.npy", tmp_path / "out.npy", scene, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as target:
        assert np.array_equal(target.read(), np.load(tmp_path / "out.npy"))


def test_without_kedro_the_pipelines_say_what_to_install():
    told = run_small(
        "import runpy\n"
        "try: runpy.run_module('sen2naip_sr', run_name='__main__')\n"
        "except SystemExit as end: print(end)"
    )
    assert 'pip install "sen2naip_sr[kedro]"' in told
