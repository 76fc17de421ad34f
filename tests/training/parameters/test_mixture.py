"""Parameters of a mixture."""

import json

import pytest
from pydantic import ValidationError

from sen2naip_sr.training.parameters import TrainingParameters

SOURCE = {"one": {"path": "somewhere"}}


def training(mixture=None, **changes):
    return TrainingParameters(**{"steps": 1, "crop_size": 24, "mixture": mixture or {}} | changes)


def test_it_is_off_by_default():
    assert TrainingParameters(steps=1).mixture is None


@pytest.mark.parametrize(
    ("mixture", "changes", "said"),
    [
        ({"source": SOURCE}, {}, "did you mean 'sources'"),
        ({"sources": {"one": {"path": "x", "shares": 1}}}, {}, "did you mean 'share'"),
        ({"own": 0}, {}, "there must be 'sources'"),
        ({"pixel_sizes": {17: 1}}, {}, "less than or equal to 16"),
        ({"pixel_sizes": {}}, {}, "at least 1 item"),
        ({"sources": {"one": {"path": "x", "value_range": [5, 5]}}}, {}, "below the upper end"),
        ({}, {"crop_size": 20}, "multiple of 8"),
        ({}, {"augmentation": {"flips": False}}, "leave out 'augmentation'"),
        ({}, {"detail": {}}, "leave out 'augmentation'"),
        ({"sensor": {"noise": [0, 5]}}, {}, "greater than 0"),
        ({"sensor": {"noise": [8, 1]}}, {}, "the first end, 8, must not be above"),
        ({"sensor": {"noise": [1, float("inf")]}}, {}, "finite"),
        ({"sensor": {"blur": [-1, 2]}}, {}, "greater than or equal to 0"),
        ({"sensor": {"steps": [0, 4]}}, {}, "greater than 0"),
        ({"sensor": {"quality": [10, 30]}}, {}, "greater than or equal to 50"),
        ({"sensor": {"depths": [0]}}, {}, "greater than or equal to 1"),
        ({"sensor": {"decimations": [0, 0, 0, 0]}}, {}, "one of the shares must be above 0"),
        ({"truth": {"deep_gain": [0, 1]}}, {}, "greater than 0"),
        ({"truth": {"softness": [1, 0.5]}}, {}, "must not be above"),
        ({"sensor": {}}, {"losses": {"l1": 1, "consistency": 1}}, "'consistency' knows the recipe"),
    ],
)
def test_what_does_not_fit_is_refused(mixture, changes, said):
    with pytest.raises(ValidationError, match=said):
        training(mixture, **changes)


def test_it_comes_back_from_json():
    found = training({"own": 0, "sources": SOURCE, "pixel_sizes": {1: 0.5, 4: 0.5}, "truth": {}})
    again = TrainingParameters(**json.loads(json.dumps(found.model_dump(mode="json"))))
    assert again == found


def test_null_removes_a_source():
    assert list(training({"sources": SOURCE | {"two": None}}).mixture.sources) == ["one"]
