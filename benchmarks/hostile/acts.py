"""What is done with an input, in a process of its own."""

import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.hostile import inputs


def work(pipe: Connection) -> None:
    """Handle inputs until there is no more: (kind, folder) in, (outcome, text) out."""
    warnings.simplefilter("ignore")
    import sen2naip_sr as sr

    model = sr.load_model("lean", threads=1)
    pipe.send(("ready", ""))
    while (task := pipe.recv()) is not None:
        kind, folder = task
        for act in (_weights,) if kind == "weights" else (_upscale, _ingest):
            pipe.send(_attempt(act, model, folder))


def _attempt(act: Callable[[Any, Path], None], model: Any, folder: Path) -> tuple[str, str]:
    from sen2naip_sr.errors import UserError

    try:
        act(model, folder)
    except UserError as error:
        return "refused", f"{error.code}: {error.problem[:200]}"
    except BaseException:
        return "traceback", traceback.format_exc()
    return "worked", ""


def _upscale(model: Any, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("scene", *inputs.VARIANTS, "0.vrt")) and len(path.suffixes) == 1:
            model.upscale(path, folder.parent / "out" / "result.tif", overwrite=True)


def _ingest(model: Any, folder: Path) -> None:
    from sen2naip_sr.sources.directory import DirectorySource
    from sen2naip_sr.sources.ingest import Ingestion
    from sen2naip_sr.sources.parameters import IngestionParameters

    given = {"source": "directory", "path": str(folder), "chip_size": 32, "value_range": (0, 255)}
    Ingestion(DirectorySource(folder), IngestionParameters(**given)).make(
        folder.parent / "out" / "store"
    )


def _weights(model: Any, folder: Path) -> None:
    import numpy as np

    import sen2naip_sr as sr

    other = sr.load_model(folder / "w.safetensors", threads=1)
    other.upscale(np.full((4, 16, 16), 9, "uint8"))
