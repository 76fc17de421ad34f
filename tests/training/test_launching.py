"""What is refused before processes start, what they say, and how their ends are explained."""

import logging
import os
import socket

import pytest
import torch
from pydantic import ValidationError
from tiny_training import GAN, tiny_parameters
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.elastic.rendezvous.api import RendezvousTimeoutError

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.distributed import launcher, room
from sen2naip_sr.training.distributed.failures import Story, explain
from sen2naip_sr.training.distributed.relay import Ear, Voice
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.training.ranks import Ranks

TWO = {"processes": 2}


def unfit(**changes):
    with pytest.raises(UserError) as caught:
        room.refuse_unfit(tiny_parameters(**changes))
    return caught.value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"distributed": {"nodes": 2}}, "endpoint"),
        ({"distributed": {"endpoint": "10.0.0.1"}}, "host:port"),
        ({"distributed": {"processes": 0}}, "greater than or equal to 1"),
        ({"distributed": {"strategy": "zero"}}, "'ddp' or 'fsdp'"),
        ({"distributed": {"worker": 2}}, "worker"),
        (GAN | {"distributed": {"accumulation": 2}}, "accumulation"),
        (GAN | {"distributed": {"averaging": {}}}, "averaging"),
        ({"distributed": {"averaging": {}}, "batch_growth": {"largest": 2}}, "batch_growth"),
    ],
)
def test_parameters_that_do_not_go_together(changes, said):
    with pytest.raises(ValidationError, match=said):
        tiny_parameters(**changes)


def test_how_processes_share_a_batch_does_not_change_what_a_result_depends_on():
    plain = tiny_parameters().described()
    assert "distributed" not in plain
    assert tiny_parameters(distributed=TWO | {"timeout": 9}).described() == plain
    averaged = tiny_parameters(distributed=TWO | {"averaging": {"every": 4}}).described()
    assert averaged["distributed"]["averaging"]["every"] == 4
    assert averaged["distributed"]["averaging"]["processes"] == 2


def test_a_variation_is_the_same_in_two_processes():
    alone, two = (
        NetworkParameters(training={"steps": 1, "distributed": {"processes": count}}).described()
        for count in (1, 2)
    )
    assert alone == two
    assert "distributed" not in alone["training"]


def test_an_endpoint_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"127.0.0.1:{server.getsockname()[1]}"
        error = unfit(distributed=TWO | {"endpoint": endpoint})
    assert error.code == "endpoint-taken"
    assert endpoint in error.problem


@pytest.mark.parametrize("host", ["192.0.2.1", "nobody.invalid"])
def test_an_endpoint_that_does_not_answer_is_waited_for_for_a_time(host):
    p = tiny_parameters(
        distributed={"nodes": 2, "endpoint": f"{host}:29400", "join_timeout": 0.3}
    ).distributed
    with pytest.raises(UserError, match=rf"{host}:29400: 2 machines .* within 0\.3 s: "):
        room.await_endpoint(p)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_endpoint_of_this_machine_or_that_answers_is_not_waited_for(host, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = {"nodes": 2, "endpoint": f"{host}:{server.getsockname()[1]}", "join_timeout": 30}
        p = tiny_parameters(distributed=given).distributed
        room.await_endpoint(p)
        monkeypatch.setattr(room, "_is_own", lambda host: False)
        room.await_endpoint(p)


def test_another_service_at_the_endpoint_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"127.0.0.1:{server.getsockname()[1]}"
        p = tiny_parameters(distributed={"nodes": 2, "endpoint": endpoint, "join_timeout": 0.5})
        with pytest.raises(UserError, match=f"{endpoint}: 2 machines did not meet"):
            launcher.launch(print, lambda made: ((), lambda: None), p, tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_fewer_crops_than_processes_are_refused():
    assert unfit(batch_size=2, distributed={"processes": 3}).code == "batch-not-divisible"


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(room, "on_gpus", lambda parameters: True)
    monkeypatch.setattr(room.torch.cuda, "device_count", lambda: 1)
    assert unfit(distributed=TWO).code == "too-many-processes"
    assert room.processes_of(tiny_parameters(distributed={"processes": "auto"})) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said_before_processes_start():
    error = unfit(accelerator="gpu", distributed=TWO)
    assert error.code == "device-missing"
    assert "'gpu'" in error.problem


@pytest.mark.parametrize(("asked", "given"), [(None, "4"), ("2", "2"), ("16", "4"), ("", "4")])
def test_processes_share_the_cores_unless_fewer_threads_are_asked_for(monkeypatch, asked, given):
    monkeypatch.setattr(launcher, "usable_cores", lambda: 8)
    monkeypatch.delenv(launcher.THREADS, raising=False)
    if asked is not None:
        monkeypatch.setenv(launcher.THREADS, asked)
    before = os.environ.get(launcher.THREADS) or None
    with launcher._environment(2):
        assert os.environ[launcher.THREADS] == given
    assert os.environ.get(launcher.THREADS) == before


def test_a_process_of_a_training_starts_no_others(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "torchrun")
    with pytest.raises(UserError) as caught:
        room.refuse_inside()
    assert caught.value.code == "launched-twice"


def test_more_processes_than_cores_and_uneven_batches_are_said(monkeypatch, caplog):
    monkeypatch.setattr(room, "usable_cores", lambda: 2)
    with caplog.at_level(logging.INFO, "sen2naip_sr"):
        room.refuse_unfit(tiny_parameters(batch_size=16, distributed={"processes": 3}))
    assert "3 processes share 2 cores" in caplog.text
    assert "16 crops is split among 3 processes as 6, 5, 5 crops" in caplog.text


def test_what_is_said_is_heard_once_and_in_whole_lines(tmp_path):
    voice, ear = Voice(tmp_path, 1), Ear(tmp_path)
    voice.report({"loss": 0.5}, 3)
    with (tmp_path / "said_1.jsonl").open("a") as stream:
        stream.write('["progress", 1')
    heard = list(ear.lines())
    assert [kind for _, kind, _ in heard] == ["pid", "metrics"]
    assert heard[1] == (1, "metrics", [{"loss": 0.5}, 3])
    with (tmp_path / "said_1.jsonl").open("a") as stream:
        stream.write(', 2, "half"]\n')
    assert list(ear.lines()) == [(1, "progress", [1, 2, "half"])]


def story(*lines):
    told = Story(tiny_parameters(distributed=TWO).distributed, 2)
    for rank, kind, *content in [(0, "pid", 10), (1, "pid", 11), *lines]:
        told.note(rank, kind, content)
    return told


def failed(rank, exitcode):
    failure = ProcessFailure(local_rank=rank, pid=10 + rank, exitcode=exitcode, error_file="none")
    return ChildFailedError("run", {rank: failure})


LOST = "RuntimeError: [gloo] Connection closed by peer [127.0.0.1]:1"


@pytest.mark.parametrize(
    ("error", "lines", "said"),
    [
        (failed(1, -9), [(0, "ended", 15)], r"process 1 of 2 .* SIGKILL \(out of memory\?\)"),
        # the others may notice it before the launcher does
        (failed(0, 1), [(0, "failure", LOST, "")], r"process 1 of 2 .* killed \(out of memory\?\)"),
        (failed(0, 1), [(0, "failure", LOST, ""), (1, "failure", "KeyError: 'a'", "")],
         "process 1 of 2 .* KeyError: 'a'"),
        (failed(0, 1), [(0, "failure", "Error: Timed out waiting 600000ms", ""), (1, "ended", 15)],
         "process 0 of 2 .* waited 600 s for the others"),
        (failed(1, 7), [(0, "ended", 15), (1, "done")], "process 1 of 2 .* exit code 7"),
        (failed(1, 1), [(1, "error", "loss-not-finite", "nan", "lower")], "nan"),
        (RendezvousTimeoutError(), [], "2 machines|1 machines did not meet"),
    ],
)  # fmt: skip
def test_the_process_that_failed_is_named_with_its_cause(error, lines, said):
    found = explain(error, story(*lines))
    assert isinstance(found, UserError)
    with pytest.raises(UserError, match=said):
        raise found


def test_folders_of_killed_launches_are_removed(tmp_path):
    for owner in (2**30, 1):
        (tmp_path / f"{launcher.FOLDER}{owner}-x").mkdir()
    launcher.remove_left(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{launcher.FOLDER}1-x"]


@pytest.mark.parametrize(("sizes", "halves"), [([8, 8], True), ([4, 3], True), ([3, 3, 2], False)])
def test_halves_of_ranks_are_halves_of_the_batch_where_they_can_be(sizes, halves):
    class Of:
        world_size, global_rank, device = len(sizes), 0, None

    ranks = Ranks(Of(), sum(sizes))
    assert ranks.sizes == sizes
    assert ranks.halves == halves
    # the mean over the ranks of what they weigh their mean losses by
    assert sum(ranks.count * size / sum(sizes) for size in sizes) == pytest.approx(ranks.count)


def test_alone_nothing_is_exchanged():
    ranks = Ranks(make_fabric("cpu", "32-true"), 4)
    assert ranks.alone
    assert ranks.share == 1
