"""Flower's strategies by name."""

import flwr.serverapp.strategy as flower
from flwr.serverapp.strategy import FedAvg

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.client import ARRAYS, CONFIG, EXAMPLES
from sen2naip_sr.federated.parameters import StrategyParameters

WHOLE = {"num_malicious_nodes"}
"""Arguments that are whole numbers."""


def make_strategy(parameters: StrategyParameters, clients: int, *, evaluate: bool) -> FedAvg:
    """Return a strategy.

    Args:
        parameters: Its name and arguments.
        clients: The sites of a round.
        evaluate: Whether sites evaluate as well.

    Raises:
        UserError: If it needs more sites.
    """
    require_sites(parameters, clients)
    given = {
        name: int(value) if name in WHOLE else value for name, value in parameters.complete.items()
    }
    # as many nodes as are asked for: Flower takes the larger of a share of them and the minimum
    return getattr(flower, parameters.name)(
        fraction_train=1e-9,
        min_train_nodes=clients,
        min_available_nodes=clients,
        fraction_evaluate=1.0 if evaluate else 0.0,
        min_evaluate_nodes=1,
        weighted_by_key=EXAMPLES,
        arrayrecord_key=ARRAYS,
        configrecord_key=CONFIG,
        **given,
    )


def require_sites(parameters: StrategyParameters, clients: int) -> None:
    """Check that a strategy can do with so many sites a round.

    Krum bears m malicious sites of 2 m + 3 (Blanchard et al. 2017, "Machine Learning with
    Adversaries", https://arxiv.org/abs/1703.02757); a trimmed mean has to cut off one at least.

    Raises:
        UserError: If it cannot.
    """
    given, needed = parameters.complete, 1
    if parameters.name == "Krum":
        needed = 2 * int(given["num_malicious_nodes"]) + 3
    elif parameters.name == "FedTrimmedAvg" and not 0 < given["beta"] < 0.5:
        raise UserError(
            "trimmed-share-invalid",
            f"the trimmed mean cuts off a share above 0 and below 0.5, not {given['beta']:g}",
            "choose another share",
        )
    elif parameters.name == "FedTrimmedAvg":
        needed = next(n for n in range(1, 10**6) if int(given["beta"] * n) > 0)
    if clients < needed:
        raise UserError(
            "too-few-sites-for-strategy",
            f"{parameters.name} with these arguments needs {needed} sites a round, and there are "
            f"{clients}",
            "choose FedMedian, other arguments, or more sites",
        )
