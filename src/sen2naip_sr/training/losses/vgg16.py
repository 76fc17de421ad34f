"""Perceptual loss: the distance between features of VGG16.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", https://arxiv.org/abs/1603.08155, equation 2; used for super-resolution too by
Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network", https://arxiv.org/abs/1609.04802, equation 5.

As in both papers, the loss is the mean squared difference of features after a ReLU. What differs:
four layers of VGG16 instead of one, and several three-channel views of the bands.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.vgg16 import LAYERS, Vgg16Features
from sen2naip_sr.training.losses import Loss, Setting
from sen2naip_sr.training.parameters.losses import PerceptualParameters
from sen2naip_sr.training.vgg import load_weights


def build(setting: Setting) -> Loss:
    """Return a `PerceptualLoss` by the parameters of the training, with its errors."""
    return PerceptualLoss(setting.training.perceptual, setting.bands)


class PerceptualLoss(nn.Module):
    """Weighted sum over layers of the mean squared difference of VGG16's features.

    Args:
        parameters: Weights, views and layers.
        bands: Bands of the images.

    Raises:
        UserError: If a view needs a missing band, or the weights are not available.
    """

    def __init__(self, parameters: PerceptualParameters, bands: int) -> None:
        super().__init__()
        _refuse_missing_bands(parameters.triples, bands)
        self.triples = parameters.triples
        self.layers = parameters.layers
        blocks = 1 + max(LAYERS.index(layer) for layer in parameters.layers)
        self.features = Vgg16Features(load_weights(parameters.weights, blocks), blocks)

    def forward(self, prediction: Tensor, truth: Tensor, lr: Tensor) -> Tensor:
        """Return the loss, a scalar, of images (B, C, H, W), float, in [0, 1]; ``lr`` is not used.

        Raises:
            UserError: If the images are too small for the coarsest block.
        """
        self._refuse_small(truth)
        ours = self.features(self._views(prediction))
        with torch.no_grad():
            theirs = self.features(self._views(truth))
        return torch.stack(
            [weight * F.mse_loss(ours[name], theirs[name]) for name, weight in self.layers.items()]
        ).sum()

    def _views(self, images: Tensor) -> Tensor:
        return torch.cat([images[:, list(triple)] for triple in self.triples])

    def _refuse_small(self, images: Tensor) -> None:
        smallest = 2 ** (self.features.blocks - 1)
        if min(images.shape[-2:]) < smallest:
            height, width = images.shape[-2:]
            raise UserError(
                "crop-too-small",
                f"the layers of the loss 'vgg16' need {smallest} pixels a side, and the crops are "
                f"{height} x {width}",
                "choose larger crops, or leave out the last of the layers",
            )


def _refuse_missing_bands(triples: list[tuple[int, int, int]], bands: int) -> None:
    for triple in triples:
        if max(triple) >= bands:
            raise UserError(
                "triple-invalid",
                f"the view {triple} of the loss 'vgg16' needs band {max(triple)}, and the images "
                f"have bands 0 to {bands - 1}",
                "choose views of existing bands, for instance [[0, 0, 0]] for one band",
            )
