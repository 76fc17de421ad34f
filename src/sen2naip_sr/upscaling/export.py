"""A network with weights as an ONNX file that says what they are."""

from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.onnx import export_onnx
from sen2naip_sr.weights.finding import find_weights
from sen2naip_sr.weights.foreign.stated import properties_for_deepness

SMALLEST_SIDE, LARGEST_SIDE = 16, 4096


def export_model(  # noqa: PLR0913 - the last three are keywords
    model: str,
    weights: Path | None,
    path: Path,
    *,
    side: int | None = None,
    resolution: float = 1000,
    overwrite: bool,
) -> float | None:
    """Write a network as ONNX, checked against torch; see `export_onnx`.

    A network with conditions is written as it is for clean images made by the recipe. The file has
    the properties by which Deepness (QGIS) knows it; Deepness loads files of one size only.

    Args:
        model: The name of shipped weights.
        weights: A weights file instead.
        path: The ONNX file.
        side: Rows and columns of the only images that it takes; None: any number.
        resolution: Pixel size, in cm, that Deepness brings a layer to.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The largest difference to torch, of the range; None if ONNX Runtime is not installed.

    Raises:
        UserError: As `export_onnx` and `find_weights` do; or if the side is out of range, or no
            multiple of what the network needs.
    """
    found = find_weights(model, weights)
    known = found.metadata
    network = found.build()
    multiple = int(getattr(network, "multiple", 1))
    if side is not None and (not SMALLEST_SIDE <= side <= LARGEST_SIDE or side % multiple):
        raise UserError(
            "tile-invalid",
            f"a side of {side} pixels",
            f"give a multiple of {multiple} from {SMALLEST_SIDE} to {LARGEST_SIDE}",
        )
    properties = {
        **properties_for_deepness(known.bands, resolution=resolution, tile=side),
        "model": found.name,
        "weights": found.label,
        "recipe": known.recipe,
        "value_range": list(known.value_range),
        "input": "(digital number - low) / (high - low) of the value range",
    }
    if found.conditioned:
        properties["conditions"] = "those of a clean image made by the recipe"
    return export_onnx(
        network,
        path,
        bands=known.bands,
        properties=properties,
        side=side,
        overwrite=overwrite,
    )
