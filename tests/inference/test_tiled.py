import os
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.ahead import WORKERS
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference import tiled
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.models.registry import MODELS, build_model
from sen2naip_sr.raster.filling import fill

CASCADING = {"channels": 6, "blocks": 1, "units": 2}
SMALL = {
    "carn": [CASCADING],
    "carn_m": [CASCADING | {"groups": 2}],
    "unet": [{"widths": [5, 6, 7]}, {"widths": [4, 4, 5, 6], "convolutions": 1}],
    "lean": [{"channels": 6, "blocks": 2}],
    "gan": [{"generator": "unet", "generator_parameters": {"widths": [4, 5]}}],
}
every_model = pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name in MODELS for size in SMALL.get(name, [{}])]
)


class MemoryScene:
    """A scene in memory; reads are copies, as they are from a file."""

    name = "scene.tif"

    def __init__(self, values, valid=None):
        self.values = values
        self.valid = np.ones(values.shape, bool) if valid is None else valid
        self.count, self.height, self.width = values.shape
        self.dtype = values.dtype

    def read(self, top, left, height, width):
        assert 0 <= top < top + height <= self.height
        assert 0 <= left < left + width <= self.width
        here = (slice(None), slice(top, top + height), slice(left, left + width))
        return self.values[here].copy(), self.valid[here].copy()


class MemoryTarget:
    """Collects what is written and how often."""

    def __init__(self, scene):
        shape = (scene.count, 2 * scene.height, 2 * scene.width)
        self.values, self.valid = np.zeros(shape, scene.dtype), np.zeros(shape, bool)
        self.times = np.zeros(shape, int)

    def write(self, top, left, values, valid):
        here = (slice(None), slice(top, top + values.shape[1]), slice(left, left + values.shape[2]))
        assert values.dtype == self.values.dtype
        self.values[here], self.valid[here] = values, valid
        self.times[here] += 1


def trimmed(upscaled, trim):
    """What a network leaves of its result where so many pixels of the image are surroundings."""
    height, width = upscaled.shape[-2:]
    return upscaled[..., 2 * trim : height - 2 * trim, 2 * trim : width - 2 * trim]


class TorchNetwork:
    """A model in the form that tiles are predicted with."""

    factor = 2

    def __init__(self, model, bands, dtype=torch.float32):
        self.model, self.dtype = model.to(dtype), dtype
        self.bands, self.halo, self.multiple = bands, model.receptive_field, model.multiple
        self.shapes = []

    @torch.no_grad()
    def __call__(self, tiles, trim=0):
        assert tiles.dtype == np.float32
        assert tiles.flags.c_contiguous
        self.shapes.append(tiles.shape)
        upscaled = self.model(torch.from_numpy(tiles).to(self.dtype)).float().numpy()
        return trimmed(upscaled, trim)


class Repeat:
    """Repeats pixels; can look to the sides, wait and fail."""

    factor = 2

    def __init__(self, bands, halo=3, multiple=1, act=lambda call: None):
        self.bands, self.halo, self.multiple, self.act = bands, halo, multiple, act
        self.calls = self.tiles = 0

    def __call__(self, tiles, trim=0):
        self.calls += 1
        self.tiles += len(tiles)
        self.act(self.calls)
        return trimmed(tiles.repeat(2, -1).repeat(2, -2), trim)


def trained(name, size, bands):
    """A model in eval mode whose weights are none that it starts with."""
    torch.manual_seed(0)
    model = build_model(name, bands, **size).eval()
    with torch.no_grad():
        for values in model.parameters():
            values.add_(torch.randn_like(values), alpha=0.05)
    return model


def upscale(scene, network, value_range=(0, 1), **options):
    target = MemoryTarget(scene)
    statistics = upscale_scene(scene, target, network, value_range=value_range, **options)
    assert (target.times == 1).all()
    return target, statistics


def in_one_piece(network, normalised):
    """Predict a scene reflected by the halo, rounded up to the network's grid, and crop."""
    margin = -(-network.halo // network.multiple) * network.multiple
    padded = np.pad(normalised, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    height, width = 2 * normalised.shape[1], 2 * normalised.shape[2]
    upscaled = network(padded[np.newaxis])[0]
    return upscaled[:, 2 * margin : 2 * margin + height, 2 * margin : 2 * margin + width]


def random_floats(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def twice(array):
    return array.repeat(2, -1).repeat(2, -2)


@every_model
@pytest.mark.parametrize(
    ("shape", "tile", "batch"),
    [((1, 1), 16, 1), ((3, 200), 64, 2), ((49, 37), 16, 4), ((70, 100), 96, 1), ((64, 48), 24, 3)],
)
def test_tiles_give_what_one_piece_gives(name, size, shape, tile, batch):
    network = TorchNetwork(trained(name, size, 2), 2)
    values = random_floats(2, *shape)
    target, _ = upscale(MemoryScene(values), network, tile=tile, batch=batch)
    assert len({shape[1:] for shape in network.shapes}) == 1
    np.testing.assert_allclose(target.values, in_one_piece(network, values), rtol=0, atol=1e-5)
    assert target.valid.all()


@every_model
@pytest.mark.parametrize(
    ("dtype", "value_range"), [("uint8", (0, 255)), ("uint16", (0, 10_000)), ("int16", (-5, 4095))]
)
def test_integers_are_the_same_for_every_tile_size(name, size, dtype, value_range):
    network = TorchNetwork(trained(name, size, 1), 1, torch.float64)
    values = (random_floats(1, 41, 30) * value_range[1]).astype(dtype)
    low, high = value_range
    piece = in_one_piece(network, (values.astype(np.float32) - low) / (high - low))
    limits = np.iinfo(dtype)
    expected = np.rint(piece * (high - low) + low).clip(limits.min, limits.max)
    for tile in (16, 23, 41):
        target, _ = upscale(MemoryScene(values), network, value_range, tile=tile)
        np.testing.assert_array_equal(target.values, expected)


def random_mask(seed, shape, share):
    """Blotches of invalid pixels, different in every band, and some single ones."""
    random = np.random.default_rng(seed)
    bands, height, width = shape
    coarse = random.random((bands, -(-height // 7), -(-width // 7))) < share
    blotches = coarse.repeat(7, 1).repeat(7, 2)[:, :height, :width]
    return ~(blotches | (random.random(shape) < 0.1 * share))


@st.composite
def scenes_with_gaps(draw):
    seed, share = draw(st.integers(0, 999)), draw(st.sampled_from([0.02, 0.3, 0.9]))
    values = random_floats(2, draw(st.integers(1, 40)), draw(st.integers(1, 60)), seed=seed)
    return MemoryScene(values, random_mask(seed, values.shape, share))


GRIDDED = TorchNetwork(trained("unet", {"widths": [4, 5, 6]}, 2), 2)
"""Its result depends on where tiles begin."""


@settings(deadline=None, max_examples=25)
@given(scene=scenes_with_gaps(), tile=st.integers(6, 40))
def test_scenes_with_gaps_are_the_same_in_tiles(scene, tile):
    target, statistics = upscale(scene, GRIDDED, tile=tile)
    piece = in_one_piece(GRIDDED, fill(scene.values, scene.valid, GRIDDED.halo))
    expected = np.where(twice(scene.valid), piece, twice(scene.values))
    np.testing.assert_allclose(target.values, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(target.valid, twice(scene.valid))
    assert statistics.pixels == scene.height * scene.width


@settings(deadline=None, max_examples=25)
@given(
    scene=scenes_with_gaps(),
    tile=st.integers(6, 40),
    rubbish=st.sampled_from([np.nan, np.inf, -3.4e38, 0.0]),
)
def test_invalid_values_change_no_valid_pixel(scene, tile, rubbish):
    clean, _ = upscale(scene, GRIDDED, tile=tile)
    scene.values[~scene.valid] = rubbish
    soiled, _ = upscale(scene, GRIDDED, tile=tile)
    valid = twice(scene.valid)
    np.testing.assert_array_equal(soiled.values[valid], clean.values[valid])
    np.testing.assert_array_equal(soiled.values[~valid], np.float32(rubbish))
    np.testing.assert_array_equal(soiled.valid, valid)


def test_tiles_without_a_valid_pixel_are_not_predicted():
    values = np.full((2, 40, 40), 77, np.uint16)
    valid = np.zeros(values.shape, bool)
    valid[1, 39, 0] = True
    network = Repeat(2)
    target, statistics = upscale(MemoryScene(values, valid), network, (0, 100), tile=10, batch=3)
    assert network.tiles == statistics.predicted_tiles == 1
    assert statistics.skipped_tiles == 15
    assert (target.values == 77).all()


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_tiles_are_predicted_in_full_batches(batch):
    network = TorchNetwork(trained("bicubic", {}, 1), 1)
    _, statistics = upscale(MemoryScene(random_floats(1, 50, 50)), network, tile=10, batch=batch)
    sizes = [shape[0] for shape in network.shapes]
    assert sum(sizes) == statistics.predicted_tiles == 25
    assert set(sizes[:-1]) <= {batch}
    assert sizes[-1] <= batch


def test_progress_and_statistics_count_every_tile():
    seen = []
    network = Repeat(1, act=lambda call: time.sleep(0.01))
    _, statistics = upscale(
        MemoryScene(random_floats(1, 30, 50)),
        network,
        tile=10,
        batch=2,
        progress=lambda done, tiles: seen.append((done, tiles, threading.current_thread())),
    )
    assert seen == [(n, 15, threading.main_thread()) for n in range(1, 16)]
    assert statistics.pixels == 1500
    assert statistics.seconds >= statistics.predict_seconds >= 0.01 * network.calls
    assert min(statistics.read_seconds, statistics.write_seconds) > 0


def test_other_bands_are_refused():
    with pytest.raises(UserError, match=r"scene.tif: 2 bands, .* built for 4"):
        upscale(MemoryScene(random_floats(2, 5, 5)), Repeat(4))


def test_values_that_overflow_the_network_are_named():
    values = random_floats(1, 30, 30).astype(np.float64)
    values[0, 25, 12] = 1e300
    with pytest.raises(UserError, match=r"not finite near row 20, column 10.*\n.*nodata"):
        upscale(MemoryScene(values), Repeat(1, halo=0), tile=10)


class Watched:
    """Scene and target that count the tiles that are read and not yet written."""

    def __init__(self, pause=lambda: None):
        self.lock, self.read_tiles, self.written_tiles, self.most = threading.Lock(), 0, 0, 0
        scene = MemoryScene(random_floats(1, 200, 30))
        self.scene = SimpleNamespace(**vars(scene), name=scene.name, read=self.read)
        self.target = SimpleNamespace(write=self.write)
        self.memory, self.pause = scene, pause

    def read(self, *window):
        with self.lock:
            self.read_tiles += 1
            self.most = max(self.most, self.read_tiles - self.written_tiles)
        return self.memory.read(*window)

    def write(self, *arguments):
        self.pause()
        with self.lock:
            self.written_tiles += 1


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("slow", ["predict", "write"])
def test_few_tiles_are_held_at_once(batch, slow):
    def pause(call=0):
        time.sleep(0.002)

    watched = Watched(pause if slow == "write" else lambda: None)
    network = Repeat(1, act=pause if slow == "predict" else lambda call: None)
    upscale_scene(watched.scene, watched.target, network, value_range=(0, 1), tile=10, batch=batch)
    ahead = 2 * WORKERS * -(-batch // WORKERS)
    assert watched.written_tiles == 60
    # read ahead, a group in hand, a batch in hand, those that wait for the writer, and its own
    assert watched.most <= ahead + -(-batch // WORKERS) + batch + 2 * batch + batch + 1


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt, UserError])
@pytest.mark.parametrize("stage", ["read", "predict", "write", "progress"])
def test_errors_stop_everything_and_leave_no_thread(stage, kind):
    error = kind("disk-full", "the disk is full", "free it") if kind is UserError else kind("gone")
    calls = dict.fromkeys(["read", "predict", "write", "progress"], 0)
    lock = threading.Lock()

    def act(name, result=None):
        with lock:
            calls[name] += 1
            fails = name == stage and calls[name] == 9
        if fails:
            raise error
        return result

    memory = MemoryScene(random_floats(1, 400, 40))
    scene = SimpleNamespace(
        **vars(memory), name=memory.name, read=lambda *window: act("read", memory.read(*window))
    )
    target = SimpleNamespace(write=lambda *arguments: act("write"))
    before = threading.enumerate()
    with pytest.raises(kind) as caught:
        upscale_scene(
            scene,
            target,
            Repeat(1, act=lambda call: act("predict")),
            value_range=(0, 1),
            tile=10,
            progress=lambda done, tiles: act("progress"),
        )
    assert caught.value is error
    assert threading.enumerate() == before
    assert max(calls.values()) < 80
    assert "act" in [entry.name for entry in caught.traceback]
    if stage != "progress" and kind is not KeyboardInterrupt:
        assert any(" the tile at row " in note for note in error.__notes__)


@pytest.fixture
def interruptible():
    """Interrupts arrive, as they do not in what a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("stage", ["read", "predict", "write"])
def test_an_interrupt_stops_everything_and_leaves_no_thread(stage, interruptible):
    calls = []

    def act(name, result=None):
        if name == stage:
            calls.append(name)
            if len(calls) == 9:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return result

    memory = MemoryScene(random_floats(1, 4000, 40))
    scene = SimpleNamespace(
        **vars(memory), name=memory.name, read=lambda *window: act("read", memory.read(*window))
    )
    target = SimpleNamespace(write=lambda *arguments: act("write"))
    network = Repeat(1, act=lambda call: act("predict"))
    before = threading.enumerate()
    with pytest.raises(KeyboardInterrupt):
        upscale_scene(scene, target, network, value_range=(0, 1), tile=10)
    # one that was being started when the interrupt came ends without being waited for
    for thread in set(threading.enumerate()) - set(before):
        thread.join(timeout=30)
    assert threading.enumerate() == before
    assert len(calls) < 800


def test_valid_pixels_of_wide_types_keep_their_digits():
    values = 1e9 + random_floats(1, 20, 20).astype(np.float64)
    target, _ = upscale(MemoryScene(values), Repeat(1), (0, 2e9), tile=8)
    np.testing.assert_array_equal(target.values, twice(values))


def test_freed_memory_is_given_back_now_and_then(monkeypatch):
    released = []
    network = Repeat(1, halo=0)
    monkeypatch.setattr(tiled, "release_freed_memory", lambda: released.append(network.calls))
    upscale(MemoryScene(random_floats(1, 70, 10)), network, tile=4)
    every = tiled.RELEASE_EVERY
    assert network.calls > 3 * every
    assert released == list(range(every, network.calls + 1, every))
