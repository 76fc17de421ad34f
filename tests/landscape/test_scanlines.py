import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sen2naip_sr.landscape.scanlines import pixels_of, shapes

SIDE = 40

figure = st.tuples(
    st.floats(-15, SIDE + 15),
    st.floats(-15, SIDE + 15),
    st.floats(0.3, 30),
    st.floats(0.3, 30),
    st.floats(-4, 4),
)


def listed(figures, *, oval):
    return [part for part in pixels_of(figures, SIDE, oval=oval) if len(part.pixel)]


def local(x, y, angle):
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    dx, dy = columns - x, rows - y
    return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)


@settings(max_examples=60, deadline=None)
@given(st.lists(figure, max_size=5), st.booleans())
@example([(20.0, 20.0, 7.0, 3.0, 0.0)], False)
@example([(20.0, 20.0, 7.0, 3.0, np.pi / 2)], False)
def test_the_pixels_of_shapes_are_those_whose_centres_lie_inside(several, oval):
    columns = np.array(several, np.float32).reshape(-1, 5).T
    figures = shapes(*columns)
    parts = listed(figures, oval=oval)
    for index, (x, y, a, b, angle) in enumerate(zip(*figures, strict=True)):
        along, across = local(*(float(value) for value in (x, y, angle)))
        p, q = np.abs(along / a), np.abs(across / b)
        size = np.hypot(p, q) if oval else np.maximum(p, q)
        found = np.zeros(SIDE * SIDE, bool)
        for part in parts:
            found[part.pixel[part.item == index]] = True
        found = found.reshape(SIDE, SIDE)
        # Within a twentieth of a pixel of the outline, rounding may decide either way.
        slack = 0.05 / min(a, b)
        assert found[size < 1 - slack].all()
        # An ellipse's outermost scan lines may touch a pixel that the painter then tests.
        assert not found[np.maximum(p, q) > 1 + 2 / min(a, b) + slack].any()
        if not oval:
            assert not found[size > 1 + slack].any()


@settings(max_examples=30, deadline=None)
@given(figure, st.booleans())
def test_pixels_know_where_in_the_shape_they_are(one, oval):
    x, y, _, _, angle = (float(np.float32(value)) for value in one)
    along, across = local(x, y, angle)
    for part in listed(shapes(*np.array([one], np.float32).T), oval=oval):
        np.testing.assert_allclose(part.along, along.ravel()[part.pixel], atol=1e-3)
        np.testing.assert_allclose(part.across, across.ravel()[part.pixel], atol=1e-3)


def test_no_shapes_have_no_pixels():
    assert listed(shapes(*np.zeros((5, 0), np.float32)), oval=True) == []
