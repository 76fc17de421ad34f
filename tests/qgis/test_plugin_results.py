"""Options for the command, places of results, models, and setting the command up."""

import os
import subprocess
from pathlib import Path

import pytest
from sen2naip_sr_qgis.core import models, setting_up
from sen2naip_sr_qgis.core.command import inside
from sen2naip_sr_qgis.core.options import Options, arguments, interval_of
from sen2naip_sr_qgis.core.problems import Problem, told_problem
from sen2naip_sr_qgis.core.results import MACHINE, PREFIX, check_output, check_outputs, making, put

from sen2naip_sr.command import main
from sen2naip_sr.upscaling.parameters import UpscalingParameters, make_parameters
from sen2naip_sr.upscaling.scenes import Job


def test_options_are_those_of_the_command(tmp_path):
    options = Options(
        model="best", bands=(3, 2, 1, 4), value_range="0:10000", noise="2", blur="recipe",
        sharpness="0.5", consistency=True, ensemble=True, uncertainty=True, nodata=-9999.5,
        drivers="ENVI,HFA", threads=2,
    )  # fmt: skip
    line = arguments(Path("sen2naip-sr"), "-odd.tif", tmp_path / "a.tif", options)
    assert line[:2] == ["sen2naip-sr", "upscale"]
    read = main.commands["upscale"].make_context("upscale", line[2:]).params
    assert read.pop("progress") == "json"
    read["bands"], read["drivers"] = read["bands"].split(","), read["drivers"].split(",")
    read["consistency"] = read["consistency"] == "on"
    known = {name: value for name, value in read.items() if name in ("source", "output")}
    assert known == {"source": "-odd.tif", "output": tmp_path / "a.tif"}
    taken = read.keys() & UpscalingParameters.model_fields.keys()
    parameters = make_parameters(**{name: read[name] for name in taken})
    assert parameters.model == "best"
    assert parameters.bands == [3, 2, 1, 4]
    assert (parameters.noise, parameters.blur, parameters.sharpness) == (2, "recipe", 0.5)
    assert parameters.consistency and parameters.ensemble and parameters.uncertainty
    assert (parameters.nodata, parameters.threads) == (-9999.5, 2)
    assert parameters.drivers == ["ENVI", "HFA"]


def test_defaults_are_not_passed_on():
    assert Options().flags() == []
    assert Options().query() == {"model": "default"}


def test_areas_are_passed_on_exactly():
    box = Options(bbox=(500_000.1, 1 / 3, 2e7, 4.0), bbox_crs="EPSG:4326")
    assert "--bbox=500000.09999999998,0.33333333333333331,20000000,4" in box.flags()
    assert box.query()["bbox_crs"] == "EPSG:4326"
    assert Options(window=(1, 2, 3, 4)).flags() == ["--window=1,2,3,4"]


def test_servers_take_no_files_of_the_client():
    with pytest.raises(Problem, match="'Own weights'"):
        Options(weights="/a.safetensors").query()


@pytest.mark.parametrize("name", ["out.tif", "scene_x2.tif", "a.b.tiff"])
def test_intervals_lie_where_the_command_writes_them(name):
    target = Path("/results") / name
    assert interval_of(target) == Job("scene.tif", target).interval


def test_results_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "new" / "out.tif"
    with pytest.raises(RuntimeError), making(target.parent) as folder:
        (folder / "out.tif").write_bytes(b"half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    target.write_bytes(b"old")
    sidecar = target.with_name("out.tif.aux.xml")
    sidecar.write_text("statistics of the old one")
    with making(target.parent) as folder:
        (folder / "out.tif").write_bytes(b"new")
        put({folder / "out.tif": target})
    assert [path.name for path in target.parent.iterdir()] == ["out.tif"]
    assert target.read_bytes() == b"new"


def test_a_place_on_another_disk_gets_a_whole_copy(tmp_path):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no other disk")
    with making(Path("/dev/shm")) as folder:
        (folder / "interval.tif").write_bytes(b"new")
        put({folder / "interval.tif": tmp_path / "interval.tif"})
        assert [path.name for path in tmp_path.iterdir()] == ["interval.tif"]
        assert (tmp_path / "interval.tif").read_bytes() == b"new"


def test_what_a_killed_qgis_has_left_is_removed(tmp_path):
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    gone = tmp_path / f"{PREFIX}{MACHINE}-{ended.stdout.strip()}-abc"
    alive = tmp_path / f"{PREFIX}{MACHINE}-{os.getpid()}-abc"
    elsewhere = tmp_path / f"{PREFIX}other_machine-1-abc"
    for folder in (gone, alive, elsewhere):
        folder.mkdir()
        (folder / "half.tif").touch()
    with making(tmp_path):
        assert not gone.exists()
    assert sorted(tmp_path.iterdir()) == sorted([alive, elsewhere])


def test_outputs_that_cannot_be(tmp_path):
    scene = tmp_path / "scene.tif"
    scene.touch()
    os.symlink(scene, tmp_path / "other.tif")
    (tmp_path / "folder.tif").mkdir()
    for name, said in {
        "a.gpkg": "no GeoTIFF", "folder.tif": "is a folder", "other.tif": "the input itself"
    }.items():  # fmt: skip
        with pytest.raises(Problem, match=said):
            check_output(tmp_path / name, str(scene))
    check_output(tmp_path / "new.tif", "/vsizip/a.zip/b.tif")
    with pytest.raises(Problem, match="same name"):
        check_outputs([tmp_path / "a.tif", tmp_path / "x" / ".." / "a.tif"], str(scene))
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="Nothing can be written"), making(tmp_path / "file"):
        pass


def test_problems_of_servers_and_of_the_command_read_alike():
    for key in ("problem", "detail"):
        problem = told_problem({key: "too dark", "remedy": "give a range", "code": "none"})
        assert str(problem) == "too dark\nWhat to do: give a range"
    assert told_problem({}).remedy == "see the log"


def test_a_card_becomes_a_tooltip():
    card = "# default\n\nUpscales **twice** <b>\n`x`.\n\n"
    card += "| a | b |\n|---|---|\n| [c](d) | 2 |\n\n## Later"
    text = models.as_html(card, 8)
    assert text == (
        "<p><b>default</b></p><p>Upscales <i>twice</i> &lt;b&gt; <code>x</code>.</p>"
        "<table><tr><td>a&nbsp;</td><td>b&nbsp;</td></tr>"
        "<tr><td>c&nbsp;</td><td>2&nbsp;</td></tr></table>"
    )


def test_models_are_asked_of_the_command_once(tmp_path):
    command = tmp_path / "command"
    command.write_text(
        f"#!/bin/sh\necho asked >> {tmp_path / 'count'}\n"
        'echo \'{"version": "1", "threads": 2, "device": "cpu", "models": '
        '[{"model": "default", "title": "Lean", "parameters": 5, "gain": 2.0, "card": ""}]}\'\n'
    )
    command.chmod(0o755)
    assert models.known(command) is None
    assert models.names_of(models.ask(command)) == ["default"]
    assert models.ask(command) is models.known(command)
    assert (tmp_path / "count").read_text() == "asked\n"
    assert "+2.00 dB" in models.line(models.ask(command)["models"][0])
    command.write_text("#!/bin/sh\necho hello\n")
    os.utime(command, (1, 1))
    with pytest.raises(Problem, match="does not answer like"):
        models.ask(command)


@pytest.fixture
def python(tmp_path):
    """A Python that makes environments at once, whose pip installs a command that says 9."""
    path = tmp_path / "python"
    path.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        '  venv) mkdir -p "$3/bin"; touch "$3/pyvenv.cfg"; cp "$0" "$3/bin/python" ;;\n'
        '  pip) cd "$(dirname "$0")"; echo "got ${8}"\n'
        '       printf "#!/bin/sh\\necho sen2naip-sr, version 9\\n" > sen2naip-sr\n'
        "       chmod +x sen2naip-sr ;;\n"
        "  *) echo 3 12 ;;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return str(path)


def test_setting_up_is_shown_first_and_then_done(tmp_path, python):
    folder, wheel = tmp_path / "an environment", tmp_path / "sen2naip_sr-9-py3-none-any.whl"
    wheel.touch()
    plan = setting_up.make_plan(folder, str(wheel), python, "--no-index")
    assert not folder.exists()
    first, second = str(plan).splitlines()
    assert first == f"{python} -m venv '{folder}'"
    assert second.startswith(f"'{inside(folder, 'python')}' -m pip install --upgrade ")
    assert second.endswith(f" --no-index {wheel}")
    said = []
    assert setting_up.set_up(plan, said.append, lambda: False) == "sen2naip-sr, version 9"
    assert said == [f"> {first}", f"> {second}", f"got {wheel}"]
    again = setting_up.make_plan(folder, str(wheel), python)
    assert not again.is_new
    assert len(again.steps) == 1


def test_setting_up_that_fails_leaves_nothing(tmp_path):
    folder = tmp_path / "environment"
    plan = setting_up.Plan(folder, [["mkdir", str(folder)], ["false"]], is_new=True)
    with pytest.raises(Problem):
        setting_up.set_up(plan, print, lambda: False)
    assert not folder.exists()


def test_what_cannot_be_set_up_is_said_before(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").touch()
    with pytest.raises(Problem, match="no virtual environment"):
        setting_up.make_plan(tmp_path / "mine", "x.whl")
    with pytest.raises(Problem, match="not said what to install"):
        setting_up.make_plan(tmp_path / "new", " ")
    with pytest.raises(Problem, match="There is no file"):
        setting_up.make_plan(tmp_path / "new", "none.whl")
    with pytest.raises(Problem, match=r"No Python 3.11 or 3.12 was found: /bin/false"):
        setting_up.make_plan(tmp_path / "new", "address", "/bin/false")
