"""The comparison of a federated training with others, on stores that train in a moment."""

import numpy as np
import pandas as pd
import pytest
from tiny_experiment import make_setting, make_stores, save_start

pytest.importorskip("flwr")

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.experiment.comparison import ALONE_MEAN, AT_SITES, INTERPOLATION, UNSEEN
from sen2naip_sr.federated.experiment.running import compare_federated
from sen2naip_sr.federated.parameters import FederatedParameters
from sen2naip_sr.weights.files import load_weights

SITES = {"north": ["p0", "p1"], "south": ["p2", "p3"]}


def parameters(**changes):
    return FederatedParameters(
        **{"sites": SITES, "rounds": 5, "local_steps": 2, "held_out": 0.25} | changes
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("federated")
    setting = make_setting(folder / "made", make_stores(folder))
    done = []

    def note(folder, variation, outcome):
        done.append((outcome.name, folder / outcome.name))

    return compare_federated(parameters(), setting, note), done, setting


def test_every_training_is_compared_at_the_sites_and_on_unseen_places(found):
    table = found[0].table
    trained = ["federated", "federated iid", "central", "synchronous", "alone north", "alone south"]
    wheres = {UNSEEN, AT_SITES, "place p5", "site north", "site south"}
    assert set(table["where"]) == wheres
    for _, part in table.groupby("where"):
        assert part["method"].tolist() == [*trained, ALONE_MEAN, INTERPOLATION]
    unseen = table[table["where"] == UNSEEN].set_index("method")
    alone = unseen.loc[["alone north", "alone south"], "psnr"].mean()
    assert unseen.loc[ALONE_MEAN, "psnr"] == pytest.approx(alone)
    gap = unseen.loc["federated", "psnr"] - unseen.loc["central", "psnr"]
    assert unseen.loc["federated", "over_central_psnr"] == pytest.approx(gap)
    assert unseen.loc["federated", "crops"] == unseen.loc["central", "crops"] == 2 * 10 * 2
    assert unseen.loc["federated", "steps"] == unseen.loc["alone north", "steps"] == 10
    assert unseen.loc["synchronous", "steps"] == 5
    assert unseen.loc["federated", "megabytes"] > 0
    assert np.isnan(unseen.loc["central", "megabytes"])


def test_what_is_scored_was_trained_on_by_nobody(found):
    _, _, setting = found
    weights = load_weights(setting.folder / "federated/weights.safetensors")
    assert weights.metadata.train_places == ["p0", "p1", "p2", "p3"]
    assert weights.metadata.step == 10
    alone = load_weights(setting.folder / "alone north/weights.safetensors")
    assert alone.metadata.train_places == ["p0", "p1"]


def test_every_round_of_every_site_is_in_a_table_and_in_the_curves(found):
    findings, done, _ = found
    rounds = findings.more["rounds"]
    own = rounds[rounds["method"] == "federated"]
    assert sorted(zip(own["round"], own["site"], strict=True)) == [
        (number, site) for number in range(1, 6) for site in ("north", "south")
    ]
    assert own[["loss", "psnr", "norm", "chips", "validation_psnr"]].notna().all(axis=None)
    history = pd.read_csv(dict(done)["federated"] / "history.csv")
    assert {"step", "validation_psnr", "psnr/north", "loss/south"} <= set(history.columns)
    assert history["step"].tolist() == [2, 4, 6, 8, 10]
    assert history["sent_megabytes"].is_monotonic_increasing


def test_it_is_said_and_drawn(found):
    findings, _, _ = found
    for text in ("FedAvg, 5 rounds of 2 steps", "all data together", "At equal communication"):
        assert text in findings.text
    assert findings.more["figure"].axes


def test_finished_trainings_are_kept_and_what_differs_is_trained_anew(found):
    _, _, setting = found
    file = setting.folder / "federated/weights.safetensors"
    before = file.stat().st_mtime_ns
    compare_federated(parameters(compare=["central"]), setting)
    assert file.stat().st_mtime_ns == before
    compare_federated(parameters(compare=["central"], quorum=0.9), setting)
    assert file.stat().st_mtime_ns > before


@pytest.mark.parametrize("places", [["p5"], ["p4"]])
def test_weights_that_have_seen_what_is_scored_are_not_started_from(found, tmp_path, places):
    start = save_start(tmp_path, places)["start_from"]
    _, _, setting = found
    with pytest.raises(UserError, match="were trained on"):
        compare_federated(parameters(start_from=start), setting)


def test_sites_without_enough_chips_are_refused(found):
    _, _, setting = found
    with pytest.raises(UserError, match="site 'p0': 1 chips to train on"):
        compare_federated(parameters(sites={}), setting)
