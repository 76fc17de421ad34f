"""The engine: networks loaded once, one thread in the order of asking, an end to long work."""

import threading
from concurrent import futures

import pytest
from served import MISSING, TIFF, running

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.line import Line
from sen2naip_sr.upscaling.parameters import make_options

assert not MISSING


@pytest.fixture
def engine(client):
    return client.app.state.service.engine


def test_a_model_is_loaded_once_for_all_options(engine):
    first = engine.check(make_options(model="lean"))
    other = engine.check(make_options(model="lean", consistency=True, value_range="0:9"))
    assert first.network is other.network
    assert first.parameters != other.parameters


def test_what_is_the_server_s_to_choose_has_no_effect(engine, tmp_path):
    given = {"tile": 4096, "batch": 64, "drivers": ["VRT"], "weights": tmp_path / "x"}
    found = engine.check(make_options(model="lean", **given)).parameters
    assert (found.tile, found.batch, found.drivers, found.weights) == (512, None, [], None)


def test_wide_networks_get_smaller_tiles(engine):
    assert engine.check(make_options(model="unet")).parameters.tile == 384


@pytest.mark.parametrize("model", ["srcnn", "/etc/passwd", ""])
def test_only_models_that_are_listed_are_loaded(engine, model):
    with pytest.raises(UserError, match="Valid names: best, carn"):
        engine.load(model or "nothing")


def test_one_lasting_thread_predicts_and_loads_end_theirs(tmp_path, scene, monkeypatch):
    from sen2naip_sr.serving import engine as module
    from sen2naip_sr.serving.settings import ServeSettings

    used = []

    def noting(call):
        def noted(*given, **named):
            used.append(threading.current_thread())
            return call(*given, **named)

        return noted

    for name in ("Upscaler", "upscale_file", "entries"):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    engine = module.Engine(ServeSettings(spool=tmp_path, model="lean"))
    options = make_options(model="lean")
    try:
        for long in (True, False):
            engine.upscale(scene, tmp_path / "x2.tif", options, long=long)
        engine.entries()
        loading, job, short, listing = used
        assert not loading.is_alive()
        assert not listing.is_alive()
        assert job is short
        assert short.is_alive()
    finally:
        engine.close()


def test_long_work_makes_room_for_what_is_short():
    line, done, begun, go_on = Line(), [], threading.Event(), threading.Event()

    def long():
        begun.set()
        go_on.wait(30)
        line.let_others_go_first()
        done.append("long")

    first = line.submit(long, long=True)
    begun.wait(30)
    other = line.submit(lambda: done.append("other long"), long=True)
    short = [line.submit(lambda name=name: done.append(name)) for name in range(3)]
    short[1].cancel()
    failing = line.submit(lambda: 1 / 0)
    go_on.set()
    assert first.result(30) is other.result(30) is None
    line.close()
    assert done == [0, 2, "long", "other long"]
    assert isinstance(failing.exception(), ZeroDivisionError)


def test_a_closed_line_cancels_what_waits_and_takes_nothing_more():
    line, begun, go_on = Line(), threading.Event(), threading.Event()
    running = line.submit(lambda: (begun.set(), go_on.wait(30)))
    begun.wait(30)
    waiting = line.submit(int)
    closing = threading.Thread(target=line.close)
    closing.start()
    with pytest.raises(futures.CancelledError):
        waiting.result(30)
    go_on.set()
    closing.join()
    assert running.result()
    with pytest.raises(RuntimeError):
        line.submit(int)


def test_a_scene_that_takes_too_long_is_ended(tmp_path, scene):
    with running(tmp_path, max_seconds=1e-9) as client:
        answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
        assert (answer.status_code, answer.json()["code"]) == (504, "too-slow")


def test_metrics_count_requests_scenes_and_queues(tmp_path, scene):
    with running(tmp_path) as client:
        client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
        client.get("/v1/nothing/at/all")
        client.get("/v1/jobs/made-up")
        text = client.get("/metrics").text
    assert 'sen2naip_sr_requests_total{method="POST",route="/v1/upscale",status="200"} 1.0' in text
    assert 'sen2naip_sr_megapixels_total{model="lean"} 0.004096' in text
    assert 'sen2naip_sr_queue_length{kind="jobs"} 0.0' in text
    # clients cannot make up new series
    assert "made-up" not in text
    assert "nothing" not in text


def test_more_than_may_wait_are_turned_away(tmp_path, scene):
    with running(tmp_path, max_waiting=1) as client:
        with client.app.state.service.requests.place():
            answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
        assert (answer.status_code, answer.json()["code"]) == (429, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF).is_success
