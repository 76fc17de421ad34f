"""Published weights of other projects: found by path or address, and checked."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch
from torch import Tensor

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.perceptual.parameters import FeatureParameters
from sen2naip_sr.files import write_atomically

WAIT = 20.0
"""Seconds until a server that does not answer is given up."""


class MissingError(Exception):
    """What a metric needs is not there; the message says what and why."""


def locate_weights(network: str, given: FeatureParameters) -> Path:
    """Return the file of weights; one that is given by its address is downloaded once.

    Args:
        network: What the weights are of, for messages.
        given: Where they are.

    Raises:
        MissingError: If none are given, or the file is not there, or not to be had.
        UserError: If it has another checksum, or an address comes without one.
    """
    if given.weights is None:
        raise MissingError(f"no weights of {network} are given")
    path = Path(given.weights).expanduser()
    if "://" in given.weights:
        path = _download(network, given)
    if not path.is_file():
        raise MissingError(f"there is no file {path} with the weights of {network}")
    if given.sha256:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != given.sha256.lower():
            raise UserError(
                "feature-weights-differ",
                f"{path}: its SHA-256 is {digest}, not the one that is given for {network}",
                "give the published file, or the checksum of yours",
            )
    return path


def read_state(
    network: str, path: Path, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Read the tensors of these names and shapes from a file that may hold others too.

    Raises:
        UserError: If it cannot be read, or lacks one.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = {name: state[name] for name in shapes}
        problem = next((n for n, s in shapes.items() if tuple(found[n].shape) != s), None)
    except Exception as error:  # what torch raises for a damaged file is not specified
        raise _not_of(network, path, str(error)) from error
    if problem:
        raise _not_of(network, path, f"'{problem}' is {tuple(found[problem].shape)}")
    return found


def _not_of(network: str, path: Path, reason: str) -> UserError:
    return UserError(
        "feature-weights-damaged",
        f"{path}: cannot be read as the weights of {network}: {reason}",
        "give the published file",
    )


def _download(network: str, given: FeatureParameters) -> Path:
    address = given.weights or ""
    if not given.sha256 or not address.startswith("https://"):
        raise UserError(
            "feature-weights-unchecked",
            f"{address}: weights of {network} from an address need https and a SHA-256",
            "give the checksum, or fetch the file and give its path",
        )
    path = Path(torch.hub.get_dir()) / "checkpoints" / f"{given.sha256.lower()[:16]}.pth"
    if not path.is_file():
        try:
            with urlopen(address, timeout=WAIT) as answer:
                content = answer.read()
        except (URLError, OSError) as error:
            raise MissingError(
                f"the weights of {network} could not be fetched from {address}: {error}"
            ) from error
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return path
