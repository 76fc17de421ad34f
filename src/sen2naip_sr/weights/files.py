"""Weights files: safetensors with metadata on what they are and how they were trained."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from safetensors import SafetensorError, safe_open
from torch import Size, Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.packed import Layouts, pack, unpack
from sen2naip_sr.weights.plausible import DTYPES, TooLargeError, shapes_of
from sen2naip_sr.weights.seen import Seen

METADATA_KEY = "sen2naip_sr"
"""The entry of the safetensors header that holds a `WeightsMetadata` as JSON."""
LARGEST = 2**30
"""Bytes of a weights file."""
NAMED_AT_MOST = 4
_ANOTHER = "use a weights file of this version of the project, or train the model anew"


class WeightsMetadata(BaseModel):
    """The metadata of a weights file.

    Attributes:
        architecture: Name in `sen2naip_sr.models.registry.MODELS`.
        architecture_parameters: Parameters that build it.
        bands: Number of image bands.
        recipe: Id of the recipe that made the LR images.
        value_range: Digital numbers that become 0 and 1.
        dtype: NumPy's name of the data's dtype.
        data_hash: Hash of the chips.
        split_hash: Hash of the split.
        train_places: Training places.
        validation_psnr: Mean PSNR of the validation chips, dB.
        step: The training step of the weights.
        training: The parameters of the training.
        version: Version of this project.
        synthetic: Whether the imagery was generated rather than observed.
        started_from: Label of the initial weights; None: random weights.
        commit: The project's git commit; None: unknown.
        imagery_hash: Hash of the imagery of the training's mixture; None: there was none.
        code: Hash of the code of the training; None: not recorded.
        seen: The imagery as content, that of the initial weights included; None: not recorded.
        packed: How the tensors of a file are stored in fewer bytes; None once they are read.
    """

    model_config = ConfigDict(frozen=True)

    architecture: str
    architecture_parameters: dict[str, Any]
    bands: int
    recipe: str
    value_range: tuple[float, float]
    dtype: str
    data_hash: str
    split_hash: str
    train_places: list[str]
    validation_psnr: float
    step: int
    training: dict[str, Any]
    version: str
    synthetic: bool
    started_from: str | None = None
    commit: str | None = None
    imagery_hash: str | None = None
    code: str | None = None
    seen: Seen | None = None
    packed: Layouts | None = None

    @field_validator("value_range")
    @classmethod
    def _range_rises(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if not (isfinite(ends[0]) and isfinite(ends[1]) and ends[0] < ends[1]):
            raise ValueError(f"{ends} is no range")
        return ends


@dataclass(frozen=True)
class Weights:
    """A weights file in memory.

    Attributes:
        metadata: The metadata.
        state: The tensors by name, on the CPU.
        source: The file, for messages.
        shipped_as: The name under which they are shipped with the project; None: they are not.
        packed: Whether the file holds the tensors in fewer bytes, see `sen2naip_sr.weights.packed`.
        new: Whether this run trained them.
    """

    metadata: WeightsMetadata
    state: dict[str, Tensor]
    source: str
    shipped_as: str | None = None
    packed: bool = False
    new: bool = False

    @property
    def shipped(self) -> bool:
        """Whether they are shipped with the project."""
        return self.shipped_as is not None

    @property
    def name(self) -> str:
        """The name under which they are shipped; else that of the architecture."""
        return self.shipped_as or self.metadata.architecture

    @property
    def label(self) -> str:
        """Architecture, step and the first digits of the tensors' SHA-256."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state.items()):
            digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
        return f"{self.metadata.architecture}, step {self.metadata.step}, {digest.hexdigest()[:12]}"

    @property
    def quantised(self) -> bool:
        """Whether they were trained to be computed in 8 bits."""
        return bool(self.metadata.architecture_parameters.get("quantised"))

    @property
    def conditioned(self) -> bool:
        """Whether the network can be told an image's noise, blur and compression."""
        return bool(self.metadata.architecture_parameters.get("conditions"))

    def build(self, conditions: Conditions | None = None) -> nn.Module:
        """Return a network with these weights, in eval mode, on the CPU.

        Args:
            conditions: What is known about the image, folded into the weights. They have no effect
                on weights that are not `conditioned`. None: those of a clean image made by the
                recipe.

        Raises:
            UserError: If the architecture is unknown or the weights do not fit it.
        """
        known = self.metadata
        parameters = known.architecture_parameters
        try:
            # whatever the header asks for, nothing is built that the tensors could not fill
            self._require_fit(shapes_of(known.architecture, known.bands, parameters, self.state))
            model = build_model(known.architecture, known.bands, **parameters)
        except (UserError, TooLargeError) as error:
            if isinstance(error, UserError) and error.code == "weights-misfit":
                raise
            problem = getattr(error, "problem", f"the architecture does not fit: {error}")
            raise UserError("weights-misfit", f"{self.source}: {problem}", _ANOTHER) from error
        self.load_into(model)
        if isinstance(model, Lean):
            model = model.under(conditions or Conditions.of_recipe(known.bands))
        return model.eval()

    def load_into(self, model: nn.Module) -> None:
        """Load these weights into a network of the same architecture and size.

        Raises:
            UserError: If the weights do not fit; it names those that do not.
        """
        self._require_fit({name: tensor.shape for name, tensor in model.state_dict().items()})
        model.load_state_dict(self.state)

    def _require_fit(self, shapes: Mapping[str, Size]) -> None:
        if problems := _misfits(shapes, self.state):
            more = len(problems) - NAMED_AT_MOST
            listed = "; ".join(problems[:NAMED_AT_MOST]) + (f"; and {more} more" * (more > 0))
            raise UserError(
                "weights-misfit",
                f"{self.source}: the weights do not fit the architecture "
                f"'{self.metadata.architecture}' that the file names: {listed}",
                _ANOTHER,
            )


def save_weights(
    path: Path, state: dict[str, Tensor], metadata: WeightsMetadata, *, packed: bool = False
) -> None:
    """Write weights and metadata as a whole or not at all; the folder is made.

    Args:
        path: The file.
        state: The tensors by name, on any device.
        metadata: What they are.
        packed: Write the tensors in fewer bytes, without loss; `load_weights` reads both.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    if packed:
        tensors, layouts = pack(tensors)
        metadata = metadata.model_copy(update={"packed": layouts})
    # one entry: those of safetensors have no order, and equal weights are equal files
    header = {METADATA_KEY: metadata.model_dump_json()}
    write_atomically(path, safetensors.torch.save(tensors, header))


def load_weights(path: Path) -> Weights:
    """Read a weights file.

    Raises:
        UserError: If it is missing, damaged or not made by this project.
    """
    if not path.is_file():
        raise UserError(
            "weights-missing",
            f"{path}: there is no such weights file",
            "check the path, or train first",
        )
    try:
        if path.stat().st_size > LARGEST:
            raise _damaged(path, f"it is larger than {LARGEST // 2**20:,} MB")
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            state = {name: stream.get_tensor(name) for name in stream.keys()}
    except (SafetensorError, OSError, ValueError, AttributeError) as error:
        # the last two: dtypes that torch does not know
        raise _damaged(path, str(error)) from error
    metadata = _metadata(path, header)
    try:
        state = unpack(state, metadata.packed or {})
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if strange := [name for name, tensor in state.items() if tensor.dtype not in DTYPES]:
        raise _damaged(path, f"'{strange[0]}' is {state[strange[0]].dtype}")
    packed = metadata.packed is not None
    return Weights(metadata.model_copy(update={"packed": None}), state, str(path), packed=packed)


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        "weights-damaged",
        f"{path} is damaged or no safetensors file ({reason})",
        "fetch or train it again",
    )


def _metadata(path: Path, header: dict[str, str]) -> WeightsMetadata:
    if METADATA_KEY not in header:
        raise UserError(
            "weights-foreign",
            f"{path}: these weights were not made by sen2naip_sr",
            "give weights that this project wrote",
        )
    try:
        return WeightsMetadata.model_validate_json(header[METADATA_KEY])
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc'])) or 'metadata'}: {p['msg']}" for p in error.errors()
        )
        raise UserError(
            "weights-metadata-damaged",
            f"{path}: its metadata cannot be read: {problems}",
            "give weights that this project wrote",
        ) from error


def _misfits(expected: Mapping[str, Size], found: dict[str, Tensor]) -> list[str]:
    missing = [f"'{name}' is missing" for name in expected.keys() - found.keys()]
    surplus = [f"'{name}' is unknown" for name in found.keys() - expected.keys()]
    shapes = [
        f"'{name}' is {tuple(found[name].shape)} instead of {tuple(shape)}"
        for name, shape in expected.items()
        if name in found and found[name].shape != shape
    ]
    return sorted(missing) + sorted(surplus) + shapes
