from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from small_federation import equal, make_federation, make_sites, make_task, run

pytest.importorskip("flwr")

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.parameters import (
    STRATEGIES,
    FederationParameters,
    PrivacyParameters,
    StrategyParameters,
)
from sen2naip_sr.federated.privacy import epsilon_of
from sen2naip_sr.federated.strategies import make_strategy, require_sites

PRIVATE = {"clipping_norm": 0.01, "noise_multiplier": 0.5}


def test_an_unknown_strategy_lists_the_valid_ones():
    with pytest.raises(ValidationError, match=r"did you mean 'FedAvg'.*FedAdam, .*Krum"):
        StrategyParameters(name="FedAvgg")
    with pytest.raises(ValidationError, match=r"did you mean 'proximal_mu'"):
        StrategyParameters(name="FedProx", arguments={"proximal_nu": 1})


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_flowers_and_takes_its_arguments(name):
    made = make_strategy(StrategyParameters(name=name), 5, evaluate=True)
    assert type(made).__name__ == name
    for argument, value in STRATEGIES[name].items():
        assert getattr(made, argument) == value


@pytest.mark.parametrize(
    ("name", "arguments", "enough"),
    [
        ("Krum", {"num_malicious_nodes": 1}, 5),
        ("Krum", {"num_malicious_nodes": 2}, 7),
        ("FedTrimmedAvg", {"beta": 0.2}, 5),
        ("FedTrimmedAvg", {"beta": 0.34}, 3),
    ],
)
def test_robust_strategies_need_enough_sites(name, arguments, enough):
    parameters = StrategyParameters(name=name, arguments=arguments)
    require_sites(parameters, enough)
    with pytest.raises(UserError, match=f"needs {enough} sites"):
        require_sites(parameters, enough - 1)


@pytest.mark.parametrize("beta", [0, 0.5])
def test_a_share_that_cuts_nothing_or_everything_is_refused(beta):
    parameters = StrategyParameters(name="FedTrimmedAvg", arguments={"beta": beta})
    with pytest.raises(UserError, match=r"above 0 and below 0\.5"):
        require_sites(parameters, 10)


@pytest.mark.parametrize("strategy", ["FedAdam", "FedMedian", "Krum"])
def test_noise_is_refused_where_it_would_not_fit(strategy):
    with pytest.raises(ValidationError, match="the noise is made for the mean"):
        make_federation(strategy, privacy=PRIVATE, weighting="equal")
    with pytest.raises(ValidationError, match="sites must weigh the same"):
        FederationParameters(privacy=PRIVATE)


def test_private_changes_are_clipped_at_the_sites_and_noised_alike_with_one_seed():
    parameters = make_federation(privacy=PRIVATE, weighting="equal")
    task = make_task(weighting="equal")
    first, second = (run(task=task, parameters=parameters) for _ in range(2))
    assert equal(first.weights, second.weights)
    norms = [site["norm"] for one in first.rounds for site in one.sites.values() if "norm" in site]
    assert max(norms) <= 0.01 * (1 + 1e-4)
    free = run()
    assert max(site["norm"] for one in free.rounds for site in one.sites.values()) > 0.02


def test_the_noise_has_the_size_that_privacy_asks_for():
    parameters = make_federation(
        rounds=1, privacy={"clipping_norm": 1e-6, "noise_multiplier": 3e4}, weighting="equal"
    )
    task = make_task(weighting="equal")
    from small_federation import start_of

    start = start_of(task)
    found = run(task=task, parameters=parameters, start=start).weights
    changes = np.concatenate([(found[n] - start[n]).numpy().ravel() for n in start])
    # multiplier x norm / sites; the clipped changes are negligible
    assert changes.std() == pytest.approx(3e4 * 1e-6 / 3, rel=0.1)


def test_with_noise_a_round_that_lacks_a_site_is_not_aggregated():
    def poison(site, number, trained):
        if site == "a" and number == 1:
            raise OSError("gone")
        return trained

    parameters = make_federation(privacy=PRIVATE, weighting="equal", rounds=2, quorum=0.1)
    found = run(task=make_task(weighting="equal"), parameters=parameters, poison=poison)
    assert [one.aggregated for one in found.rounds] == [False, True]


def test_an_epsilon_that_cannot_be_met_is_refused_and_one_that_can_is_stated():
    task = make_task(weighting="equal")
    noise = {"clipping_norm": 0.01, "noise_multiplier": 2.0}
    with pytest.raises(UserError, match=r"4 rounds .* give epsilon 4\.\d+ .*above the limit 1"):
        tight = make_federation(privacy=noise | {"epsilon": 1.0}, weighting="equal")
        run(task=task, parameters=tight)
    wide = make_federation(privacy=noise | {"epsilon": 100.0}, weighting="equal")
    spent = [one.epsilon for one in run(task=task, parameters=wide).rounds]
    assert spent == [epsilon_of(wide.privacy, number) for number in (1, 2, 3, 4)]
    assert spent == sorted(spent)


def noise(multiplier, delta=1e-5):
    return PrivacyParameters(clipping_norm=1, noise_multiplier=multiplier, delta=delta)


@pytest.mark.parametrize(("multiplier", "delta"), [(0.7, 1e-5), (2.0, 1e-3), (30.0, 1e-9)])
def test_epsilon_is_what_the_privacy_loss_of_gaussian_noise_gives(multiplier, delta):
    # the definition: delta is the mass that one density has above e^epsilon times the other
    rounds = 3
    epsilon, mu = epsilon_of(noise(multiplier, delta), rounds), rounds**0.5 / multiplier
    x = np.linspace(-15, 15 + mu, 2_000_001)
    one, other = (np.exp(-((x - shift) ** 2) / 2) / (2 * np.pi) ** 0.5 for shift in (mu, 0))
    mass = np.trapezoid(np.maximum(one - np.exp(epsilon) * other, 0), x)
    assert mass == pytest.approx(delta, rel=1e-3)


def test_epsilon_grows_with_rounds_falls_with_noise_and_stays_below_the_renyi_bound():
    for multiplier in (0.05, 1.0, 5.0):
        found = [epsilon_of(noise(multiplier), rounds) for rounds in (1, 10, 1000)]
        assert found == sorted(found)
        assert epsilon_of(noise(2 * multiplier), 10) < found[1]
        orders = np.concatenate([1 + np.geomspace(1e-4, 1, 1000), np.geomspace(2, 1e5, 1000)])
        renyi = orders * 10 / (2 * multiplier**2) + np.log(1e5) / (orders - 1)
        assert found[1] < renyi.min()
    assert epsilon_of(noise(1e9), 1) == epsilon_of(noise(1.0), 0) == 0


def test_a_site_that_does_not_clip_or_weighs_more_is_refused(monkeypatch):
    from sen2naip_sr.federated import client

    parameters = make_federation(privacy=PRIVATE, weighting="equal", rounds=1)
    task = make_task(weighting="equal")
    monkeypatch.setattr(client, "CLIP", "none")
    with pytest.raises(UserError, match=r"a: its change .* not clipped to 0\.01"):
        run(task=task, parameters=parameters)
    lying = make_federation(weighting="equal", rounds=1)  # its sites state their chips
    with pytest.raises(UserError, match="a: it weighs 2, and all sites weigh 1"):
        run(parameters=lying)


def test_a_site_that_clips_refuses_a_server_that_does_not_ask_for_it():
    from small_federation import start_of

    from sen2naip_sr.federated.client import make_client_app
    from sen2naip_sr.federated.grid import LocalGrid
    from sen2naip_sr.federated.server import run_rounds

    sites = [replace(site, clip=0.02) for site in make_sites()]
    task = make_task(weighting="equal")
    app = make_client_app(lambda c: sites[int(c.node_config["partition-id"])])
    grid = LocalGrid(app, list("abc"))
    options = {"sites": 3, "names": grid.names, "seed": 0}
    with pytest.raises(UserError, match=r"not clipped to 0.02.*no clipping"):
        run_rounds(grid, task, start_of(task), make_federation(rounds=1), **options)
    private = make_federation(rounds=1, privacy=PRIVATE, weighting="equal")
    assert run_rounds(grid, task, start_of(task), private, **options).rounds[0].aggregated
