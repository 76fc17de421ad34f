"""Differential privacy of sites: Flower's wrapper, and what all rounds together promise."""

import math

from flwr.serverapp.strategy import DifferentialPrivacyClientSideFixedClipping, FedAvg, Strategy
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.parameters import PrivacyParameters


def make_private(
    strategy: FedAvg, privacy: PrivacyParameters, clients: int, rounds: int
) -> Strategy:
    """Return a strategy that adds noise to the mean of clipped changes.

    Sites have to clip: see `sen2naip_sr.federated.client.make_client_app`. What is promised holds
    for a site as a whole: whether it took part.

    Args:
        strategy: A plain mean.
        privacy: Noise and limit.
        clients: The sites of a round.
        rounds: All rounds.

    Raises:
        UserError: If the limit of epsilon cannot be met.
    """
    needed = epsilon_of(privacy, rounds)
    if privacy.epsilon is not None and needed > privacy.epsilon:
        raise UserError(
            "epsilon-not-met",
            f"{rounds} rounds with a noise multiplier of {privacy.noise_multiplier:g} give "
            f"epsilon {needed:.3g} at delta {privacy.delta:g}, above the limit {privacy.epsilon:g}",
            "add more noise, take fewer rounds, or allow a larger epsilon",
        )
    return DifferentialPrivacyClientSideFixedClipping(
        strategy, privacy.noise_multiplier, privacy.clipping_norm, clients
    )


def epsilon_of(privacy: PrivacyParameters, rounds: int) -> float:
    """Return the epsilon of rounds together, without amplification by sampling.

    It is exact: T rounds with a noise of z clipping norms are one Gaussian mechanism with
    mu = sqrt(T) / z, whose delta at an epsilon is known (Dong, Roth and Su 2022, "Gaussian
    Differential Privacy", https://arxiv.org/abs/1905.02383, corollaries 2.13 and 3.3).

    Args:
        privacy: Noise and delta.
        rounds: The rounds whose noisy means were given away.
    """
    mu = math.sqrt(rounds) / privacy.noise_multiplier
    if delta_of(mu, 0.0) <= privacy.delta:
        return 0.0
    # a bound by concentrated differential privacy: Bun and Steinke 2016, proposition 1.3
    largest = mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / privacy.delta))
    return float(brentq(lambda epsilon: delta_of(mu, epsilon) - privacy.delta, 0.0, largest))


def delta_of(mu: float, epsilon: float) -> float:
    """Return the delta of a Gaussian mechanism whose sensitivity is mu standard deviations."""
    if mu == 0:
        return 0.0
    first = ndtr(mu / 2 - epsilon / mu)
    return float(first - math.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu)))
