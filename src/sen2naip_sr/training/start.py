"""The weights that a training starts from."""

from collections.abc import Mapping
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.networks.gan import GANParameters
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import load_shipped


def starting_weights(
    architecture: str,
    parameters: NetworkParameters,
    generators: Mapping[str, Weights | None] | None = None,
) -> Weights | None:
    """Return the weights to start from, if any; for an adversarial training, a generator's.

    Raises:
        UserError: If they are missing.
    """
    if parameters.start_from == "shipped":
        if shipped := load_shipped(architecture):
            return shipped
        raise UserError(
            "no-shipped-weights",
            f"no weights of '{architecture}' are shipped",
            "start from no weights",
        )
    if parameters.start_from:
        return load_weights(Path(parameters.start_from))
    if not generators:
        return None
    generator = parameters.architecture.get("generator", GANParameters().generator)
    if found := generators.get(generator):
        return found
    raise UserError(
        "generator-missing",
        f"there are no weights of '{generator}' to start the adversarial training from",
        f"train a '{generator}' first",
    )


def refuse_unfit(start: Weights, architecture: str, bands: int) -> None:
    """Refuse weights of another network or of other bands; the GAN takes a generator's too.

    Raises:
        UserError: If they do not fit.
    """
    theirs = start.metadata
    if architecture not in (theirs.architecture, "gan"):
        raise UserError(
            "start-architecture-differs",
            f"{start.source}: these are weights of '{theirs.architecture}', and a training of "
            f"'{architecture}' cannot start from them",
            f"start from weights of '{architecture}', or from none",
        )
    if theirs.bands != bands:
        raise UserError(
            "start-bands-differ",
            f"{start.source}: these are weights for images of {theirs.bands} bands, and the data "
            f"have {bands}",
            "start from weights of such images, or choose other bands",
        )
