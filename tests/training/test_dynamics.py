import io
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.training.dynamics import (
    NEAR_ZERO,
    NoiseScale,
    PartGradients,
    noise_scale,
    snapshot,
    step_dynamics,
)

CLIP = 0.5
SQUARES = st.floats(0, 1e6, allow_subnormal=False)


def step():
    """One clipped SGD step, and numpy's view of its parts."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 3))
    before = snapshot(model.parameters())
    model(torch.randn(4, 5)).square().sum().backward()
    for parameter in model.parameters():
        parameter.grad.view(-1)[0] = NEAR_ZERO / 2
        parameter.grad.view(-1)[1] = NEAR_ZERO * 2
    gradient = np.concatenate([p.grad.numpy().ravel().copy() for p in model.parameters()])
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    assert norm > 10 * CLIP
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    return list(model.parameters()), before, norm, gradient


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors])


def linear_gradient(weights, x, y):
    """Gradients of the squared error of each sample, float64 (n, weights)."""
    return 2 * (x @ weights - y)[:, None] * x


def samples(count=3, size=4):
    generator = np.random.default_rng(1)
    return generator.normal(size=(count, size)), generator.normal(size=count)


def part_squares(x, y, parts, loss_scale=1.0):
    """What `PartGradients` measures when parts of a batch are passed one after another."""
    model = torch.nn.Linear(x.shape[1], 1, bias=False)
    torch.nn.init.constant_(model.weight, 0.5)
    measured = PartGradients(model.parameters(), len(x))
    for part in parts:
        inputs = torch.tensor(x[part], dtype=torch.float32)
        errors = model(inputs)[:, 0] - torch.tensor(y[part], dtype=torch.float32)
        (loss_scale * errors.square().mean() * len(part) / len(x)).backward()
        measured.add(len(part))
    return measured.squares(model.weight.grad.norm().item() / loss_scale)


def test_figures_are_those_of_the_step():
    weights, before, norm, gradient = step()
    found = step_dynamics(weights, before, norm, CLIP)
    assert found == pytest.approx(
        {
            "gradient_l2": np.linalg.norm(gradient),
            "weight_l2": np.linalg.norm(flat(weights)),
            "near_zero_gradients": (np.abs(gradient) < NEAR_ZERO).mean(),
            "update_to_weight": np.linalg.norm(flat(weights) - flat(before))
            / np.linalg.norm(flat(weights)),
        },
        rel=1e-5,
    )
    assert found["near_zero_gradients"] == pytest.approx(4 / len(gradient))


def test_snapshot_does_not_follow_the_weights():
    weight = torch.nn.Parameter(torch.ones(3))
    before = snapshot([weight])
    with torch.no_grad():
        weight.zero_()
    assert torch.equal(before[0], torch.ones(3))


@pytest.mark.parametrize("decibel", [0, 20, 60])
def test_weight_snr_is_that_of_noise_of_known_size(decibel):
    weights, before, norm, _ = step()
    noise = [torch.randn_like(weight) for weight in weights]
    size = np.linalg.norm(flat(weights)) / np.linalg.norm(flat(noise)) * 10 ** (-decibel / 20)
    with torch.no_grad():
        averages = [weight.clone() for weight in weights]
        for weight, deviation in zip(weights, noise, strict=True):
            weight.add_(deviation, alpha=size)
    found = step_dynamics(weights, before, norm, CLIP, averages)
    assert found["weight_snr"] == pytest.approx(decibel, abs=0.01)


def test_weight_snr_of_weights_at_rest_is_what_float32_resolves():
    weights, before, norm, _ = step()
    found = step_dynamics(weights, before, norm, CLIP, weights)
    assert found["weight_snr"] == pytest.approx(-20 * math.log10(np.finfo(np.float32).eps))


@settings(deadline=None)
@given(SQUARES, SQUARES, st.floats(0.5, 1e3), st.floats(1.1, 100))
def test_noise_scale_inverts_the_expected_squares(signal, noise, small, ratio):
    squares = [signal + noise / size for size in (small, small * ratio)]
    found = noise_scale(*squares, small, small * ratio)
    assert found == pytest.approx((signal, noise), rel=1e-6, abs=1e-5 * (signal + noise))


@pytest.mark.parametrize("whose", ["the first half's", "both halves'"])
def test_noise_scale_is_unbiased(whose):
    # every batch of two samples that can be drawn with replacement, so the mean is the expectation
    population = np.random.default_rng(0).normal(1, 2, size=(5, 3))
    found = []
    for batch in itertools.product(population, repeat=2):
        squares = (np.stack(batch) ** 2).sum(axis=1)
        small = squares[0] if whose == "the first half's" else squares.mean()
        found.append(noise_scale(small, (np.mean(batch, axis=0) ** 2).sum(), 1, 2))
    expected = (population.mean(axis=0) ** 2).sum(), population.var(axis=0).sum()
    assert np.mean(found, axis=0) == pytest.approx(expected)


@pytest.mark.parametrize(
    "parts", [[[0, 1], [2, 3]], [[0, 1, 2], [3, 4]], [[0], [1], [2], [3]], [[0, 1], [2], [3, 4, 5]]]
)
def test_part_squares_are_those_of_the_parts(parts):
    count = sum(map(len, parts))
    x, y = samples(count)
    gradients = linear_gradient(np.full(4, 0.5), x, y)
    means = [gradients[part].mean(axis=0) for part in parts]
    small, big, small_size, big_size = part_squares(x, y, parts)
    assert small == pytest.approx(np.mean([(mean**2).sum() for mean in means]), rel=1e-4)
    assert big == pytest.approx((gradients.mean(axis=0) ** 2).sum(), rel=1e-4)
    assert 1 / small_size == pytest.approx(np.mean([1 / len(part) for part in parts]))
    assert big_size == count


def test_part_squares_do_not_depend_on_a_gradient_scaler():
    x, y = samples(4)
    parts = [[0, 1], [2, 3]]
    assert part_squares(x, y, parts, 2.0**16) == pytest.approx(part_squares(x, y, parts))


def test_part_squares_of_unequal_parts_give_unbiased_estimates():
    x, y = samples(2)
    found = []
    for batch in itertools.product(range(2), repeat=3):
        chosen = list(batch)
        found.append(noise_scale(*part_squares(x[chosen], y[chosen], [[0], [1, 2]])))
    gradients = linear_gradient(np.full(4, 0.5), x, y)
    expected = (gradients.mean(axis=0) ** 2).sum(), gradients.var(axis=0).sum()
    assert np.mean(found, axis=0) == pytest.approx(expected, rel=1e-4)


def test_weights_that_take_no_part_count_nothing():
    used, unused = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))
    measured = PartGradients([unused, used], 2)
    (used[0] / 2).backward()
    measured.add(1)
    (unused[0] / 2).backward()
    measured.add(1)
    assert measured.squares(math.sqrt(0.5)) == pytest.approx((1.0, 0.5, 1, 2))


def test_running_noise_scale_of_a_steady_gradient_is_exact_at_once():
    running = NoiseScale()
    for _ in range(4):
        running.observe(3.0 + 60 / 5, 3.0 + 60 / 10, 5, 10)
        assert running.samples == pytest.approx(20)
        assert running.figures() == pytest.approx({"fisher_trace": 63.0, "noise_scale": 20.0})


def test_running_noise_scale_forgets():
    running = NoiseScale(decay=0.5)
    for signal in [100.0] * 5 + [1.0] * 40:
        running.observe(signal + 8 / 2, signal + 8 / 4, 2, 4)
    assert running.samples == pytest.approx(8)


def test_fisher_trace_is_the_mean_squared_norm_of_a_samples_gradient():
    x, y = samples(3)
    running = NoiseScale(decay=1.0)
    for batch in itertools.product(range(3), repeat=2):
        running.observe(*part_squares(x[list(batch)], y[list(batch)], [[0], [1]]))
    gradients = linear_gradient(np.full(4, 0.5), x, y)
    expected = (gradients**2).sum(axis=1).mean()
    assert running.figures()["fisher_trace"] == pytest.approx(expected, rel=1e-4)


def test_nothing_is_said_without_an_observation():
    running = NoiseScale()
    running.observe(math.inf, 1.0, 2, 4)
    running.observe(1.0, math.nan, 2, 4)
    assert running.figures() == {}
    assert math.isnan(running.samples)


def test_noise_that_hides_the_gradient_has_an_infinite_scale_that_is_not_logged():
    running = NoiseScale()
    running.observe(10.0, 4.0, 2, 4)
    assert running.samples == math.inf
    assert running.figures() == pytest.approx({"fisher_trace": -2 + 24})


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(SQUARES, SQUARES), min_size=1, max_size=6), st.integers(0, 6))
def test_goes_on_from_its_saved_state(squares, cut):
    whole, first, second = NoiseScale(), NoiseScale(), NoiseScale(decay=0.3)
    for small, big in squares:
        whole.observe(small, big, 4, 8)
    for small, big in squares[:cut]:
        first.observe(small, big, 4, 8)
    stream = io.BytesIO()
    torch.save(first.state_dict(), stream)
    stream.seek(0)
    second.load_state_dict(torch.load(stream, weights_only=True))
    for small, big in squares[cut:]:
        second.observe(small, big, 4, 8)
    assert second == whole
