import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from constructed_scores import make_scores
from matplotlib.image import AxesImage

from sen2naip_sr.evaluation.figures.examples import Example
from sen2naip_sr.evaluation.figures.side_by_side import draw_comparison
from sen2naip_sr.evaluation.figures.tiles import SYNTHETIC_NOTE

NAMES = ("bicubic", "given")
TITLES = ("bicubic, a = -0.75", "Given weights")
SCORES = make_scores({"bicubic": [30.1234, 35.0], "given": [32.3456, 34.5]})
SCORES.loc[SCORES["method"] == "given", ["ssim", "rmse"]] = 0.9119, 6.789


def example(chip=0, place="some place", bands=4, side=32, dtype=np.uint8):
    random = np.random.default_rng(chip)
    truth = random.integers(20, 200, (bands, side, side)).astype(dtype)
    lr = truth[:, ::2, ::2]
    return Example(chip, place, lr, (truth + 10, truth + 5), truth)


def drawn(examples, crop=16, synthetic=False, titles=TITLES):
    return draw_comparison(
        examples, SCORES, NAMES, titles, data_range=255.0, crop=crop, synthetic=synthetic
    )


def test_networks_that_this_run_has_not_trained_stand_beside_its_own():
    scores = make_scores({"bicubic": [30.0], "given": [32.0], "best": [33.0]})
    titles = (*TITLES, "Best (shipped)")
    three = replace(example(), upscaled=(*example().upscaled, example().truth + 1))
    figure = draw_comparison(
        [three], scores, (*NAMES, "best"), titles, data_range=255.0, crop=16, synthetic=False
    )
    assert len(images(figure)) == 2 * 8
    bold = [
        axis.get_xlabel() for axis in figure.axes if axis.xaxis.label.get_fontweight() == "bold"
    ]
    assert [text.split(",")[0] for text in bold if text] == ["33.00 dB (+3.00)", "RMSE 0.50"]
    heads = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert heads[3] == "Best\n(shipped)"


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    for axis in figure.axes:
        found += [axis.get_title(), axis.get_xlabel(), *(text.get_text() for text in axis.texts)]
    return " | ".join(found)


def images(figure):
    return [axis.images[0] for axis in figure.axes if axis.images]


@pytest.mark.parametrize(("bands", "rows"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_has_six_images_a_row_and_a_row_a_composite(bands, rows):
    figure = drawn([example(0, bands=bands), example(1, bands=bands)])
    assert len(images(figure)) == 2 * rows * 6
    assert all(isinstance(image, AxesImage) for image in images(figure))


def test_captions_hold_the_scores_of_the_chip_and_who_made_what():
    said = texts(drawn([example(0)]))
    for text in ("30.12 dB, SSIM 0.500", "32.35 dB (+2.22), SSIM 0.912", "RMSE 0.50", "RMSE 6.79"):
        assert text in said
    for text in (
        "low resolution",
        "bicubic, a = -0.75",
        "Given weights",
        "truth",
        "error of Given weights",
    ):
        assert text in said
    assert "some place, chip 0" in said


def test_a_network_below_the_linear_filter_is_marked():
    scores = make_scores({"bicubic": [30.0], "given": [31.0], "linear": [32.0]}, trained=("given",))
    figure = draw_comparison(
        [example(0)], scores, NAMES, TITLES, data_range=255.0, crop=16, synthetic=False
    )
    assert "Given weights\n(failed)" in texts(figure)
    assert "failed" not in texts(drawn([example(0)]))


def weights_of_captions(chip):
    axes = [axis for axis in drawn([example(chip)]).axes if axis.get_xlabel()]
    return [axis.xaxis.label.get_fontweight() for axis in axes]


def test_captions_of_the_better_method_are_bold():
    assert weights_of_captions(0) == ["normal", "bold", "normal", "bold"]
    assert weights_of_captions(1) == ["bold", "normal", "bold", "normal"]


def test_says_that_imagery_is_synthetic_only_where_it_is():
    assert SYNTHETIC_NOTE in texts(drawn([example()], synthetic=True))
    assert SYNTHETIC_NOTE not in texts(drawn([example()]))


def test_shows_the_same_ground_in_every_column():
    figure = drawn([example(side=64)], crop=16)
    shapes = [image.get_array().shape[:2] for image in images(figure)[:6]]
    assert shapes == [(6, 8), *[(12, 16)] * 5]


def test_a_crop_wider_than_the_chip_shows_all_of_its_width():
    figure = drawn([example(side=32)], crop=96)
    assert images(figure)[3].get_array().shape[:2] == (24, 32)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 8), (16, 64), (64, 16)])
def test_pixels_of_tiny_and_oblong_chips_stay_about_square(height, width):
    truth = np.arange(4 * height * width, dtype=np.uint16).reshape(4, height, width)
    oblong = Example(0, "place", truth[:, ::2, ::2], (truth + 10, truth + 5), truth)
    figure = drawn([oblong], crop=96)
    rows, columns = images(figure)[3].get_array().shape[:2]
    tile = images(figure)[3].axes.get_window_extent()
    assert columns / rows == pytest.approx(tile.width / tile.height, rel=0.34)


def test_error_maps_share_one_scale_of_the_range_in_percent():
    figure = drawn([example(0), example(1)])
    maps = [image for image in images(figure) if image.get_array().ndim == 2]
    assert len(maps) == 8
    (scale,) = {(image.norm.vmin, image.norm.vmax) for image in maps}
    assert scale == pytest.approx((0, 100 * 10 / 255))
    np.testing.assert_allclose(maps[1].get_array(), 100 * 5 / 255)


@pytest.mark.parametrize("bands", [1, 4])
def test_text_is_inside_the_figure_even_for_long_place_names(bands):
    place = "a-county-with-a-very-long-name-indeed/and-a-subfolder-of-it"
    titles = (TITLES[0], "Given weights (another run, synthetic images)")
    figure = drawn([example(place=place, bands=bands)], synthetic=True, titles=titles)
    figure.savefig(io.BytesIO())
    (label,) = (text for text in figure.texts if "chip 0" in text.get_text())
    assert label.get_text().endswith("subfolder-of-it, chip 0")
    assert label.get_fontsize() >= 6
    outer = figure.bbox
    for text in [*figure.texts, *(axis.title for axis in figure.axes)]:
        box = text.get_window_extent()
        assert outer.x0 <= box.x0 and box.x1 <= outer.x1
        assert outer.y0 <= box.y0 and box.y1 <= outer.y1


def test_headings_captions_and_notes_do_not_run_into_each_other():
    figure = drawn([example()], synthetic=True)
    figure.savefig(io.BytesIO())
    heads = [axis.title for axis in figure.axes if axis.get_title()]
    captions = [axis.xaxis.label for axis in figure.axes if axis.get_xlabel()]
    (note,) = (text for text in figure.texts if "Scores" in text.get_text())
    (bar,) = (text for text in figure.axes[-1].texts if "range" in text.get_text())
    assert (len(heads), len(captions)) == (6, 4)
    for line in (heads, captions, [note, bar]):
        for left, right in pairwise(text.get_window_extent() for text in line):
            assert left.x1 < right.x0
