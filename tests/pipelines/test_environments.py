"""Every environment of the project gives parameters that pass the check."""

from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.networks import NETWORKS, architecture_parameters
from sen2naip_sr.pipelines.experiments.configured import is_comparison
from sen2naip_sr.pipelines.parameters import PARAMETERS, check_parameters
from sen2naip_sr.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[2] / "conf"
ENVIRONMENTS = sorted(path.name for path in CONF.iterdir() if list(path.glob("parameters*.yml")))
# what an environment leaves to the command line
GIVEN = {name: {"ingestion": {"path": "folder"}} for name in ("naip", "shipped")}


def load(environment, given=None):
    loader = OmegaConfigLoader(
        CONF, env=environment, runtime_params=given or {}, **CONFIG_LOADER_ARGS
    )
    return loader["parameters"]


def test_the_documented_environments_are_there():
    assert {"base", "sen2naip", "naip", "shipped", "test"} <= set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_s_parameters_pass_the_check(environment):
    values = load(environment, GIVEN.get(environment))
    assert {name for name, value in values.items() if not is_comparison(value)} == set(PARAMETERS)
    check_parameters(values)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_changes_only_what_it_states(environment):
    own = [OmegaConf.load(path) for path in (CONF / environment).glob("parameters*.yml")]
    given = GIVEN.get(environment)
    loaded, base = load(environment, given), load("base")
    for values in (loaded, base):
        values["ingestion"].pop("raw_folder")  # where the data is, by globals.yml
    # by the resolvers that the loader has registered
    stated = OmegaConf.to_container(OmegaConf.merge(*own), resolve=True)
    assert loaded == OmegaConf.merge(base, {} if environment == "base" else stated, given or {})


def test_the_shipped_weights_are_of_the_benchmark_s_data():
    naip, shipped = load("naip"), load("shipped")
    assert naip["ingestion"] == shipped["ingestion"] != load("base")["ingestion"]
    assert naip["preprocessing"] == shipped["preprocessing"] != load("base")["preprocessing"]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_base_environment_repeats_no_default_of_an_architecture(network):
    fields = architecture_parameters(network).model_fields
    stated = load("base")[network].get("architecture", {})
    assert [name for name, value in stated.items() if value == fields[name].default] == []


@pytest.mark.parametrize("environment", ["base", "naip", "sen2naip", "shipped"])
def test_published_scores_are_of_all_test_chips(environment):
    assert load(environment, GIVEN.get(environment))["evaluation"].get("chips") is None


def test_the_environment_that_needs_a_folder_says_so():
    with pytest.raises(UserError, match="ingestion: source 'directory' needs a path"):
        check_parameters(load("naip"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_the_tiny_environment_writes_apart_from_the_real_data(environment):
    loader = OmegaConfigLoader(CONF, env=environment, **CONFIG_LOADER_ARGS)
    root = CONF.parent / "data"
    # every file and folder that the catalog writes
    catalog = OmegaConf.to_container(OmegaConf.create(loader["catalog"]))
    places = [Path(place) for entry in catalog.values() for place in written(entry)]
    assert len(places) > 20
    expected = root / "test" if environment == "test" else root
    assert {place.relative_to(root).parts[0] == "test" for place in places} == {
        environment == "test"
    }
    assert all(place.is_relative_to(expected) for place in places)


def written(entry):
    """Yield the paths of a catalog's entry and of the dataset in it."""
    for name, value in entry.items():
        if isinstance(value, dict):
            yield from written(value)
        elif name in {"filepath", "path"}:
            yield value
