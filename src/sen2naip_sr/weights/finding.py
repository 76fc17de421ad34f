"""Weights by a file or by the name of what is shipped."""

from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.names import FOLDER, FOREIGN, SUFFIX
from sen2naip_sr.weights.shipped import load_shipped


def find_weights(model: str, path: Path | None) -> Weights:
    """Return the weights of a file, or those that come with the project.

    Raises:
        UserError: If there are none, or the file is damaged or a network of another project.
    """
    if path is not None and path.suffix.lower() in FOREIGN:
        raise UserError(
            "weights-foreign",
            f"{path}: a network of another project, which can only upscale",
            "give weights that this project wrote",
        )
    if path is not None:
        return load_weights(path)
    weights = load_shipped(model)
    if weights is None:
        raise UserError(
            "no-shipped-weights",
            f"no weights of '{model}' are shipped",
            "choose another model, or train this one and give its weights file",
        )
    return weights


def find_named(text: str) -> Weights:
    """Return the weights of a file, or the shipped ones of a name such as ``default``.

    Raises:
        UserError: If there are neither, or the file is damaged.
    """
    named = Path(text).name == text and (FOLDER / f"{text}{SUFFIX}").is_file()
    return (named and load_shipped(text)) or load_weights(Path(text))
