"""Many scenes: what is done is skipped, what fails stops nothing, a cluster gives the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from tiny_weights import write_calibration, write_weights

from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.batch import _for_workers, upscale_all
from sen2naip_sr.upscaling.parameters import make_parameters
from sen2naip_sr.weights.files import load_weights


@pytest.fixture
def weights(tmp_path):
    return write_weights(tmp_path / "weights.safetensors")


@pytest.fixture
def scenes(tmp_path, make_geotiff):
    for number in range(3):
        make_geotiff(tmp_path / "scenes" / f"{number}.tif", size=30 + number, seed=number)
    return tmp_path / "scenes"


def upscale(source, weights, **options):
    lines = []
    parameters = make_parameters(source=str(source), weights=weights, tile=64, **options)
    return upscale_all(parameters, lines.append), "\n".join(lines)


def states(outcomes):
    return [outcome.state for outcome in outcomes]


def test_all_scenes_of_a_folder(scenes, weights, tmp_path):
    outcomes, text = upscale(scenes, weights, output=tmp_path / "out")
    assert states(outcomes) == ["done"] * 3
    assert "3 scenes: 3 done, 0 skipped, 0 failed" in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0_x2.tif",
        "1_x2.tif",
        "2_x2.tif",
    ]


def test_what_is_done_is_skipped_until_something_changes(scenes, weights):
    upscale(scenes, weights)
    assert states(upscale(scenes, weights)[0]) == ["skipped"] * 3
    changed = scenes / "1.tif"
    with rasterio.open(changed, "r+") as scene:
        scene.write(scene.read() // 2)
    os.utime(changed, ns=(1, 1))
    assert states(upscale(scenes, weights)[0]) == ["skipped", "failed", "skipped"]
    assert states(upscale(scenes, weights, consistency=True)[0]) == ["failed"] * 3
    assert states(upscale(scenes, weights, overwrite=True)[0]) == ["done"] * 3


@pytest.mark.parametrize("missing", ["0_x2.tif", "0_x2_interval.tif"])
def test_a_run_that_ended_between_result_and_intervals_is_gone_on_with(scenes, weights, missing):
    write_calibration(weights)
    upscale(scenes / "0.tif", weights, uncertainty=True)
    (scenes / missing).unlink()
    assert states(upscale(scenes / "0.tif", weights, uncertainty=True)[0]) == ["done"]
    assert (scenes / missing).exists()


def test_workers_take_the_weights_that_were_given(scenes, weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    given = make_parameters(scheduler="tcp://nowhere:1")
    assert _for_workers(given, load_weights(Path(weights.name))).weights == weights
    relative = make_parameters(scheduler="tcp://nowhere:1", weights=weights.name)
    assert _for_workers(relative, None).weights == weights
    assert _for_workers(given, None).weights is None


def test_a_failing_scene_stops_no_other_and_is_named_in_the_end(scenes, weights):
    (scenes / "1.tif").write_bytes(b"no raster at all")
    outcomes, text = upscale(scenes, weights)
    assert states(outcomes) == ["done", "failed", "done"]
    assert "1 failed" in text.splitlines()[-3]
    assert "1.tif: is no raster" in text.splitlines()[-2]


def test_an_unexpected_error_is_a_failed_scene_too(scenes, weights, monkeypatch):
    monkeypatch.setattr("sen2naip_sr.upscaling.networks.trained.choose_range", lambda *_: 1 / 0)
    outcomes, _ = upscale(scenes / "0.tif", weights)
    assert "ZeroDivisionError" in outcomes[0].message


def test_nothing_to_upscale_is_said(weights):
    with pytest.raises(UserError, match="no scene to upscale"):
        upscale_all(make_parameters(weights=weights), print)


def test_shards_do_their_part(scenes, weights):
    for part, count in (("1/2", 2), ("2/2", 1)):
        assert len(upscale(scenes, weights, shard=part)[0]) == count
    assert states(upscale(scenes, weights)[0]) == ["skipped"] * 3


def test_a_cluster_makes_identical_files(scenes, weights, tmp_path):
    distributed = pytest.importorskip("distributed")
    upscale(scenes, weights, output=tmp_path / "here")
    (scenes / "bad.tif").write_bytes(b"no raster at all")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=None, processes=True
    ) as cluster:
        outcomes, text = upscale(
            scenes, weights, output=tmp_path / "there", scheduler=cluster.scheduler_address
        )
    assert sorted(states(outcomes)) == ["done", "done", "done", "failed"]
    assert "4 scenes on 2 workers" in text
    for number in range(3):
        here, there = (tmp_path / place / f"{number}_x2.tif" for place in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()


def test_a_missing_scheduler_is_said(scenes, weights):
    pytest.importorskip("distributed")
    with pytest.raises(UserError, match="no Dask scheduler"):
        upscale(scenes, weights, scheduler="tcp://127.0.0.1:1")


KILLED = """
import sys
from sen2naip_sr.upscaling.batch import upscale_all
from sen2naip_sr.upscaling.parameters import make_parameters
print("ready", flush=True)
upscale_all(make_parameters(source=sys.argv[1], weights=sys.argv[2], tile=32, threads=1), print)
"""


@pytest.mark.parametrize("delay", [0.05, 0.4, 1.0])
def test_killed_at_any_moment_it_leaves_whole_files_and_goes_on(
    tmp_path, make_geotiff, weights, delay
):
    folder = tmp_path / "many"
    for number in range(4):
        make_geotiff(folder / f"{number}.tif", size=300, seed=number)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(weights)], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    for result in folder.glob("*_x2.tif"):
        with rasterio.open(result) as target:
            assert target.read().shape == (4, 600, 600)
    outcomes, _ = upscale(folder, weights)
    assert set(states(outcomes)) <= {"done", "skipped"}
    # nothing half-made is left
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        name for number in range(4) for name in (f"{number}.tif", f"{number}_x2.tif")
    )
    assert all(np.isfinite(outcome.result.seconds) for outcome in outcomes if outcome.result)


def test_results_do_not_depend_on_the_folder_they_are_called_from(scenes, weights, monkeypatch):
    monkeypatch.chdir(scenes)
    (outcome,), _ = upscale(Path("0.tif"), weights)
    assert (scenes / "0_x2.tif").exists()
    assert outcome.job.target == Path("0_x2.tif")
