"""Wiring of training."""

from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.training.nodes import train_network


def create_pipeline(model: str) -> Pipeline:
    """Return the pipeline that trains one network.

    Args:
        model: The network's name in `sen2naip_sr.models.registry.MODELS`; its parameters are
            ``params:<model>``, its outputs ``<model>.weights`` and ``<model>.history``.
    """
    train = update_wrapper(partial(train_network, architecture=model), train_network)
    return Pipeline(
        [
            Node(
                train,
                inputs=["hr", "lr", "splits", f"params:{model}", f"{model}.checkpoint"],
                outputs=[f"{model}.weights", f"{model}.history"],
                name=f"train_{model}",
            )
        ],
        tags=["training", model],
    )
