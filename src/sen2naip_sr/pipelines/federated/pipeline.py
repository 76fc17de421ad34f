"""Wiring of federated training: an experiment like the others."""

from collections.abc import Sequence

from kedro.pipeline import Pipeline

from sen2naip_sr.pipelines.experiments.pipeline import create_experiment
from sen2naip_sr.pipelines.federated.nodes import federate

NAME = "federate"


def create_pipeline(networks: Sequence[str]) -> Pipeline:
    """Return the pipeline of federated training; its parameters are ``params:federate``."""
    return create_experiment(NAME, networks, federate, ("rounds", "figure"))
