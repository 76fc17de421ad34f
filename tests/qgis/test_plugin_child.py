"""Runs of the command: events, errors, cancelling, the environment. Programs stand in for it."""

import os
import sys
import time
from pathlib import Path

import pytest
from sen2naip_sr_qgis.core import child
from sen2naip_sr_qgis.core.command import NAME, clean_environment, find_command, inside, own_folder
from sen2naip_sr_qgis.core.problems import Cancelled, Problem


def program(code):
    return [sys.executable, "-c", f"import sys, os, time, json\n{code}"]


def run(code, cancelled=lambda: False):
    events, lines = [], []
    child.run(program(code), events.append, lines.append, cancelled)
    return events, lines


def test_events_and_lines_are_told_apart():
    events, lines = run(
        "print('the network')\n"
        'print(\'{"event": "progress", "done": 1, "total": 2}\', file=sys.stderr)\n'
        "print('a warning: {\"event\": 1', file=sys.stderr)\n"
        "print('{\"event\": no json', file=sys.stderr)"
    )
    assert events == [{"event": "progress", "done": 1, "total": 2}]
    assert sorted(lines) == ['a warning: {"event": 1', "the network", '{"event": no json']


def test_an_error_is_problem_and_remedy_once():
    said = []
    code = (
        "told = {'event': 'error', 'code': 'unknown-band', 'problem': 'no band X', 'remedy': 'Y'}\n"
        "print(json.dumps(told), file=sys.stderr)\n"
        "print('Error: no band X', file=sys.stderr)\n"
        "print('  What to do: Y (--bands)', file=sys.stderr)\n"
        "sys.exit(1)"
    )
    with pytest.raises(Problem) as caught:
        child.run(program(code), said.append, said.append, lambda: False)
    assert caught.value.problem == "no band X"
    assert caught.value.remedy == "Y (parameter 'Bands')"
    assert [type(one) for one in said] == [dict]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit('something broke')", "status 1: something broke"),
        ("os.kill(os.getpid(), 9)", "memory was full"),
        ("sys.exit('Error: No such option: --progress')", "older than this plugin"),
        ("sys.exit(3)", "it said nothing"),
    ],
)
def test_failures_without_an_event_are_explained(code, said):
    with pytest.raises(Problem, match=said):
        run(code)


def test_a_program_that_is_missing_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="cannot be started"):
        child.run([str(tmp_path / "none")], print, print, lambda: False)


def test_cancelling_ends_the_child_and_its_children_within_two_seconds(tmp_path):
    """Both ignore what asks them to end, as a process in a long computation may."""
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = (
        "import subprocess, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"other = subprocess.Popen([sys.executable, '-c', '{stubborn}; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{other.pid}}')\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    heard, moment = [], []

    def cancelled():
        if heard and not moment:
            moment.append(time.monotonic())
        return bool(moment)

    with pytest.raises(Cancelled):
        child.run(program(code), heard.append, heard.append, cancelled)
    assert time.monotonic() - moment[0] < 2
    own, other = map(int, (tmp_path / "pids").read_text().split())
    with pytest.raises(ProcessLookupError):
        os.kill(own, 0)
    for _ in range(20):  # init reaps it
        state = Path(f"/proc/{other}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("a child of the child still runs")


def test_the_child_sees_nothing_of_the_libraries_of_qgis():
    given = {
        "PATH": "/usr/bin", "HOME": "/home/a", "LANG": "de_DE.UTF-8", "AWS_REGION": "eu",
        "http_proxy": "http://p", "PROJECT_HOME": "/p", "CUDA_VISIBLE_DEVICES": "0",
        "PYTHONPATH": "/q", "PYTHONHOME": "/q", "GDAL_DATA": "/q", "GDAL_DRIVER_PATH": "/q",
        "PROJ_LIB": "/q", "PROJ_DATA": "/q", "LD_LIBRARY_PATH": "/q", "DYLD_LIBRARY_PATH": "/q",
        "QT_PLUGIN_PATH": "/q", "QGIS_PREFIX_PATH": "/q", "OSGEO4W_ROOT": "/q", "VIRTUAL_ENV": "/q",
    }  # fmt: skip
    kept = clean_environment(given)
    assert not [name for name, value in kept.items() if value == "/q"]
    assert set(given) - set(kept) == {name for name, value in given.items() if value == "/q"}
    assert kept["PYTHONUTF8"] == "1"


def test_the_variables_are_those_of_a_real_child(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("GDAL_DATA", "/nowhere")
    _, lines = run("print(os.environ.get('PYTHONHOME'), os.environ.get('GDAL_DATA'))")
    assert lines == ["None None"]


def executable(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_command_is_found_by_setting_own_folder_and_path(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    given = {"XDG_DATA_HOME": str(tmp_path / "data"), "PATH": str(tmp_path / "bin")}
    with pytest.raises(Problem, match="was not found") as caught:
        find_command("", given)
    assert "Set up the command" in caught.value.remedy
    on_path = executable(tmp_path / "bin" / NAME)
    assert find_command("", given) == on_path
    own = executable(inside(own_folder(given), NAME))
    assert find_command("", given) == own
    chosen = executable(inside(tmp_path / "chosen", NAME))
    assert find_command(str(tmp_path / "chosen"), given) == chosen
    assert find_command(f" {chosen} ", given) == chosen
    with pytest.raises(Problem, match=f"names {tmp_path / 'gone'}"):
        find_command(str(tmp_path / "gone"), given)
    chosen.chmod(0o644)
    if not os.access(chosen, os.X_OK):
        with pytest.raises(Problem, match="may not be run"):
            find_command(str(chosen), given)


def test_output_of_a_program():
    assert child.output_of(program("print('a'); print('b', file=sys.stderr)")) == "a"
    with pytest.raises(Problem, match="no weights"):
        child.output_of(program("sys.exit('no weights')"))
