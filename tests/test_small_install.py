"""`pip install .` without extras is enough to upscale."""

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


def test_python_upscales_with_every_option():
    run_small(
        "import numpy, sen2naip_sr\n"
        "array = numpy.zeros((4, 32, 32), 'uint8')\n"
        "options = {'consistency': True, 'ensemble': True, 'uncertainty': True}\n"
        "result = sen2naip_sr.load_model('lean').upscale(array, **options)\n"
        "assert result.values.shape == result.interval.shape == (4, 64, 64)"
    )


def test_the_command_lists_its_models():
    listed = run_small(COMMAND, "models", "--no-measure")
    assert "lean" in listed.lower()


def test_without_kedro_the_pipelines_say_what_to_install():
    told = run_small(
        "import runpy\n"
        "try: runpy.run_module('sen2naip_sr', run_name='__main__')\n"
        "except SystemExit as end: print(end)"
    )
    assert 'pip install "sen2naip_sr[kedro]"' in told
