"""Jobs: their states, results, ends, and what they leave."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
import rasterio
from served import TIFF, by_command, files_below, refusal, running, until_closed

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.engine import Engine
from sen2naip_sr.serving.jobs.records import OPEN, Record, State
from sen2naip_sr.serving.jobs.spool import SCENE, Spool
from sen2naip_sr.serving.jobs.store import FILE, Store

FAR = 10**9


def begin(client, content, **parameters):
    answer = client.post("/v1/jobs", content=content, headers=TIFF, params=parameters)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"]
    return job


@pytest.fixture
def halted(monkeypatch):
    """Hold every scene at its first tile until the event is set."""
    release, begun = threading.Event(), threading.Event()
    advance = Engine._advance

    def waiting(self, progress, cancelled, long):
        inner = advance(self, progress, cancelled, long)

        def halting(done, total):
            if progress:
                progress(1, 4)
                progress(2, 4)
            begun.set()
            assert release.wait(30)
            inner(1, FAR)
            inner(done, total)

        return halting

    monkeypatch.setattr(Engine, "_advance", waiting)
    yield release, begun
    release.set()


def check_parts(client, path, whole):
    """Check that parts of a file are answered as RFC 9110 has it."""
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]
    for range in ("lines=1-2", "bytes=9-1", "none"):
        answer = client.get(path, headers={"Range": range})
        assert (answer.status_code, answer.content) == (200, whole.content)
    far = client.get(path, headers={"Range": f"bytes={FAR}-"})
    refusal(far, 416, "range-not-there")
    assert far.headers["content-range"] == f"bytes */{len(whole.content)}"


def test_a_job_ends_with_the_command_s_result_and_intervals(client, scene, tmp_path, spool):
    before = files_below(spool)
    job = begin(client, scene.read_bytes(), uncertainty=True, range="0:200")
    done = until_closed(client, job)
    assert (done["state"], done["progress"], done["problem"]) == ("done", 1, None)
    assert done["options"] == {"model": "lean", "range": "0:200", "uncertainty": True}
    assert (done["result"]["width"], done["result"]["height"]) == (64, 64)
    result = client.get(done["links"]["result"])
    path = tmp_path / "received.tif"
    path.write_bytes(result.content)
    with rasterio.open(path) as source:
        modified = int(source.tags()["SEN2NAIP_SR_SOURCE"].split()[2])
    options = {"uncertainty": True, "value_range": "0:200"}
    same = by_command(scene.read_bytes(), modified, tmp_path, **options)
    assert result.content == same.target.read_bytes()
    assert client.get(done["links"]["interval"]).content == same.interval.read_bytes()
    part = client.get(done["links"]["result"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, result.content[:10])
    check_parts(client, done["links"]["result"], result)
    # the scene is not needed any more
    assert not (spool / "jobs" / job["id"] / SCENE).exists()
    assert client.delete(done["links"]["self"]).json()["state"] == "expired"
    refusal(client.get(done["links"]["result"]), 410, "result-expired")
    assert files_below(spool) == before


def test_a_job_without_uncertainty_has_no_interval(client, scene):
    job = until_closed(client, begin(client, scene.read_bytes()))
    assert "interval" not in job["links"]
    refusal(client.get(f"{job['links']['self']}/interval"), 404, "no-interval")


@pytest.mark.parametrize("path", ["", "/result", "/interval"])
def test_an_unknown_job_is_told(client, path):
    refusal(client.get(f"/v1/jobs/nothing{path}"), 404, "unknown-job")
    refusal(client.delete("/v1/jobs/nothing"), 404, "unknown-job")


def test_a_job_fails_with_a_reason(client, scene, spool):
    job = until_closed(client, begin(client, scene.read_bytes()[:-2000]))
    assert job["state"] == "failed"
    assert job["problem"]["code"] == "file-damaged"
    assert str(spool) not in str(job)
    refusal(client.get(f"{job['links']['self']}/result"), 409, "job-failed")


def test_a_running_job_tells_its_progress_and_is_cancelled(halted, tmp_path, scene):
    release, begun = halted
    with running(tmp_path, max_jobs=2) as client:
        first = begin(client, scene.read_bytes())
        assert begun.wait(10)
        told = client.get(first["links"]["self"]).json()
        assert (told["state"], told["progress"]) == ("running", 0.5)
        assert told["seconds_left"] >= 0
        refusal(client.get(f"{first['links']['self']}/result"), 409, "result-not-ready")
        second = begin(client, scene.read_bytes())
        assert client.get(second["links"]["self"]).json()["waiting_before"] == 1
        # there is no place for a third
        answer = client.post("/v1/jobs", content=scene.read_bytes(), headers=TIFF)
        refusal(answer, 429, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        for job in (second, first):
            assert client.delete(job["links"]["self"]).json()["state"] == "cancelled"
            refusal(client.get(f"{job['links']['self']}/result"), 410, "job-cancelled")
        release.set()
        again = until_closed(client, begin(client, scene.read_bytes()))
        assert again["state"] == "done"
        assert files_below(tmp_path) == [f"jobs/{again['id']}", f"jobs/{again['id']}/scene_x2.tif"]


def test_small_scenes_are_upscaled_between_the_tiles_of_a_job(monkeypatch, tmp_path, scene):
    answered = []
    passed = threading.Event()
    advance = Engine._advance

    def spread(self, progress, cancelled, long):
        inner = advance(self, progress, cancelled, long)

        def slow(done, total):
            if long:
                end = time.monotonic() + 20
                while not answered and time.monotonic() < end:
                    inner(1, FAR)
                    time.sleep(0.01)
                passed.set()
            inner(done, total)

        return slow

    monkeypatch.setattr(Engine, "_advance", spread)
    with running(tmp_path) as client:
        job = begin(client, scene.read_bytes())
        answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
        assert answer.status_code == 200
        assert not passed.is_set()
        answered.append(answer)
        assert until_closed(client, job)["state"] == "done"


@pytest.mark.parametrize("gone", ["before", "while it is sent"])
def test_a_result_that_goes_while_it_is_asked_for_is_sent_or_has_expired(
    tmp_path, scene, monkeypatch, gone
):
    from sen2naip_sr.serving.api import jobs, passing

    with running(tmp_path) as client:
        job = until_closed(client, begin(client, scene.read_bytes()))
        path = tmp_path / "jobs" / job["id"] / "scene_x2.tif"
        content = path.read_bytes()

        def held(*given):
            if gone == "before":
                path.unlink()
                return passing.held(*given)
            copy = passing.held(*given)
            path.unlink()
            return copy

        monkeypatch.setattr(jobs, "held", held)
        answer = client.get(f"{job['links']['self']}/result", headers={"Range": "bytes=2-9"})
        if gone == "before":
            refusal(answer, 410, "result-expired")
        else:
            assert answer.status_code == 206
            assert answer.content == content[2:10]
        assert not list((tmp_path / "requests").glob("*"))


def test_results_expire_and_jobs_are_forgotten(tmp_path, scene):
    with running(tmp_path, expiry=0.2) as client:
        job = until_closed(client, begin(client, scene.read_bytes()))
        states, end = [], time.monotonic() + 20
        while time.monotonic() < end:
            answer = client.get(job["links"]["self"])
            if answer.status_code == 404:
                break
            states.append(answer.json()["state"])
            # later, it may be forgotten between two requests
            if states.count("expired") == 1:
                refusal(client.get(f"{job['links']['self']}/result"), 410, "result-expired")
            time.sleep(0.02)
        assert states[-1] == "expired"
        assert answer.status_code == 404
        assert files_below(tmp_path) == []


def test_a_job_goes_on_in_the_next_process(halted, tmp_path, scene):
    release, begun = halted
    with running(tmp_path) as client:
        job = begin(client, scene.read_bytes())
        done_before = begin(client, scene.read_bytes())
        assert begun.wait(10)
        threading.Timer(0.2, release.set).start()
    with running(tmp_path) as client:
        assert until_closed(client, job)["state"] == "done"
        assert until_closed(client, done_before)["state"] == "done"
    with running(tmp_path) as client:
        # results are still there
        assert client.get(f"{job['links']['self']}/result").status_code == 200


def leave(spool, scene, state, *, files=(SCENE,), **known):
    """Leave a job in a spool folder, as a process that was killed does."""
    id, folder = spool.make_job()
    for name in files:
        (folder / name).write_bytes(scene.read_bytes())
    spool.store.add(Record(id, {"model": "lean"}, 9, State(state), **known))
    return {"links": {"self": f"/v1/jobs/{id}"}}


def test_every_job_of_a_killed_process_ends_with_a_result_or_a_reason(tmp_path, scene):
    with closing(Spool(tmp_path)) as spool:
        half_made = (SCENE, "scene_x2.tif", ".scene_x2.tif.partial-1.tif")
        jobs = [
            leave(spool, scene, "running", attempts=1),
            leave(spool, scene, "queued", attempts=3),
            leave(spool, scene, "queued", files=()),
            leave(spool, scene, "running", files=half_made),
            leave(spool, scene, "done", files=(), finished=time.time()),
        ]
    for leftover in ("jobs/unknown/scene.tif", "requests/abc/scene.tif"):
        (tmp_path / leftover).parent.mkdir(parents=True)
        (tmp_path / leftover).write_bytes(b"left")
    with running(tmp_path) as client:
        ends = [until_closed(client, job) for job in jobs]
        assert [end["state"] for end in ends] == ["done", "failed", "failed", "done", "expired"]
        assert [end["problem"]["code"] for end in ends[1:3]] == ["interrupted", "scene-lost"]
        for end in (ends[0], ends[3]):
            assert client.get(end["links"]["result"]).content != scene.read_bytes()
        kept = {f"jobs/{end['id']}" for end in (ends[0], ends[3])}
        assert set(files_below(tmp_path)) == kept | {f"{path}/scene_x2.tif" for path in kept}


def test_a_state_that_cannot_be_written_is_written_later(tmp_path, scene, monkeypatch):
    faults = [sqlite3.OperationalError("database or disk is full")] * 2
    end = Store.end

    def failing(self, *arguments, **values):
        if faults:
            raise faults.pop()
        return end(self, *arguments, **values)

    monkeypatch.setattr(Store, "end", failing)
    with running(tmp_path) as client:
        assert until_closed(client, begin(client, scene.read_bytes()))["state"] == "done"


def test_a_job_whose_state_cannot_be_written_is_not_accepted(client, scene, spool, monkeypatch):
    def full(self, record):
        raise UserError("disk-full", "the server cannot write", "try again later")

    monkeypatch.setattr(Store, "add", full)
    before = files_below(spool)
    answer = client.post("/v1/jobs", content=scene.read_bytes(), headers=TIFF)
    refusal(answer, 507, "disk-full")
    assert files_below(spool) == before


def test_two_servers_on_one_spool_are_refused(client, spool):
    with pytest.raises(UserError, match="another server uses this folder") as refused:
        Spool(spool)
    assert refused.value.code == "spool-in-use"


def test_a_damaged_database_is_told(tmp_path):
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(UserError, match="cannot be used") as refused:
        Spool(tmp_path)
    assert refused.value.code == "spool-damaged"


def test_a_spool_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file"):
        Spool(tmp_path / "file")


def test_the_state_of_a_job_changes_only_from_the_states_before(tmp_path):
    with Store(tmp_path) as store:
        store.add(Record("a", {}, 1))
        assert store.change("a", OPEN, state=State.CANCELLED)
        assert not store.change("a", OPEN, state=State.DONE)
        known = store.get("a")
        assert known
        assert known.state == State.CANCELLED
