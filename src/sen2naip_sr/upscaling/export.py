"""A network with weights as an ONNX file that says what they are."""

from pathlib import Path

from sen2naip_sr.inference.onnx import export_onnx
from sen2naip_sr.weights.finding import find_weights


def export_model(model: str, weights: Path | None, path: Path, *, overwrite: bool) -> float | None:
    """Write a network as ONNX, checked against torch; see `export_onnx`.

    A network with conditions is written as it is for clean images made by the recipe.

    Args:
        model: The name of shipped weights.
        weights: A weights file instead.
        path: The ONNX file.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The largest difference to torch, of the range; None if ONNX Runtime is not installed.

    Raises:
        UserError: As `export_onnx` and `find_weights` do.
    """
    found = find_weights(model, weights)
    known = found.metadata
    properties = {
        "model": found.name,
        "weights": found.label,
        "recipe": known.recipe,
        "value_range": list(known.value_range),
        "input": "(digital number - low) / (high - low) of the value range",
    }
    if found.conditioned:
        properties["conditions"] = "those of a clean image made by the recipe"
    return export_onnx(
        found.build(), path, bands=known.bands, properties=properties, overwrite=overwrite
    )
