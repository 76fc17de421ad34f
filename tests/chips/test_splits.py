import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sen2naip_sr.chips.splits import SplitParameters, group_places, make_splits, split_hash
from sen2naip_sr.errors import UserError


def table(places, locations=None):
    locations = range(len(places)) if locations is None else locations
    return pd.DataFrame(
        {
            "chip": range(len(places)),
            "place": [f"p{place}" for place in places],
            "location": [f"ground {location}" for location in locations],
        }
    )


@st.composite
def tables(draw):
    chips = draw(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), min_size=3, max_size=30)
    )
    return table(*zip(*chips, strict=True))


@given(
    index=tables(),
    seed=st.integers(0, 1000),
    folds=st.integers(2, 6),
    fraction=st.floats(0.05, 0.3),
)
@settings(max_examples=25, deadline=None)
def test_whatever_the_table_nothing_is_on_both_sides(index, seed, folds, fraction):
    assume(group_places(index).nunique() >= 3)
    parameters = SplitParameters(
        seed=seed, folds=folds, test_fraction=fraction, validation_fraction=fraction
    )
    splits = make_splits(index, parameters)
    assert splits["chip"].tolist() == index["chip"].tolist()
    assert set(splits["split"]) == {"train", "validation", "test"}
    for ground in ("place", "location"):
        assert (splits.groupby(ground)["split"].nunique() == 1).all()
        assert (splits.groupby(ground)["fold"].nunique() == 1).all()
    tested = splits["split"] == "test"
    assert (splits["fold"][tested] == -1).all()
    used = splits["fold"][~tested]
    groups = group_places(index)[~tested].nunique()
    assert sorted(used.unique()) == list(range(min(folds, groups)))
    assert splits.equals(make_splits(index, parameters))


def test_the_seed_draws_the_places():
    index = table(np.repeat(range(20), 3))
    hashes = {split_hash(make_splits(index, SplitParameters(seed=seed))) for seed in range(5)}
    assert len(hashes) == 5
    assert split_hash(make_splits(index, SplitParameters(seed=3))) in hashes


def test_shares_are_of_places_rounded_up():
    splits = make_splits(table(np.repeat(range(11), 2)), SplitParameters())
    places = splits.groupby("split")["place"].nunique()
    assert places.to_dict() == {"test": 3, "validation": 2, "train": 6}


def test_places_of_common_ground_go_together():
    index = table([0, 1, 2, 3, 4], ["a", "a", "b", "b", "c"])
    groups = group_places(index).tolist()
    assert groups[0] == groups[1] != groups[2] == groups[3] != groups[4]
    splits = make_splits(index, SplitParameters(test_places=["p0"], validation_places=["p2"]))
    assert splits["split"].tolist() == ["test", "test", "validation", "validation", "train"]


def test_rows_need_not_be_numbered_from_zero():
    index = table([0, 0, 1, 2, 3])
    moved = index.set_axis([7, 3, 9, 1, 20])
    parameters = SplitParameters(test_places=["p0"])
    assert make_splits(moved, parameters)["split"].tolist() == (
        make_splits(index, parameters)["split"].tolist()
    )


@pytest.mark.parametrize(
    ("places", "parameters", "problem"),
    [
        ([0, 0, 1, 1], {}, "2 place"),
        ([0, 1, 2], {"test_places": ["q0"]}, "unknown test place 'q0'.*did you mean 'p0'"),
        ([0, 1, 2], {"validation_places": ["p7"]}, "unknown validation place 'p7'"),
        (
            [0, 1, 2],
            {"test_places": ["p0"], "validation_places": ["p0"]},
            "unknown validation place 'p0'",
        ),
        ([0, 1, 2], {"test_places": ["p0", "p1"]}, "no place is left to train on"),
        ([0, 1, 2], {"test_places": ["p0", "p1", "p2"]}, "no place is left to train on"),
        (
            [0, 1, 2],
            {"test_places": ["p0"], "validation_places": ["p1", "p2"]},
            "no place is left to train on",
        ),
        ([0, 1, 2], {"test_fraction": 0.9}, "no place is left to train on"),
        ([0, 1, 2], {"test_fraction": 0.5}, "no place is left to train on"),
        ([0, 1, 2], {"validation_fraction": 0.9}, "no place is left to train on"),
    ],
)
def test_what_cannot_be_split_is_told_with_a_remedy(places, parameters, problem):
    with pytest.raises(UserError, match=problem) as caught:
        make_splits(table(places), SplitParameters(**parameters))
    assert "place" in caught.value.remedy


def test_fewer_places_than_folds_make_fewer_folds():
    splits = make_splits(table(np.repeat(range(4), 5)), SplitParameters(folds=10))
    assert sorted(splits["fold"].unique()) == [-1, 0, 1, 2]


def test_the_hash_tells_splits_apart():
    splits = make_splits(table(np.repeat(range(6), 2)), SplitParameters())
    other = splits.copy()
    other.loc[0, "fold"] += 1
    assert split_hash(splits) == split_hash(splits.copy())
    assert split_hash(splits) != split_hash(other)


@pytest.mark.parametrize("names", ["test_places", "validation_places"])
def test_an_empty_list_of_places_is_refused(names):
    with pytest.raises(ValidationError, match=names):
        SplitParameters(**{names: []})
