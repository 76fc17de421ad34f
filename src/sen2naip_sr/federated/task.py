"""What a server asks of its sites: one network, one recipe, one training."""

from typing import Any

from pydantic import Field

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.parameters.losses import ADVERSARIAL

OPTIMIZERS = ("torch.optim.", "sen2naip_sr.")
"""Where a site loads optimisers from: a server must not name a module of its own."""


class Task(Parameters):
    """A federated training, as the server describes it to its sites."""

    architecture: str
    """The network's name."""
    architecture_parameters: dict[str, Any]
    """Its parameters."""
    bands: int = Field(ge=1)
    """Bands of the images."""
    recipe: str
    """The id of the recipe that made the LR images."""
    value_range: tuple[float, float]
    """Digital numbers that become 0 and 1."""
    training: TrainingParameters
    """The training over all rounds: its schedule covers them, and its steps are counted on."""
    local_steps: int = Field(ge=1)
    """Steps of a round."""
    keep_optimizer: bool = False
    """Whether sites keep the state of their optimiser."""
    weighting: str = "chips"
    """What a site weighs: its ``chips``, or as much as any other: ``equal``."""


def check_task(task: Task) -> None:
    """Check that a training can be federated.

    Raises:
        UserError: If it cannot.
    """
    training = task.training
    if ADVERSARIAL in training.losses:
        raise UserError(
            "federated-adversarial",
            "an adversarial training is not federated: its discriminators would stay at the sites",
            "leave out the adversarial loss",
        )
    if training.mixture is not None:
        raise UserError(
            "federated-mixture",
            "a federated training takes no further imagery: sites train on what they hold",
            "leave out the mixture",
        )
    if not training.optimizer.path.startswith(OPTIMIZERS):
        raise UserError(
            "federated-optimizer",
            f"sites do not load the optimiser {training.optimizer.path}",
            "choose one of torch.optim or of this project",
        )
    if training.balance != "fixed" or training.batch_growth.largest > 1:
        raise UserError(
            "federated-adaptive",
            "loss weights and batches that adapt would differ from site to site",
            "keep the weights of the losses fixed, and the batch as it is",
        )
