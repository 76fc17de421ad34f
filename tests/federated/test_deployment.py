"""Server and site over a network, as far as no process of Flower is needed."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_federation import equal, make_federation, make_sites, make_task, start_of
from tiny_experiment import make_stores, save_start

pytest.importorskip("flwr")

from sen2naip_sr.command import main
from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.client import make_client_app
from sen2naip_sr.federated.deployment import apps
from sen2naip_sr.federated.deployment.parameters import ServerSettings, SiteSettings
from sen2naip_sr.federated.deployment.run import follow
from sen2naip_sr.federated.grid import LocalGrid
from sen2naip_sr.federated.server import run_rounds
from sen2naip_sr.weights.files import load_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("deployment")
    make_stores(made)
    return made


def site(folder, **changes):
    given = {"name": "north", "hr": str(folder / "hr"), "lr": str(folder / "lr")}
    return SiteSettings(**given | {"folder": str(folder / "kept")} | changes)


def test_a_site_is_what_its_own_operator_describes(folder):
    found = apps.open_site(site(folder, places=["p0", "p1"], clip=0.5))
    assert sorted([*found.data.train, *found.data.validation]) == [0, 1, 2, 3]
    assert (found.clip, found.bands, found.recipe) == (0.5, 2, "area@1")
    with pytest.raises(UserError, match=r"no place 'p9'; it has p0, p1"):
        apps.open_site(site(folder, places=["p9"]))
    with pytest.raises(UserError, match="site 'north': 1 chips to train on"):
        apps.open_site(site(folder, places=["p0"]))


@pytest.fixture
def started():
    """Start Python programs, and end them after the test."""
    processes = []

    def start(code):
        processes.append(subprocess.Popen([sys.executable, "-c", code]))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("collected", [True, False])
def test_a_training_whose_process_was_killed_ends_with_that(started, tmp_path, collected):
    link, training = started("import time; time.sleep(60)"), started("import time; time.sleep(60)")
    (tmp_path / apps.PROCESS).write_text(str(training.pid))
    training.kill()
    if collected:  # else it stays in the list of processes, as those do that Flower has started
        training.wait()
    with pytest.raises(UserError, match="the process of the training was killed"):
        list(follow(tmp_path, link, rounds=2))


def serve(folder, tmp_path, **settings):
    start = save_start(tmp_path, ["old"])["start_from"]
    given = {
        "weights": start,
        "federation": {"rounds": 2, "local_steps": 2},
        "training": {"batch_size": 2, "crop_size": 8, "precision": "32-true"},
    }
    (tmp_path / apps.SETTINGS).write_text(ServerSettings(**given | settings).model_dump_json())
    sites = [
        apps.open_site(site(folder, name=name, places=places, accelerator="cpu"))
        for name, places in {"north": ["p0", "p1"], "south": ["p2", "p3"]}.items()
    ]
    app = make_client_app(lambda context: sites[int(context.node_config["partition-id"])])
    apps.serve(LocalGrid(app, ["north", "south"]), tmp_path)
    return load_weights(tmp_path / apps.WEIGHTS), load_weights(Path(start))


def test_a_server_leaves_weights_that_say_where_they_are_from(folder, tmp_path):
    weights, start = serve(folder, tmp_path)
    assert weights.metadata.train_places == ["north", "old", "south"]
    assert weights.metadata.started_from == start.label
    assert not equal(weights.state, start.state)
    assert weights.metadata.validation_psnr > 10
    assert json.loads((tmp_path / apps.RESULT).read_text()) == {"rounds": 2}
    rounds = [json.loads(line) for line in (tmp_path / apps.ROUNDS).read_text().splitlines()]
    assert [one["number"] for one in rounds] == [1, 2]


def test_a_server_that_fails_says_why(folder, tmp_path):
    with pytest.raises(UserError):
        serve(folder, tmp_path, training={"batch_size": 2, "crop_size": 99})
    assert "crop" in json.loads((tmp_path / apps.RESULT).read_text())["error"]


def test_sites_that_choose_one_name_are_told_apart():
    sites, task = [replace(site, name="a") for site in make_sites()[:2]], make_task()
    app = make_client_app(lambda context: sites[int(context.node_config["partition-id"])])
    found = run_rounds(
        LocalGrid(app, ["one", "two"]), task, start_of(task), make_federation(),
        sites=2, names={}, seed=None,
    )  # fmt: skip
    for one in found.rounds:
        assert {name for name, site in one.sites.items() if "loss" in site} == {"a", "a (node 2)"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["server", "run", "--insecure", "--host", "0.0.0.0"], "would take part with anybody"),
        (["server", "run"], "keys of sites"),
        (["server", "run", "--insecure", "--config", "none.toml"], "none.toml"),
        (["server", "run", "--insecure", "--config", "bad.toml"], "did you mean 'FedAvg'"),
        (["site", "run", "--name", "a", "--server", "far:1", "--insecure"], "with anybody"),
        (["site", "run", "--name", "a", "--server", "far:1"], "its own key"),
        (
            ["site", "run", "--name", "a", "--server", "far:1", "--ca", "no", "--key", "no"],
            "no such",
        ),
        (["site", "run", "--name", "/", "--server", "localhost:1", "--insecure"], "name"),
        (["site", "run", "--name", "a", "--server", "localhost:1", "--insecure"], "hr"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_starts(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text('[federation.strategy]\nname = "FedAvgg"')
    result = CliRunner().invoke(main, ["federate", *arguments])
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
    assert "Traceback" not in result.output
