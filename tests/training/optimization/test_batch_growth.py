import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sen2naip_sr.training.dynamics import NoiseScale
from sen2naip_sr.training.optimization.batch_growth import BatchGrowth
from sen2naip_sr.training.parameters.optimization import BatchGrowthParameters

SCALES = st.lists(st.floats(0) | st.just(math.nan), max_size=40)


def growth(largest=64, every=1, batch_size=4):
    return BatchGrowth(BatchGrowthParameters(largest=largest, every=every), batch_size)


def sizes(grown, scales):
    """The batch's size after each step."""
    found = []
    for step, scale in enumerate(scales, start=1):
        grown.advance(step, scale)
        found.append(grown.size)
    return found


def grown_on_known_noise(scale, seed=0):
    """Train on per-sample gradients around a mean of length 1, with a summed variance ``scale``."""
    random = np.random.default_rng(seed)
    mean = np.full(200, 1 / math.sqrt(200))
    batch, noise = growth(every=20), NoiseScale()
    for step in range(1, 201):
        spread = math.sqrt(scale / 200)
        halves = random.normal(mean, spread / math.sqrt(batch.size / 2), (2, 200))
        small, big = (halves**2).sum(axis=1).mean(), (halves.mean(axis=0) ** 2).sum()
        noise.observe(small, big, batch.size / 2, batch.size)
        batch.advance(step, noise.samples)
    return batch.size


def test_grows_to_a_noise_scale_above_the_batch():
    # the measured scale is within a factor of 2 of the known one
    assert grown_on_known_noise(48) in (32, 64, 128)


def test_stays_where_the_noise_scale_is_below_the_batch():
    assert grown_on_known_noise(1) == 4


def test_doubles_once_a_decision_until_it_reaches_the_noise_scale():
    assert sizes(growth(every=2), [20.0] * 8) == [4, 8, 8, 16, 16, 32, 32, 32]


def test_stays_until_there_is_a_measurement():
    assert sizes(growth(), [math.nan] * 3) == [4, 4, 4]


def test_grows_where_noise_hides_the_gradient():
    assert sizes(growth(), [math.inf] * 3) == [8, 16, 32]


def test_never_shrinks():
    assert sizes(growth(), [30.0, 30.0, 0.0, 0.0]) == [8, 16, 16, 16]


@settings(deadline=None)
@given(SCALES, st.integers(1, 20), st.integers(1, 5), st.integers(1, 9))
def test_grows_by_doubling_within_its_limit(scales, largest, every, batch_size):
    found = sizes(growth(largest, every, batch_size), scales)
    assert all(size <= largest * batch_size for size in found)
    assert all(a <= b <= 2 * a for a, b in zip([batch_size, *found], found, strict=False))


def test_one_switches_growth_off():
    assert BatchGrowthParameters().largest == 1
    assert sizes(growth(largest=1), [math.inf] * 3) == [4, 4, 4]


@settings(deadline=None)
@given(SCALES)
def test_micro_batches_are_numbered_without_gaps(scales):
    grown, numbers = growth(largest=5), []
    for step, scale in enumerate(scales, start=1):
        numbers += grown.numbers
        grown.advance(step, scale)
    assert numbers == list(range(len(numbers)))


def test_numbers_are_those_of_the_steps_while_the_batch_has_not_grown():
    grown = growth(largest=1)
    for step in range(5):
        assert list(grown.numbers) == [step]
        grown.advance(step + 1, math.inf)


def test_goes_on_from_its_saved_state():
    first, second = growth(), growth()
    sizes(first, [10.0, 40.0, 40.0])
    stream = io.BytesIO()
    torch.save(first.state_dict(), stream)
    stream.seek(0)
    second.load_state_dict(torch.load(stream, weights_only=True))
    assert (second.size, second.numbers) == (first.size, first.numbers) == (32, range(7, 15))
    assert sizes(second, [40.0]) == sizes(first, [40.0])


@pytest.mark.parametrize("mistake", [{"largest": 0}, {"every": 0}])
def test_refuses_values_out_of_range(mistake):
    with pytest.raises(ValidationError, match=next(iter(mistake))):
        BatchGrowthParameters(**mistake)
