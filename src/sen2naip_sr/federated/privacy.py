"""Differential privacy of sites: Flower's wrapper, and its accountant where that is installed."""

import logging
from importlib.util import find_spec
from typing import Any

from flwr.serverapp.strategy import DifferentialPrivacyClientSideFixedClipping, FedAvg, Strategy

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.parameters import PrivacyParameters

ACCOUNTING = "dp_accounting"

logger = logging.getLogger(__name__)


def make_private(
    strategy: FedAvg, privacy: PrivacyParameters, clients: int, sites: int, rounds: int
) -> Strategy:
    """Return a strategy that adds noise to the mean of clipped changes.

    Sites have to clip: see `sen2naip_sr.federated.client.make_client_app`. What is promised holds
    for a site as a whole: whether it took part. Epsilon is of all rounds together, without
    amplification by sampling.

    Raises:
        UserError: If the limit of epsilon cannot be met, or cannot be computed.
    """
    accountant = _accountant(privacy, sites)
    if accountant is None:
        logger.warning(
            "Noise is added, and epsilon is not stated: the package dp-accounting is not installed"
        )
    else:
        _require_epsilon(accountant, privacy, clients, sites, rounds)
        accountant = _accountant(privacy, sites)  # nothing has been spent yet
    return DifferentialPrivacyClientSideFixedClipping(
        strategy,
        privacy.noise_multiplier,
        privacy.clipping_norm,
        clients,
        accountant=accountant,
    )


def epsilon_of(strategy: Strategy) -> float | None:
    """Return the epsilon that a strategy of `make_private` has spent; None: it is not known."""
    spent = getattr(strategy, "privacy_spent", lambda: None)()
    return None if spent is None else float(spent.epsilon)


def _accountant(privacy: PrivacyParameters, sites: int) -> Any:
    if find_spec(ACCOUNTING) is None:
        if privacy.epsilon is None:
            return None
        raise UserError(
            "privacy-package-missing",
            "epsilon cannot be computed, and so no limit of it can be met",
            "install the package dp-accounting, or set no limit",
        )
    from flwr.supercore.privacy_accounting import (
        NeighboringRelation,
        PrivacyConfig,
        SamplingMethod,
    )
    from flwr.supercore.privacy_accounting.rdp_accountant import RdpAccountant

    return RdpAccountant(
        PrivacyConfig(
            target_delta=privacy.delta,
            population_size=sites,
            neighboring_relation=NeighboringRelation.ADD_OR_REMOVE_ONE,
            sampling_method=SamplingMethod.NO_AMPLIFICATION,
            max_epsilon=privacy.epsilon,
        )
    )


def _require_epsilon(
    accountant: Any, privacy: PrivacyParameters, clients: int, sites: int, rounds: int
) -> None:
    from flwr.supercore.privacy_accounting import GaussianPrivacyEvent

    if privacy.epsilon is None:
        return
    event = GaussianPrivacyEvent(
        noise_multiplier=privacy.noise_multiplier, sample_size=clients, population_size=sites
    )
    accountant.compose(event, rounds)
    needed = accountant.get_epsilon(privacy.delta)
    if needed > privacy.epsilon:
        raise UserError(
            "epsilon-not-met",
            f"{rounds} rounds with a noise of {privacy.noise_multiplier:g} clipping norms give "
            f"epsilon {needed:.3g} at delta {privacy.delta:g}, above the limit {privacy.epsilon:g}",
            "add more noise, take fewer rounds, or allow a larger epsilon",
        )
