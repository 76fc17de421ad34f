"""The check that a part of a pipeline finds what the other part would have made."""

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from sen2naip_sr.errors import UserError

NEVER_MISSING = ".weights"
"""How names of datasets end that evaluation and upscaling can do without."""


def require_inputs(part: Pipeline, whole: Pipeline, catalog: DataCatalog) -> None:
    """Check that the nodes to run find every dataset that a node left out would have made.

    Args:
        part: The nodes to run.
        whole: The pipeline that they are taken from.
        catalog: The datasets.

    Raises:
        UserError: If one exists in memory only, or has not been made. The message names the nodes
            that make it.
    """
    missing, makers = [], []
    for name in sorted(part.inputs() & whole.all_outputs()):
        dataset = catalog.get(name)
        in_memory = isinstance(dataset, MemoryDataset)
        if not in_memory and (name.endswith(NEVER_MISSING) or catalog.exists(name)):
            continue
        missing.append(f"'{name}' ({'kept in memory only' if in_memory else 'not made yet'})")
        makers += [node.name for node in whole.nodes if name in node.outputs]
    if missing:
        raise UserError(
            "input-left-out",
            f"this part of the pipeline needs {', '.join(missing)}, which nodes make that are "
            "left out",
            f"let these run too: {', '.join(dict.fromkeys(makers))}",
        )
