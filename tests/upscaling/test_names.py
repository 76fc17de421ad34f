"""Sources and results by any name: what is missing leaves nothing, what is long or odd works."""

import os

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sen2naip_sr.command import main

NAMES = st.text(
    st.characters(exclude_characters="/\0\n\r", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=40,
).filter(lambda name: not name.startswith((".", "-")) and not name.endswith(("_x2", " ")))


def scene(path):
    values = np.random.default_rng(0).integers(1, 200, (4, 20, 24)).astype("uint8")
    # GDAL's drivers may refuse names that the file system takes
    plain = path.with_name("plain.tif")
    options = {"photometric": "MINISBLACK", "alpha": "unspecified"}
    with rasterio.open(
        plain, "w", driver="GTiff", count=4, height=20, width=24, dtype="uint8", **options
    ) as target:
        target.write(values)
    return plain.rename(path)


def run(*arguments):
    result = CliRunner().invoke(main, ["upscale", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    ("source", "options", "reason"),
    [
        ("typo/sub/s.tif", [], "there is no such file"),
        ("typo.tif", ["-o", "out.tif"], "there is no such file"),
        ("typo.tif", ["-o", "new/out.tif"], "there is no such file"),
        ("typo.tif", ["-o", "new/folder"], "there is no such file"),
        ("typo/*.tif", ["-o", "out.tif"], "there is no raster"),
        ("-", [], "standard input"),
        ("/vsizip/typo.zip/a.tif", [], "there is no such file"),
    ],
)
def test_a_missing_source_is_named_and_leaves_nothing(
    tmp_path, monkeypatch, source, options, reason
):
    monkeypatch.chdir(tmp_path)
    arguments = [*options, "--", source] if source == "-" else [source, *options]
    result = run(*arguments)
    assert result.exit_code == 1
    assert reason in result.output
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("length", [100, 221, 225, 248])
@pytest.mark.parametrize("letter", ["x", "é", "雪"])
def test_a_long_name_works_where_its_result_has_a_name(tmp_path, length, letter):
    stem = (letter * length).encode()[:length].decode(errors="ignore")
    path = scene(tmp_path / f"{stem}.tif")
    assert run(path).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, f"{stem}_x2.tif"])


def test_a_name_that_is_too_long_for_a_result_is_named(tmp_path):
    path = scene(tmp_path / ("x" * 250 + ".tif"))
    result = run(path)
    assert "takes 255" in " ".join(result.output.split())
    assert os.listdir(tmp_path) == [path.name]
    assert run(path, "-o", tmp_path / "short.tif").exit_code == 0


@given(NAMES)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_name_of_a_file_works(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    path = scene(folder / f"{name}.tif")
    result = run(path)
    assert result.exit_code == 0, result.output
    assert sorted(os.listdir(folder)) == sorted([path.name, f"{name}_x2.tif"])


def test_one_scene_among_others_with_its_name_is_refused(tmp_path):
    scene(tmp_path / "s.tif")
    scene(tmp_path / "s.tiff")
    scene(tmp_path / "t.tif")
    result = run(tmp_path)
    assert "2 done, 0 skipped, 1 failed" in result.output
    assert sorted(os.listdir(tmp_path)) == ["s.tif", "s.tiff", "s_x2.tif", "t.tif", "t_x2.tif"]
    again = run(tmp_path)
    assert "0 done, 2 skipped, 1 failed" in again.output


def test_a_member_of_an_archive_is_upscaled_into_the_current_folder(tmp_path, monkeypatch):
    import zipfile

    monkeypatch.chdir(tmp_path)
    path = scene(tmp_path / "s.tif")
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write(path, "in/s.tif")
    path.unlink()
    assert run("/vsizip/a.zip/in/s.tif").exit_code == 0
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "s_x2.tif"]
    assert "skipped" in run("/vsizip/a.zip/in/s.tif").output
