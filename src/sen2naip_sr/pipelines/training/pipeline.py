"""The pipeline of training."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.grouping import grouped
from sen2naip_sr.pipelines.training.nodes import train_network


def create_pipeline(model: str, generators: Sequence[str] = ()) -> Pipeline:
    """Return the pipeline that trains one network.

    Args:
        model: The network's name in `sen2naip_sr.models.networks.NETWORKS`; its parameters are
            ``params:<model>``, its outputs ``<model>.weights`` and ``<model>.history``.
        generators: Networks whose weights an adversarial training can start from.
    """
    train = update_wrapper(partial(train_network, architecture=model), train_network)
    chips = {"hr": "hr", "lr": "lr", "splits": "splits"}
    own = {
        "parameters": f"params:{model}",
        "checkpoint": f"{model}.checkpoint",
        "folder": f"{model}.folder",
        "force": "params:force",
    }
    return grouped(
        "training",
        [
            Node(
                train,
                {**chips, **own, **{name: f"{name}.weights" for name in generators}},
                [f"{model}.weights", f"{model}.history"],
                name=f"train_{model}",
            )
        ],
        tags=["training", model],
    )
