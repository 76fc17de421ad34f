"""Headers say what made the weights, or the weights are refused."""

from dataclasses import replace

import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.packed import PackedImage, Place, write_place
from sen2naip_sr.release.imagery.result import packed_hash, split_hash
from sen2naip_sr.release.imagery.shipping.header import completed, require_unseen, require_whole
from sen2naip_sr.training.mixture.images import Image
from sen2naip_sr.weights.files import Weights, WeightsMetadata

COMMIT, OTHER = "a" * 40, "b" * 40
PLACES = ["farms", "hills-2020"]


def weights(**changes):
    values = {
        "architecture": "lean",
        "architecture_parameters": {},
        "bands": 4,
        "recipe": "area@1",
        "value_range": (0, 255),
        "dtype": "uint8",
        "data_hash": "0123456789abcdef",
        "split_hash": split_hash(PLACES, "town"),
        "train_places": PLACES,
        "validation_psnr": 30.0,
        "step": 1,
        "training": {"validation": "town"},
        "version": "0",
        "synthetic": False,
        "commit": COMMIT,
    }
    return Weights(WeightsMetadata(**values | changes), {}, "here")


@pytest.fixture
def packed(tmp_path):
    """The imagery that the weights were trained and validated on."""
    image = Image(torch.zeros(4, 8, 8, dtype=torch.uint8).numpy(), None, (0, 255))
    for name, location in (("farms", "farms"), ("hills-2020", "hills"), ("town-2018", "town")):
        write_place(tmp_path, Place(name, location, (PackedImage.of(image),)))
    return tmp_path


def test_a_whole_header_is_accepted_and_stays():
    require_whole(weights())
    assert completed(weights(), None, None) == weights()
    assert completed(weights(), COMMIT, None) == weights()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commit": None}, "commit is missing"),
        ({"commit": ""}, "commit is missing"),
        ({"commit": "unknown"}, "commit is unknown"),
        ({"commit": COMMIT + "-dirty"}, "-dirty"),
        ({"data_hash": "imagery-2026-11"}, "data_hash is imagery-2026-11"),
        ({"split_hash": "imagery-2026-11"}, "split_hash is imagery-2026-11"),
        ({"split_hash": "0" * 16}, "not that of its places"),
        ({"train_places": ["farms"]}, "not that of its places"),
        ({"training": {}}, "location of validation"),
    ],
)
def test_what_is_missing_or_a_placeholder_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        require_whole(weights(**changes))


def test_commit_and_imagery_complete_a_header(packed):
    lacking = weights(commit=None, data_hash="placeholder", split_hash="placeholder")
    whole = completed(lacking, COMMIT, packed)
    require_whole(whole)
    assert whole.metadata.data_hash == packed_hash(packed)
    assert replace(whole, metadata=lacking.metadata) == lacking


def test_a_dirty_commit_is_completed_but_another_one_is_not_replaced():
    assert completed(weights(commit=COMMIT + "-dirty"), COMMIT, None) == weights()
    with pytest.raises(UserError, match="commit"):
        completed(weights(), OTHER, None)


def test_other_imagery_is_refused(packed):
    with pytest.raises(UserError, match="data_hash is 0123456789abcdef"):
        completed(weights(), None, packed)
    (packed / "farms.imagery").unlink()
    with pytest.raises(UserError, match="trained on farms, hills-2020"):
        completed(weights(data_hash="x"), None, packed)


def test_ground_that_was_trained_on_is_no_test_at_any_date():
    require_unseen(weights(), ["town-2018", "river"])
    with pytest.raises(UserError, match=r"hills-2020.*hills-2016"):
        require_unseen(weights(), ["river", "hills-2016"])
