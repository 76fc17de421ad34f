import math

import numpy as np
import pytest

from sen2naip_sr.landscape.painting import (
    Canvas,
    Roofs,
    Sun,
    cast_shadows,
    paint_crowns,
    paint_ovals,
    paint_quadrilaterals,
    paint_roofs,
)
from sen2naip_sr.landscape.scanlines import shapes

SIDE = 60


def canvas():
    plane = np.zeros((SIDE, SIDE), np.float32)
    return Canvas(np.zeros((SIDE, SIDE), np.int64), plane + 1, plane)


def sun(angle):
    return Sun(math.cos(angle), math.sin(angle), 1.5)


def one(a, b, angle=0.0):
    return shapes([30.0], [30.0], a, b, angle)


def in_box(x, y, a, b, angle, *, slack):
    dx, dy = x - 30.0, y - 30.0
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = dy * math.cos(angle) - dx * math.sin(angle)
    return (np.abs(along) <= a + slack) & (np.abs(across) <= b + slack)


@pytest.mark.parametrize("direction", [0.0, 1.1, 2.9, 4.4])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_point_is_in_shadow_where_a_ray_towards_the_sun_meets_the_box(direction, angle):
    ground, light = canvas(), sun(direction)
    cast_shadows(ground, one(7.0, 4.0, angle), np.array([8.0], np.float32), light)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    rays = [(columns + t * light.x, rows + t * light.y) for t in np.linspace(0, 12, 241)]
    surely = np.any([in_box(x, y, 7, 4, angle, slack=-0.1) for x, y in rays], axis=0)
    perhaps = np.any([in_box(x, y, 7, 4, angle, slack=0.1) for x, y in rays], axis=0)
    assert (ground.sunlit[surely] == 0).all()
    assert (ground.sunlit[~perhaps] == 1).all()
    assert surely.sum() > 100


def test_the_face_of_a_gable_that_looks_at_the_sun_is_the_brighter_one():
    ground = canvas()
    roof = Roofs(np.array([5]), np.array([0.4], np.float32), np.array([False]))
    paint_roofs(ground, one(12.0, 8.0), roof, sun(math.pi / 2))
    assert (ground.label[23:37, 19:41] == 5).all()
    np.testing.assert_allclose(ground.sunlit[31:37, 20:40], 1 + 0.4 * 1.5, rtol=1e-5)
    np.testing.assert_allclose(ground.sunlit[23:29, 20:40], 1 - 0.4 * 1.5, rtol=1e-5)


def test_a_hipped_roof_slopes_to_its_ends_as_well():
    ground = canvas()
    roof = Roofs(np.array([5]), np.array([0.4], np.float32), np.array([True]))
    paint_roofs(ground, one(12.0, 8.0), roof, sun(0.0))
    assert ground.sunlit[30, 40] > 1 > ground.sunlit[30, 19]
    assert ground.sunlit[25, 30] == pytest.approx(1.0, abs=1e-5)


def test_a_crown_is_lit_on_the_suns_side_and_casts_its_shadow_on_the_other():
    ground = canvas()
    paint_crowns(ground, one(6.0, 6.0), np.array([7]), sun(0.0))
    assert ground.sunlit[30, 34] > ground.sunlit[30, 26]
    assert ground.sunlit[30, 17] == 0.0
    assert ground.label[30, 17] == 0
    assert ground.sunlit[30, 50] == 1.0
    assert (ground.label == 7).sum() == pytest.approx(math.pi * 36, rel=0.05)


def test_later_shapes_hide_earlier_ones_and_lie_in_the_sun():
    ground = canvas()
    ground.sunlit[:] = 0.0
    both = shapes([30.0, 33.0], [30.0, 30.0], 6.0, 6.0, 0.3)
    paint_ovals(ground, both, np.array([1, 2]), 0.0)
    assert ground.label[30, 33] == 2
    assert ground.label[30, 25] == 1
    assert ground.sunlit[30, 25] == 1.0
    assert ground.sunlit[0, 0] == 0.0


def test_a_tapered_quadrilateral_has_the_area_of_its_trapezoid():
    for taper in (0.0, 0.5, 1.0):
        ground = canvas()
        width = np.array([taper], np.float32)
        paint_quadrilaterals(ground, one(20.0, 12.0, 0.4), np.array([3]), width)
        assert (ground.label == 3).sum() == pytest.approx(40 * 24 * (1 - taper / 2), rel=0.03)
