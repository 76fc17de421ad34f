import pandas as pd
import pytest
from tiny_experiment import make_splits

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.sites import deal, plan_sites


def splits(chips=4):
    """Four training places of so many chips, one for validation and one for the test."""
    rows = [
        {"place": f"p{place}", "location": f"p{place} l{chip}", "split": split, "fold": 0}
        for place, split in enumerate(["train"] * 4 + ["validation", "test"])
        for chip in range(chips)
    ]
    return pd.DataFrame(rows).rename_axis("chip").reset_index()


def test_every_training_place_is_a_site_by_default():
    table = splits()
    plan = plan_sites(table, {}, 0.25, 2)
    assert list(plan) == ["p0", "p1", "p2", "p3"]
    for name, chips in plan.items():
        own = table.loc[table["place"] == name, "chip"]
        assert sorted([*chips.train, *chips.held_out]) == sorted(own)
        assert len(chips.held_out) == 1


def test_a_table_maps_places_to_sites_and_others_take_no_part():
    plan = plan_sites(splits(), {"south": ["p2"], "north": ["p0", "p1"]}, 0.25, 2)
    assert {name: len(c.train) + len(c.held_out) for name, c in plan.items()} == {
        "north": 8,
        "south": 4,
    }


def test_a_location_that_one_site_holds_out_is_trained_on_by_none():
    table = splits()
    # the first chip of p1 shows the ground of the first of p0, which p0 holds out
    table.loc[table["place"].eq("p1") & table["location"].eq("p1 l0"), "location"] = "p0 l0"
    plan = plan_sites(table, {}, 0.25, 1)
    held_out = {chip for one in plan.values() for chip in one.held_out.tolist()}
    ground = set(table.loc[table["chip"].isin(held_out), "location"])
    trained = {chip for one in plan.values() for chip in one.train.tolist()}
    assert ground.isdisjoint(table.loc[table["chip"].isin(trained), "location"])


def test_dealt_sites_are_as_large_and_have_the_same_chips_of_several_places():
    table = splits(6)
    plan = plan_sites(table, {"one": ["p0"], "two": ["p1", "p2"]}, 0.2, 2)
    dealt = deal(plan, table, seed=0)
    assert {n: len(c.train) for n, c in dealt.items()} == {n: len(c.train) for n, c in plan.items()}
    every = [sorted(c for one in p.values() for c in one.train.tolist()) for p in (plan, dealt)]
    assert every[0] == every[1]
    places = table.set_index("chip")["place"]
    assert all(places[one.train].nunique() > 1 for one in dealt.values())
    assert all((dealt[n].held_out == plan[n].held_out).all() for n in plan)


@pytest.mark.parametrize(
    ("sites", "fewest", "problem"),
    [
        ({"a": ["p0"], "b": ["p9"]}, 1, "unknown place of site 'b' 'p9'"),
        ({"a": ["p0"], "b": ["p5"]}, 1, "unknown place of site 'b' 'p5'"),
        ({"a": ["p0"], "b": ["p0"]}, 1, "of the sites 'a' and 'b'"),
        ({"a": ["p0", "p1"]}, 1, "there are 1 sites"),
        ({"a": ["p0"], "b": ["p1", "p2"]}, 4, "site 'a': 3 chips to train on and 1 to hold out"),
    ],
)
def test_sites_that_make_no_sense_are_refused(sites, fewest, problem):
    with pytest.raises(UserError, match=problem):
        plan_sites(splits(), sites, 0.25, fewest)


def test_a_site_of_one_location_holds_all_out_and_is_too_small():
    table = make_splits()
    table.loc[table["place"] == "p0", "location"] = "the same"
    with pytest.raises(UserError, match="site 'p0': 0 chips to train on and 2 to hold out"):
        plan_sites(table, {}, 0.2, 1)
