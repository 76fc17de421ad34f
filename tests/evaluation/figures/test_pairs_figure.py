import pandas as pd

from sen2naip_sr.evaluation.figures.pairs import draw_pairs

SCORES = pd.DataFrame(
    {
        "pair": ["a", "a", "b", "b"],
        "method": ["lanczos", "lean", "lanczos", "lean"],
        "trained": [False, True, False, True],
        "gain": [0.0, 0.5, 0.0, -0.1],
        "correlation": [0.6, 0.7, 0.6, 0.5],
    }
)


def test_each_pair_is_a_point_and_the_mean_a_bar_the_best_method_on_top():
    axes = draw_pairs(SCORES).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["lean", "lanczos"]
    assert axes.yaxis_inverted()
    a, b, mean = (points.get_offsets().tolist() for points in axes.collections[:3])
    assert a == [[0, 1], [0.5, 0]]
    assert b == [[0, 1], [-0.1, 0]]
    assert mean == [[0.2, 0], [0, 1]]


def test_many_pairs_have_one_colour_and_no_names():
    many = pd.concat([SCORES.assign(pair=str(number)) for number in range(9)])
    legend = draw_pairs(many).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["mean"]
