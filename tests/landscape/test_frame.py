import numpy as np
import pytest

from sen2naip_sr.landscape.frame import Box, Frame, Rows, paint_box, paint_rows, split
from sen2naip_sr.landscape.painting import Canvas

SIDE = 96


@pytest.fixture(params=[0.0, 0.4])
def frame(request):
    return Frame.drawn(np.random.default_rng(4), SIDE, 0.6, request.param)


def canvas():
    plane = np.zeros((SIDE, SIDE), np.float32)
    return Canvas(np.zeros((SIDE, SIDE), np.int64), plane, plane)


def test_points_of_the_frame_return_to_their_pixels(frame):
    rows, columns = np.mgrid[:SIDE:7, :SIDE:7]
    x, y = frame.to_pixels(frame.u[rows, columns], frame.v[rows, columns])
    np.testing.assert_allclose(x, columns + 0.5, atol=0.3)
    np.testing.assert_allclose(y, rows + 0.5, atol=0.3)


def test_v_is_constant_along_the_angle_of_a_street(frame):
    rows, columns = np.mgrid[10:86:9, 10:86:9]
    angle = frame.angles(columns + 0.5, rows + 0.5)
    down, right = np.gradient(frame.v)
    change = right[rows, columns] * np.cos(angle) + down[rows, columns] * np.sin(angle)
    np.testing.assert_allclose(change, 0.0, atol=0.01)


def test_a_box_is_the_same_ground_in_the_turned_frame(frame):
    box = Box(-20, -5, 12, 30)
    one, other = canvas(), canvas()
    paint_box(one, frame, box, 1)
    paint_box(other, frame.turned, box.turned, 1)
    np.testing.assert_array_equal(one.label, other.label)
    inside = (frame.u >= -20) & (frame.u < 12) & (frame.v >= -5) & (frame.v < 30)
    np.testing.assert_array_equal(one.label == 1, inside)
    np.testing.assert_array_equal(one.sunlit == 1, inside)


def test_boxes_off_the_canvas_are_not_shown(frame):
    assert frame.shows(Box(-5, -5, 5, 5))
    assert not frame.shows(Box(400, 400, 500, 500))
    assert frame.shows(frame.whole())


def test_the_whole_holds_every_pixel(frame):
    whole = frame.whole()
    assert (frame.u >= whole.u0).all()
    assert (frame.u < whole.u1).all()
    assert (frame.v >= whole.v0).all()
    assert (frame.v < whole.v1).all()


def test_rows_cover_their_share_of_a_field(frame):
    ground = canvas()
    paint_rows(ground, frame, frame.whole(), Rows(label=2, period=8.0, share=0.25))
    assert (ground.label == 2).mean() == pytest.approx(0.25, abs=0.04)


def test_a_split_leaves_no_ground_out_and_covers_none_twice():
    blocks, streets = split(np.random.default_rng(0), Box(-100, -80, 120, 90), 50, (6, 3))
    parts = blocks + streets
    assert sum(part.width * part.height for part in parts) == pytest.approx(220 * 170)
    for index, a in enumerate(parts):
        for b in parts[:index]:
            wide = min(a.u1, b.u1) - max(a.u0, b.u0)
            high = min(a.v1, b.v1) - max(a.v0, b.v0)
            assert wide < 1e-9 or high < 1e-9
    assert max(max(block.width, block.height) for block in blocks) < 75
    assert {round(min(street.width, street.height), 6) for street in streets} == {6, 3}
