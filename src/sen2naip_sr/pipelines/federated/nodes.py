"""The node of federated training. Heavy imports are inside the function."""

from typing import TYPE_CHECKING, Any

from sen2naip_sr.federated.parameters import FederatedParameters
from sen2naip_sr.pipelines.experiments.nodes import Made, made, tracked

if TYPE_CHECKING:
    from sen2naip_sr.experiments.running.setting import Setting
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    Setting = Any


def federate(parameters: FederatedParameters, setting: Setting, *, experiment: str) -> Made:
    """Train over sites, and compare that with each site alone and with all data together."""
    from sen2naip_sr.federated.experiment.running import compare_federated

    return made(compare_federated(parameters, setting, tracked(experiment)))
