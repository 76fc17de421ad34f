import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from constructed_scores import make_scores
from matplotlib.image import imread
from small_stores import SIDE, make_stores, smooth_noise

from sen2naip_sr.evaluation.figures.gallery import (
    DPI,
    GalleryChip,
    draw_gallery,
    gallery_methods,
    make_gallery,
)
from sen2naip_sr.evaluation.figures.tiles import SYNTHETIC_NOTE
from sen2naip_sr.evaluation.methods import Method, interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.models.registry import build_model

LONGEST = max((method.title for method in interpolations(4)), key=len)


def methods_called(*titles):
    return [Method(title.lower(), title, None, trained=n > 0) for n, title in enumerate(titles)]


def scores_of(methods):
    return make_scores({m.name: [30.123 + n, 35.0 - n] for n, m in enumerate(methods)})


def gallery_chip(chip=0, methods=1, bands=4, side=32, *, dtype=np.uint8, place="some place"):
    random = np.random.default_rng(chip)
    largest = np.iinfo(dtype).max
    truth = random.integers(0, largest, (bands, side, side)).astype(dtype)
    lr = truth[:, ::2, ::2]
    images = [truth // (n + 2) for n in range(methods)]
    return GalleryChip(chip, place, "highest NDVI", lr, images, truth)


def drawn(chips, methods, synthetic=False):
    return draw_gallery(chips, methods, scores_of(methods), synthetic=synthetic)


def texts(figure):
    return [*figure.texts, *(axis.title for axis in figure.axes if axis.get_title())]


def rendered(figure):
    """Return the picture as saved, (H, W, 3), uint8."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png")
    buffer.seek(0)
    return np.rint(imread(buffer)[..., :3] * 255).astype(int)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return make_stores(tmp_path_factory.mktemp("stores"), smooth_noise())


def test_shows_the_best_interpolation_then_the_networks_by_falling_psnr():
    scores = make_scores({"bicubic": [30.0], "lanczos": [31.0], "b": [32.0], "a": [29.0]})
    scores["trained"] = scores["method"].isin(["a", "b"])
    methods = [Method(name, name, None, name in "ab") for name in ("a", "b", "bicubic", "lanczos")]
    comparison = pd.DataFrame({"method": ["b", "lanczos", "bicubic", "a"]})
    shown = gallery_methods(methods, scores, comparison)
    assert [method.name for method in shown] == ["lanczos", "b", "a"]


def make(stores, **parameters):
    hr, lr, _ = stores
    scores = make_scores({"nearest": [30.0] * 6})
    tested = scores[scores["chip"] >= 2]
    nearest = [m for m in interpolations(4) if m.name == "nearest"]
    return make_gallery(nearest, tested, hr, lr, EvaluationParameters(**parameters))


@pytest.mark.parametrize("crop", [16, 19])
def test_every_image_is_the_same_part_of_the_same_test_chip(stores, crop):
    hr, lr, _ = stores
    gallery = make(stores, figure_crop=crop, gallery_chips=3)
    assert len({chip.chip for chip in gallery}) == 3
    side = crop // 2
    for chip in gallery:
        assert chip.chip >= 2
        assert chip.place == f"p{chip.chip // 2}"
        small = np.lib.stride_tricks.sliding_window_view(lr.chips[chip.chip], (4, side, side))
        ((_, top, left, *_),) = np.argwhere((small == chip.lr).all(axis=(-3, -2, -1)))
        inside = hr.chips[chip.chip][:, 2 * top : 2 * (top + side), 2 * left : 2 * (left + side)]
        np.testing.assert_array_equal(chip.truth, inside)
        np.testing.assert_array_equal(chip.upscaled[0], chip.lr.repeat(2, 1).repeat(2, 2))


def test_a_part_wider_than_the_chips_is_the_whole_chip(stores):
    hr, _, _ = stores
    for chip in make(stores, figure_crop=96):
        np.testing.assert_array_equal(chip.truth, hr.chips[chip.chip])


def test_networks_see_the_whole_chip_not_the_part(stores):
    hr, lr, _ = stores
    network = Method("carn", "CARN", build_model("carn", 4, channels=4, blocks=1, units=1), True)
    network.model.eval()
    scores = make_scores({"carn": [30.0] * 6})
    whole, part = (
        make_gallery(
            [network],
            scores,
            hr,
            lr,
            EvaluationParameters(figure_crop=crop, gallery_chips=1),
        )[0].upscaled[0]
        for crop in (SIDE, 16)
    )
    windows = np.lib.stride_tricks.sliding_window_view(whole, (4, 16, 16))
    assert (windows == part).all(axis=(-3, -2, -1)).any()


@pytest.mark.parametrize(
    ("bands", "dtype", "side", "columns"),
    [(4, np.uint8, 96, 2), (4, np.uint16, 50, 8), (1, np.uint16, 32, 4), (3, np.uint8, 100, 3)],
)
def test_every_pixel_is_a_square_of_screen_pixels_stretched_as_the_truth(
    bands, dtype, side, columns
):
    methods = methods_called(*"ABCDEFGH"[: columns - 1])
    chips = [gallery_chip(n, len(methods), bands, side, dtype=dtype) for n in range(2)]
    figure = drawn(chips, methods)
    picture = rendered(figure)
    composites = {1: [[0]], 3: [[0, 1, 2]], 4: [[0, 1, 2], [3, 0, 1]]}[bands]
    expected = [
        (image[order], chip.truth[order])
        for chip in chips
        for order in composites
        for image in (chip.lr, *chip.upscaled, chip.truth)
    ]
    assert len(figure.axes) == len(expected)
    for axis, (image, truth) in zip(figure.axes, expected, strict=True):
        low, high = (
            np.percentile(truth.reshape(len(truth), -1), percent, axis=1)[:, None, None]
            for percent in (1, 99)
        )
        values = ((image - low) / (high - low)).clip(0, 1).transpose(1, 2, 0) * 255
        box = axis.get_window_extent()
        top, left = round(len(picture) - box.y1), round(box.x0)
        zoom, rest = divmod(round(box.width), image.shape[2])
        assert rest == 0 and zoom >= 2
        square = values.repeat(zoom, axis=0).repeat(zoom, axis=1)
        found = picture[top : top + square.shape[0], left : left + square.shape[1]]
        # the composite's name lies over the upper part; grey comes from a table of 256 values
        below = square.shape[0] // 2
        assert np.abs(found[below:] - square[below:]).max() < 2


def test_titles_hold_the_psnr_of_the_chip_the_best_in_bold():
    methods = methods_called("Lanczos", "Lean", "CARN")
    figure = drawn([gallery_chip(n, 3, bands=1) for n in range(2)], methods)
    titles = [axis.title for axis in figure.axes]
    assert [title.get_text().split("\n")[0] for title in titles] == 2 * [
        *("low resolution", "Lanczos", "Lean", "CARN", "truth")
    ]
    assert [title.get_text().split("\n")[1] for title in titles[1:4]] == [
        *("30.12 dB", "31.12 dB", "32.12 dB")
    ]
    assert [title.get_text().split("\n")[1] for title in titles[6:9]] == [
        *("35.00 dB", "34.00 dB", "33.00 dB")
    ]
    weights = [title.get_fontweight() for title in titles]
    assert [n for n, weight in enumerate(weights) if weight == "bold"] == [3, 6]


def test_networks_below_the_linear_filter_are_marked():
    scores = make_scores({"lanczos": [30.0], "carn": [31.0], "linear": [32.0]})
    methods = methods_called("Lanczos", "CARN")
    figure = draw_gallery([gallery_chip(0, 2)], methods, scores, synthetic=False)
    titles = [axis.get_title().split("\n")[0] for axis in figure.axes]
    assert titles[1:3] == ["Lanczos", "CARN (failed)"]


def test_says_what_a_chip_was_chosen_for_and_whether_it_is_synthetic():
    methods = methods_called("Lanczos")
    for synthetic in (True, False):
        said = " ".join(t.get_text() for t in texts(drawn([gallery_chip()], methods, synthetic)))
        assert "highest NDVI\nsome place, chip 0" in said
        assert (SYNTHETIC_NOTE in said) == synthetic


@pytest.mark.parametrize(("networks", "bands", "side"), [(0, 1, 16), (0, 4, 96), (6, 4, 96)])
def test_texts_are_inside_the_figure_and_apart(networks, bands, side):
    methods = methods_called(LONGEST, *(f"a network {n}" for n in range(networks)))
    place = "a-county-with-a-very-long-name-indeed/and-a-subfolder-of-it"
    chips = [gallery_chip(n, len(methods), bands, side, place=place) for n in range(2)]
    figure = drawn(chips, methods, synthetic=True)
    rendered(figure)
    boxes = [text.get_window_extent() for text in texts(figure)]
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1
    tiles = [axis.get_window_extent() for axis in figure.axes]
    assert not any(box.count_overlaps(tiles) for box in boxes)
    titles = [axis.title.get_window_extent() for axis in figure.axes[: len(methods) + 2]]
    assert all(left.x1 < right.x0 for left, right in pairwise(titles))
