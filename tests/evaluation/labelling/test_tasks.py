"""Tasks hide the methods, treat them alike, and are the same for the same seed."""

import io
import json
import xml.etree.ElementTree as ET
from collections import Counter

import numpy as np
import pytest
from made_labels import CHIPS, METHODS, make_tasks
from PIL import Image

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.labelling.interface import interface
from sen2naip_sr.evaluation.labelling.parameters import LabelParameters
from sen2naip_sr.evaluation.labelling.pictures import picture
from sen2naip_sr.evaluation.labelling.tasks import draw_tasks, task_list


def test_pairs_are_equally_often_and_sides_are_drawn():
    tasks = draw_tasks(CHIPS, METHODS, LabelParameters(tasks=24, duplicates=0))
    pairs = Counter(frozenset((one.left, one.right)) for one in tasks)
    assert set(pairs.values()) == {8}
    assert len({(one.chip, frozenset((one.left, one.right))) for one in tasks}) == 24
    assert 2 < sum(one.left == min(one.left, one.right) for one in tasks) < 22


def test_a_share_is_asked_twice_the_second_time_later():
    tasks = draw_tasks(CHIPS, METHODS, LabelParameters(tasks=20, duplicates=0.1))
    again = [one for one in tasks if one.repeats is not None]
    assert len(tasks) == 22
    assert len(again) == 2
    for one in again:
        first = tasks[one.repeats - 1]
        assert one.number > first.number
        assert (first.chip, {first.left, first.right}) == (one.chip, {one.left, one.right})


def test_the_seed_decides():
    drawn = [draw_tasks(CHIPS, METHODS, LabelParameters(seed=seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_is_imported_names_no_method():
    parameters, tasks, study, key = make_tasks()
    text = json.dumps(task_list(tasks, study, parameters))
    assert not [name for name in METHODS if name in text]
    assert len(key) == len(tasks)
    row = key.iloc[0]
    assert row["psnr.left"] != row["psnr.right"]
    assert {"lpips.left", "digest"} <= set(key)


def test_too_few_methods_are_refused():
    with pytest.raises(UserError, match="nothing to compare"):
        draw_tasks(CHIPS, ["carn"], LabelParameters())


@pytest.mark.parametrize("reference", [True, False])
def test_every_control_of_the_interface_is_for_an_image_that_it_shows(reference):
    root = ET.fromstring(interface(reference))
    images = {one.get("name") for one in root.iter("Image")}
    assert images == {"left", "right"} | ({"reference"} if reference else set())
    for control in (*root.iter("Choices"), *root.iter("Pairwise")):
        assert set(control.get("toName").split(",")) <= images
    # without this, both images collapse to a few pixels
    assert sum(view.get("style") == "flex:1" for view in root.iter("View")) == 2


@pytest.mark.parametrize(("bands", "pictures"), [(4, 2), (3, 1), (1, 1)])
def test_pictures_keep_every_pixel(bands, pictures):
    truth = np.random.default_rng(0).integers(0, 1000, (bands, 12, 10)).astype(np.uint16)
    shown = Image.open(io.BytesIO(picture(truth, truth, 3)))
    assert shown.size == (30, pictures * 36 + (pictures - 1) * 4)
    assert np.asarray(shown).std() > 30
