"""The network that parameters name."""

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.upscaling.networks.foreign import Foreign
from sen2naip_sr.upscaling.networks.trained import Trained
from sen2naip_sr.upscaling.parameters import UpscalerParameters
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.finding import find_weights
from sen2naip_sr.weights.foreign.finding import find_foreign, is_foreign

Source = Trained | Foreign
"""What an upscaler computes with."""


def find_network(parameters: UpscalerParameters, weights: Weights | None = None) -> Source:
    """Return the network that parameters name, or that of given weights.

    Raises:
        UserError: If there is none, or it cannot be used here.
    """
    path = parameters.weights
    if weights is None and path is not None and is_foreign(path):
        return Foreign(find_foreign(path), parameters)
    return Trained(weights or find_weights(parameters.model, path), parameters)


def factor_of(parameters: UpscalerParameters, weights: Weights | None = None) -> int:
    """Return the factor of the network that parameters name, before it is loaded.

    Raises:
        UserError: If it is a foreign network that is refused.
    """
    path = parameters.weights
    if weights is None and path is not None and is_foreign(path):
        return find_foreign(path).description.factor
    return SCALE
