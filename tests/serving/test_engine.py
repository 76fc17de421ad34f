"""The engine: networks loaded once, turns in the order of asking, an end to long work."""

import threading
import time

import pytest
from served import MISSING, TIFF, running

from sen2naip_sr.errors import UserError
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
    assert (found.tile, found.batch, found.drivers, found.weights) == (None, None, [], None)


@pytest.mark.parametrize("model", ["srcnn", "/etc/passwd", ""])
def test_only_models_that_are_listed_are_loaded(engine, model):
    with pytest.raises(UserError, match="Valid names: best, carn"):
        engine.load(model or "nothing")


def test_only_the_thread_of_short_scenes_lasts(tmp_path, scene, monkeypatch):
    from sen2naip_sr.serving import engine as module
    from sen2naip_sr.serving.settings import ServeSettings

    used = []

    def noting(call):
        def noted(*given, **named):
            used.append(threading.current_thread())
            return call(*given, **named)

        return noted

    for name in ("Upscaler", "upscale_file"):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    engine = module.Engine(ServeSettings(spool=tmp_path, model="lean"))
    options = make_options(model="lean")
    try:
        for long in (True, False):
            engine.upscale(scene, tmp_path / "x2.tif", options, long=long)
        loading, job, short = used
        assert not loading.is_alive()
        assert not job.is_alive()
        assert short.is_alive()
    finally:
        engine.close()


def test_turns_are_given_in_the_order_of_asking():
    from sen2naip_sr.serving.turns import Turns

    turns, order, threads = Turns(), [], []

    def take(name):
        with turns.turn():
            order.append(name)

    with turns.turn():
        for name in range(5):
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            while len(turns._queue) < name + 2:
                time.sleep(0.001)
        turns.let_others_go_first()
        order.append("long")
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4, "long"]


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
