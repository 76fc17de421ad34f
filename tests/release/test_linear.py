import json

import numpy as np
import pytest

from sen2naip_sr.landscape.generator import STYLES, landscape
from sen2naip_sr.models import linear
from sen2naip_sr.release.linear import fitted


@pytest.fixture(scope="module")
def rows(tmp_path_factory, make_geotiff):
    place = tmp_path_factory.mktemp("place")
    for number, style in enumerate(STYLES[:2]):
        make_geotiff(place / f"{style.name}.tif", landscape(number, style, 256))
    return fitted([place])


def test_the_fit_is_that_of_the_shipped_filter_about(rows):
    # the recipe decides most of it, the ground little
    shipped = np.array(json.loads(linear.SHIPPED.read_text()))
    assert np.corrcoef(np.ravel(rows), shipped.ravel())[0, 1] > 0.95


def test_the_weights_sum_to_one_and_are_symmetric(rows):
    np.testing.assert_allclose(np.sum(rows), 1, atol=1e-4)
    np.testing.assert_allclose(rows, np.transpose(rows), atol=1e-6)
