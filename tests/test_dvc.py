"""dvc.yaml fits pipelines, catalog, parameters and code."""

import configparser
import itertools
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.pipeline_registry import register_pipelines
from sen2naip_sr.settings import CONFIG_LOADER_ARGS
from sen2naip_sr.tracking.recording import _of_dvc

ROOT = Path(__file__).parents[1]


def stages():
    """Return all stages by name, those of a matrix one by one."""
    found = {}
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        axes = stage.pop("matrix", {})
        for values in itertools.product(*axes.values()):
            text = yaml.safe_dump(stage)
            for axis, value in zip(axes, values, strict=True):
                text = text.replace(f"${{item.{axis}}}", value)
            found["-".join([name, *values])] = yaml.safe_load(text)
    return found


STAGES = stages()


def paths(stage, *kinds):
    """Return the paths of a stage's entries, with or without options."""
    entries = [entry for kind in kinds for entry in stage.get(kind, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def made_by(stage):
    (name,) = re.findall(r"kedro run --pipelines=(\w+)$", stage["cmd"])
    return register_pipelines()[name]


@pytest.fixture(scope="module")
def catalog():
    """The path of every dataset, with the names of networks filled in."""
    loader = OmegaConfigLoader(ROOT / "conf", env="base", **CONFIG_LOADER_ARGS)
    entries = OmegaConf.to_container(OmegaConf.create(loader["catalog"]))
    found = {}
    for name, entry in entries.items():
        inner = entry.get("dataset")
        path = (inner if isinstance(inner, dict) and "filepath" in inner else entry).get("filepath")
        if path:
            for network in NETWORKS if "{model}" in name else [""]:
                found[name.replace("{model}", network)] = path.replace("{model}", network)
    return {name: str(Path(path).relative_to(ROOT)) for name, path in found.items()}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_a_pipeline_and_its_outputs_are_datasets_of_it(name, catalog):
    pipeline = made_by(STAGES[name])
    made = {catalog[one] for one in pipeline.all_outputs() if one in catalog}
    outputs = paths(STAGES[name], "outs", "metrics", "plots")
    assert outputs
    assert set(outputs) <= made


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_reads_is_code_or_made_by_an_earlier_stage(name):
    earlier = list(STAGES.values())[: list(STAGES).index(name)]
    made = {path for stage in earlier for path in paths(stage, "outs", "metrics", "plots")}
    for path in paths(STAGES[name], "deps"):
        assert path in made or (ROOT / path).exists(), path
        assert not path.startswith("data/") or path in made, path


@pytest.mark.parametrize("name", STAGES)
def test_parameters_are_those_that_the_pipeline_reads(name):
    read = {one.removeprefix("params:") for one in made_by(STAGES[name]).inputs()}
    for entry in STAGES[name]["params"]:
        for file, keys in entry.items():
            stated = yaml.safe_load((ROOT / file).read_text())
            assert set(keys) <= set(stated) & read


def test_no_output_is_of_two_stages_and_git_knows_none():
    outputs = [path for stage in STAGES.values() for path in paths(stage, "outs", "plots")]
    assert len(outputs) == len(set(outputs))
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    command = ["git", "ls-files", "--", *outputs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_files_of_dvc_are_not_ignored_but_data_is():
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    paths = ["data/01_raw/a.tif.dvc", "data/01_raw/.gitignore", "dvc.lock", "data/01_raw/a.tif"]
    command = ["git", "check-ignore", "--no-index", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["data/01_raw/a.tif"]


def test_nothing_is_sent_home_and_the_remote_is_a_folder():
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc/config")
    assert config["core"]["analytics"] == config["core"]["check_update"] == "false"
    remote = config[f"'remote \"{config['core']['remote']}\"'"]
    assert "://" not in remote["url"]


def test_runs_are_tagged_with_the_experiment(monkeypatch):
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert _of_dvc() == {}
    monkeypatch.setenv("DVC_EXP_NAME", "slow-rate")
    monkeypatch.setenv("DVC_STAGE", "train@lean")
    assert _of_dvc() == {"dvc_experiment": "slow-rate", "dvc_stage": "train@lean"}
