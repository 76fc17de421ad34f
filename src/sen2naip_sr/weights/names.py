"""The names of the weights that come with the project. Imports no torch."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Contains ``<name>.safetensors``, its model card ``<name>.md`` and its calibration."""
SUFFIX = ".safetensors"
FOREIGN = (".onnx", ".yaml", ".yml")
"""Networks of other projects, and their descriptions."""
DEFAULT, FAST, BEST = "default", "fast", "best"
"""The weights that are used if none are named, smaller and faster ones, and larger, slower ones."""
GENERAL = (DEFAULT, FAST, BEST)
"""Those that were trained on varied imagery. They are listed first."""


def shipped_names() -> tuple[str, ...]:
    """Return the names of all shipped weights: `GENERAL` first."""
    found = {file.stem for file in FOLDER.glob("*" + SUFFIX)}
    first = tuple(name for name in GENERAL if name in found)
    return first + tuple(sorted(found - set(first)))
