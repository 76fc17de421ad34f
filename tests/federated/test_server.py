import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_federation import (
    DESCENT,
    equal,
    make_federation,
    make_sites,
    make_task,
    run,
    start_of,
)
from torch.nn import functional as F

pytest.importorskip("flwr")

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.local import Trained, build
from sen2naip_sr.training.crops.sampler import CropSampler


def central_descent(sites, task, steps):
    """Return what plain gradient descent on the sites' crops together makes."""
    model = build(task)
    p = task.training
    samplers = [
        CropSampler(site.data, p.crop_size, p.batch_size, site.seed(p.seed), p.augmentation)
        for site in sites
    ]
    for step in range(steps):
        lr, hr = (
            torch.from_numpy(np.concatenate(arrays)).float() / 255
            for arrays in zip(*(sampler.batch(step) for sampler in samplers), strict=True)
        )
        model.zero_grad()
        F.l1_loss(model(lr), hr).backward()
        with torch.no_grad():
            for weight in model.parameters():
                weight.sub_(weight.grad, alpha=p.learning_rate)
    return model.state_dict()


def test_one_step_a_round_at_equal_sites_is_central_gradient_descent():
    sites, task = make_sites(), make_task(local_steps=1, rounds=3, **DESCENT)
    found = run(sites, task, make_federation(rounds=3, local_steps=1))
    expected = central_descent(sites, task, 3)
    start = start_of(task)
    for name, tensor in expected.items():
        torch.testing.assert_close(found.weights[name], tensor, rtol=0, atol=1e-6)
    assert max(float((expected[n] - start[n]).abs().max()) for n in start) > 1e-3


@pytest.mark.parametrize("changes", [{}, {"clients": 2}])
def test_two_trainings_with_one_seed_are_equal_bit_for_bit(changes):
    first = run(parameters=make_federation(**changes))
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the generator that must not matter
    second = run(list(reversed(make_sites())), parameters=make_federation(**changes))
    assert equal(first.weights, second.weights)
    asked = [set(one.sites) for one in first.rounds]
    assert asked == [set(one.sites) for one in second.rounds]
    if changes:
        other = run(task=make_task(seed=5), parameters=make_federation(**changes))
        assert asked != [set(one.sites) for one in other.rounds]


class Stopped(Exception):
    pass


def stop_after(rounds):
    def report(this, weights):
        if this.number > rounds:
            raise Stopped

    return report


@pytest.mark.parametrize("strategy", ["FedAvg", "FedAdam", "FedAvgM"])
def test_two_rounds_and_two_more_are_four(tmp_path, strategy):
    parameters = make_federation(strategy)
    whole = run(parameters=parameters)
    with pytest.raises(Stopped):
        run(parameters=parameters, checkpoint=tmp_path / "state", report=stop_after(2))
    found = run(parameters=parameters, checkpoint=tmp_path / "state")
    assert found.resumed_from == 2
    assert equal(found.weights, whole.weights)
    assert [one.number for one in found.rounds] == [1, 2, 3, 4]
    assert not (tmp_path / "state").exists()


def test_a_killed_training_resumes_with_what_sites_keep_of_their_optimisers(tmp_path):
    here = Path(__file__).parent
    source = Path(sys.modules["sen2naip_sr"].__file__).parents[1]
    paths = os.pathsep.join(map(str, (source, here, here.parent / "training")))
    command = [sys.executable, here / "small_federation.py", tmp_path, "FedYogi", "1"]
    killed = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    task = make_task(keep_optimizer=True)
    parameters = make_federation("FedYogi", keep_optimizer=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = run(
        make_sites(folder=tmp_path / "sites"), task, parameters, checkpoint=tmp_path / "state"
    )
    whole = run(make_sites(folder=tmp_path / "others"), task, parameters)
    torch.set_num_threads(threads)
    assert found.resumed_from == 1
    assert equal(found.weights, whole.weights)
    assert not equal(found.weights, run(parameters=make_federation("FedYogi")).weights)


def test_the_state_of_another_training_is_not_used(tmp_path):
    with pytest.raises(Stopped):
        run(checkpoint=tmp_path / "state", report=stop_after(2))
    other = make_federation(quorum=0.9)
    assert run(parameters=other, checkpoint=tmp_path / "state").resumed_from == 0
    (tmp_path / "state").write_bytes(b"damaged")
    assert run(checkpoint=tmp_path / "state").resumed_from == 0


def failing(names, rounds=range(100)):
    def poison(site, number, trained):
        if site in names and number in rounds:
            raise OSError("its disk is full")
        return trained

    return poison


def test_a_site_that_fails_is_left_out_and_named():
    found = run(poison=failing({"b"}))
    others = run(make_sites({"a": [0, 1], "c": [4, 5]}))
    assert equal(found.weights, others.weights)
    assert all(set(one.sites) - {"b"} == {"a", "c"} for one in found.rounds)
    assert all("its disk is full" in one.refused["b"] for one in found.rounds)


def test_a_round_below_its_quorum_changes_nothing():
    found = run(parameters=make_federation(quorum=0.7), poison=failing({"b"}, {2}))
    assert [one.aggregated for one in found.rounds] == [True, False, True, True]
    weights = []
    run(
        parameters=make_federation(quorum=0.7),
        poison=failing({"b"}, {2}),
        report=lambda this, now: weights.append(now),
    )
    assert equal(weights[0], weights[1])
    assert not equal(weights[1], weights[2])


def test_a_training_without_any_usable_round_is_an_error_that_says_why():
    with pytest.raises(UserError, match=r"none of 4 rounds.*a: .*its disk is full"):
        run(poison=failing({"a", "b", "c"}))


def changed(name, change):
    """Return what makes a site send other weights."""

    def poison(site, number, trained):
        if site != name:
            return trained
        weights = {key: tensor.clone() for key, tensor in trained.weights.items()}
        return Trained(change(weights), trained.loss, trained.seconds, trained.chips)

    return poison


def first_weight(weights):
    return next(iter(weights))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: w | {first_weight(w): w[first_weight(w)] * torch.nan}, "not finite"),
        (lambda w: w | {first_weight(w): w[first_weight(w)][:1]}, "shape"),
        (lambda w: w | {first_weight(w): w[first_weight(w)].double()}, "float64"),
        (lambda w: w | {"extra": torch.zeros(1)}, "other names"),
        (lambda w: {k: t + 5.0 for k, t in w.items()}, "norm"),
    ],
)
def test_weights_that_cannot_be_aggregated_are_refused(change, reason):
    found = run(parameters=make_federation(rounds=1), poison=changed("b", change))
    expected = run(make_sites({"a": [0, 1], "c": [4, 5]}), parameters=make_federation(rounds=1))
    assert reason in found.rounds[0].refused["b"]
    assert equal(found.weights, expected.weights)


def distance(found, expected):
    return float(sum(((found[n] - t) ** 2).sum() for n, t in expected.items()) ** 0.5)


@pytest.mark.parametrize(
    ("strategy", "arguments", "bears"),
    [
        ("FedAvg", {}, False),
        ("FedTrimmedAvg", {"beta": 0.2}, True),
        ("FedMedian", {}, True),
        ("Krum", {"num_malicious_nodes": 1}, True),
    ],
)
def test_a_site_that_sends_noise_breaks_the_mean_and_not_robust_strategies(
    strategy, arguments, bears
):
    sites = make_sites({name: [number] for number, name in enumerate("abcde")})
    noise = torch.Generator().manual_seed(0)
    poison = changed(
        "c", lambda w: {k: t + torch.randn(t.shape, generator=noise) for k, t in w.items()}
    )
    parameters = make_federation(strategy, arguments, rounds=2, largest_update=None)
    clean = run(sites, parameters=make_federation(rounds=2))
    found = run(sites, parameters=parameters, poison=poison)
    assert (distance(found.weights, clean.weights) < 0.5) == bears


def test_an_answer_that_comes_too_late_is_left_out(monkeypatch):
    import time

    from sen2naip_sr.federated import client

    real = client.train_locally

    def slow(site, *rest):
        if site.name == "c":
            time.sleep(1.5)
        return real(site, *rest)

    monkeypatch.setattr(client, "train_locally", slow)
    found = run(parameters=make_federation(rounds=1, timeout=1.4))
    assert "1.4 s are allowed" in found.rounds[0].refused["c"]


def test_a_site_that_never_answers_is_named(monkeypatch):
    from sen2naip_sr.federated.grid import LocalGrid

    real = LocalGrid.send_and_receive

    def send(self, messages, *, timeout=None):
        return real(self, [m for m in messages if m.metadata.dst_node_id != 2], timeout=timeout)

    monkeypatch.setattr(LocalGrid, "send_and_receive", send)
    (one,) = run(parameters=make_federation(rounds=1)).rounds
    assert one.aggregated
    assert one.refused == {"b": "it did not answer in time"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"recipe": "bicubic_antialiased@1"}, "site 'b': its recipe: bicubic_antialiased@1"),
        ({"data": "bands"}, "site 'b': its bands: 1"),
        ({"data": "range"}, r"site 'b': its value range: \(0.0, 100.0\)"),
    ],
)
def test_a_site_with_other_imagery_is_refused_by_name(change, problem):
    sites = make_sites()
    data = sites[1].data
    if change.get("data") == "bands":
        from sen2naip_sr.chips.shards import ShardedArray

        one = {
            name: ShardedArray.from_array(np.stack(list(getattr(data, name)))[:, :1])
            for name in ("hr", "lr")
        }
        change = {"data": replace(data, **one)}
    elif change.get("data") == "range":
        change = {"data": replace(data, value_range=(0, 100))}
    sites[1] = replace(sites[1], **change)
    with pytest.raises(UserError, match=problem):
        run(sites)


def test_what_was_sent_is_counted():
    found = run()
    size = sum(t.numel() * 4 for t in found.weights.values()) / 1e6
    # to three sites and back; in the last round the new weights are sent for an evaluation too
    copies = [one.sent_megabytes / size for one in found.rounds]
    assert copies == pytest.approx([6, 6, 6, 9], rel=0.25)
