import numpy as np
import pytest
from made_runs import make_shared

from sen2naip_sr.evaluation.figures.forest import draw_forest
from sen2naip_sr.evaluation.runs.comparison import compare_pairs, paired_differences
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters

LEVEL = np.random.default_rng(0).normal(30, 4, 12)
VALUES = {"one/carn": LEVEL, "two/lean": LEVEL - 1, "one/bicubic": LEVEL + 0.5}


def drawn(values=VALUES, places=None, locations=None, **parameters):
    options = ComparingParameters(bootstrap_draws=100, permutations=5000, **parameters)
    scores = make_shared(values, places, locations)
    table = compare_pairs(scores, options)
    figure = draw_forest(paired_differences(scores), table, options)
    figure.draw_without_rendering()
    return figure


def texts(figure):
    inside = [text.get_text() for text in figure.axes[0].texts]
    return "\n".join(inside + [text.get_text() for text in figure.texts])


def test_every_pair_has_a_row_of_points_and_its_numbers():
    figure = drawn()
    points = figure.axes[0].collections
    assert [len(row.get_offsets()) for row in points] == [12, 12, 12]
    said = texts(figure)
    assert "one/carn\nagainst two/lean" in said
    assert "1.00 dB [1.00, 1.00]\np = 0.0015\none/carn is better" in said
    assert "12 chips of 12 locations" in said


def test_chips_of_a_location_stand_at_one_height():
    figure = drawn(locations=["x"] * 4 + ["y"] * 8)
    heights = figure.axes[0].collections[0].get_offsets()[:, 1]
    assert len(set(heights[:4])) == len(set(heights[4:])) == 1
    assert heights[0] < heights[4]


def test_places_have_colours_only_where_they_can_be_told_apart():
    few = drawn(places=["sea", "town"] * 6)
    assert [text.get_text() for text in few.legends[0].get_texts()] == ["sea", "town"]
    assert not drawn(places=[f"p{i}" for i in range(12)]).legends
    assert not drawn().legends


@pytest.mark.parametrize(("metric", "side"), [("psnr", "left"), ("rmse", "right")])
def test_the_side_that_is_better_is_named(metric, side):
    axes = drawn(metric=metric).axes[0]
    (second,) = [text for text in axes.texts if "second better" in text.get_text()]
    assert second.get_ha() == {"left": "right", "right": "left"}[side]


@pytest.mark.parametrize(
    "values", [{"a": [1.0], "b": [2.0]}, {"a": [np.nan], "b": [1.0]}], ids=["one", "none"]
)
def test_what_cannot_be_told_is_drawn_too(values):
    assert "cannot be told" in texts(drawn(values))


def test_nothing_lies_outside_the_figure():
    long = "a-name-of-a-run-that-somebody-made-up/carn_m"
    figure = drawn({long: LEVEL, "b": LEVEL - 1}, places=["sea", "town"] * 6)
    box = figure.bbox
    for text in [*figure.axes[0].texts, *figure.texts]:
        extent = text.get_window_extent()
        assert box.x0 <= extent.x0, text
        assert extent.x1 <= box.x1, text
