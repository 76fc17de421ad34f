"""Parameters of federated training. Imports neither torch nor Flower."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sen2naip_sr.experiments.running.parameters import ExperimentParameters, without_nulls
from sen2naip_sr.parameters import Parameters, describe_unknown, known_as

STRATEGIES: dict[str, dict[str, float]] = {
    "FedAvg": {},
    "FedProx": {"proximal_mu": 0.01},
    "FedAvgM": {"server_learning_rate": 0.5, "server_momentum": 0.5},
    # a beta_1 of 0.9 keeps the server moving while the sites' learning rate falls to zero, which
    # loses what was gained; Yogi does not correct its first rounds, which are longer than Adam's
    "FedAdam": {"eta": 0.02, "beta_1": 0.5, "beta_2": 0.99, "tau": 0.001},
    "FedYogi": {"eta": 0.005, "beta_1": 0.5, "beta_2": 0.99, "tau": 0.001},
    "FedMedian": {},
    "FedTrimmedAvg": {"beta": 0.2},
    "Krum": {"num_malicious_nodes": 1},
}
"""Flower's strategies by name, with their arguments and this project's defaults."""
PRIVATE = ("FedAvg", "FedProx")
"""Strategies whose result is a plain mean, which the noise of differential privacy is made for."""

SiteName = Annotated[str, Field(pattern=r"^\w[\w .-]*$")]
"""A name that is valid as a folder and in MLflow."""


class StrategyParameters(Parameters):
    """How the server makes one network of those that sites send."""

    name: Annotated[str, known_as("strategy", STRATEGIES)] = "FedAvg"
    """FedAvg: their mean; FedProx: the same, and sites are held near the server's network; FedAvgM,
    FedAdam, FedYogi: the mean is a step of an optimiser on the server; FedMedian, FedTrimmedAvg,
    Krum: bear sites that send anything."""
    arguments: dict[str, float] = Field(default_factory=dict)
    """Arguments of the strategy that differ. FedProx: proximal_mu. FedAvgM: server_learning_rate,
    server_momentum. FedAdam, FedYogi: eta (the server's learning rate), beta_1, beta_2, tau.
    FedTrimmedAvg: beta, the share that is cut off at either end. Krum: num_malicious_nodes."""

    @model_validator(mode="after")
    def _arguments_exist(self) -> Self:
        known = list(STRATEGIES[self.name])
        for name in self.arguments:
            if name not in known:
                raise ValueError(describe_unknown(f"argument of {self.name}", name, known))
        return self

    @property
    def complete(self) -> dict[str, float]:
        """All arguments."""
        return STRATEGIES[self.name] | self.arguments


class PrivacyParameters(Parameters):
    """Differential privacy of sites: their changes are clipped, and the server adds noise."""

    clipping_norm: float = Field(gt=0)
    """The largest L2 norm of a site's change of the weights; sites clip to it themselves."""
    noise_multiplier: float = Field(gt=0)
    """Standard deviation of the noise on the sum of changes, in clipping norms."""
    delta: float = Field(default=1e-5, gt=0, lt=1)
    """The probability with which the promise may be broken."""
    epsilon: float | None = Field(default=None, gt=0)
    """The largest epsilon; a training that would exceed it is refused. Null: no limit."""


class FederationParameters(Parameters):
    """Rounds of a federated training, and what a round takes."""

    strategy: StrategyParameters = StrategyParameters()
    """How weights of sites become the server's."""
    rounds: int = Field(default=5, ge=1)
    """Rounds: in each, sites train from the server's weights, and send theirs."""
    local_steps: int = Field(default=20, ge=1)
    """Steps of a site in a round."""
    clients: int | None = Field(default=None, ge=1)
    """Sites that train in a round, drawn anew for each; null: all."""
    quorum: float = Field(default=0.5, gt=0, le=1)
    """The smallest share of the round's sites whose weights must arrive and be usable. A round
    with fewer changes nothing."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which a site's answer is too late; null: no limit within one process, an hour
    over a network. What arrives in time depends on the machine, so results do too."""
    weighting: Literal["chips", "equal"] = "chips"
    """What a site weighs in a mean: chips: its number of training chips, as it states it; equal:
    as much as any other."""
    largest_update: float | None = Field(default=10.0, gt=1)
    """A site whose change of the weights is longer than so many times the round's median is
    refused (of three sites or more); null: no limit."""
    keep_optimizer: bool = False
    """Sites keep the state of their optimiser from round to round, in a folder of theirs; false:
    each round starts with a new one."""
    evaluate_every: int = Field(default=1, ge=1)
    """Rounds between evaluations of the server's network by the sites, on chips they hold out."""
    privacy: PrivacyParameters | None = None
    """Differential privacy; null: none."""

    @model_validator(mode="after")
    def _noise_fits_the_mean(self) -> Self:
        if self.privacy is None:
            return self
        if self.strategy.name not in PRIVATE:
            raise ValueError(
                f"privacy: the noise is made for the mean of {' and '.join(PRIVATE)}, not for "
                f"{self.strategy.name}"
            )
        if self.weighting != "equal":
            raise ValueError("privacy: sites must weigh the same: set weighting to equal")
        return self


Compared = Literal["iid", "alone", "central", "synchronous"]


class FederatedParameters(ExperimentParameters, FederationParameters):
    """A federated training, and what it is compared with."""

    start_from: str | None = None
    """A weights file to start from, or ``shipped``; null: random weights."""
    architecture: dict[str, Any] | None = None
    """The architecture's parameters; null: the network's own."""
    sites: dict[SiteName, list[str] | None] = Field(default_factory=dict)
    """Places of each site, by its name; places of training that no site has take no part. Null
    removes a site that another file names. Empty: each training place is a site."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """The share of each site's locations that nobody trains on, for the scores by site."""
    fewest_chips: int = Field(default=2, ge=1)
    """Training chips that a site must have at least."""
    compare: list[Compared] = Field(default=["iid", "alone", "central", "synchronous"])
    """Trainings beside the federated one. iid: federated, the same chips dealt to the sites at
    random; alone: each site alone, as many steps; central: all chips together, as many steps with
    the batches of all sites, the upper bound; synchronous: the same with one step a round, which
    takes as much communication."""

    @field_validator("sites", mode="before")
    @classmethod
    def _nulls_remove(cls, values: Any) -> Any:
        return without_nulls(values)
