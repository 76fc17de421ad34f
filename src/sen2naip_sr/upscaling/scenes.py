"""The scenes of a batch, and where each result goes."""

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sen2naip_sr.errors import UserError

SUFFIXES = (".tif", ".tiff")
RESULT = "_x2"
INTERVAL = "_x2_interval"


@dataclass(frozen=True)
class Job:
    """A scene (``source``) and where its result goes (``target``)."""

    source: Path
    target: Path

    @property
    def interval(self) -> Path:
        """Where the half-widths of the intervals go."""
        stem = self.target.stem
        stem = stem.removesuffix(RESULT) + INTERVAL if stem.endswith(RESULT) else f"{stem}_interval"
        return self.target.with_name(f"{stem}.tif")


def find_jobs(source: str, output: Path | None, shard: str | None = None) -> list[Job]:
    """Return the scenes and their results, in the same order on every machine.

    Earlier results (``*_x2.tif``) in a folder of scenes are left out.

    Args:
        source: A file, a folder or a glob pattern.
        output: A folder, a ``.tif`` for a single scene, or None: beside each scene.
        shard: ``i/n`` for every n-th scene, beginning with the i-th.

    Raises:
        UserError: If there is no scene, or two scenes would have the same result.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        root, found = path, _images(path.rglob("*"))
    elif path.exists() or not glob.has_magic(source):
        root, found = path.parent, [path]
    else:
        found = _images(map(Path, glob.glob(str(path), recursive=True)))
        root = _common_folder(found)
    if not found:
        raise UserError(
            "no-rasters",
            f"{source}: there is no GeoTIFF",
            f"give files that end in {' or '.join(SUFFIXES)}",
        )
    if output is not None and _is_raster(output) and not path.is_file():
        raise UserError(
            "output-is-file",
            f"{output}: one file cannot hold several scenes",
            "give a folder as the output",
        )
    jobs = [Job(file, result_path(file, output, root)) for file in found]
    _require_distinct(jobs)
    if shard is None:
        return jobs
    part, parts = map(int, shard.split("/"))
    return jobs[part - 1 :: parts]


def _images(paths: Iterable[Path]) -> list[Path]:
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in SUFFIXES
        and not path.stem.endswith((RESULT, INTERVAL))
        and not path.name.startswith(".")
        and path.is_file()
    )


def _common_folder(files: list[Path]) -> Path:
    folders = [file.parent for file in files]
    while len(set(folders)) > 1:
        deepest = max(len(folder.parts) for folder in folders)
        folders = [f.parent if len(f.parts) == deepest else f for f in folders]
    return folders[0] if folders else Path()


def result_path(scene: Path, output: Path | None, root: Path | None = None) -> Path:
    """Return where the result of a scene goes.

    Args:
        scene: The scene.
        output: A folder, a ``.tif``, or None: beside the scene.
        root: The folder whose structure is kept in the output folder. None: that of the scene.
    """
    name = f"{scene.stem}{RESULT}.tif"
    if output is None:
        return scene.with_name(name)
    if _is_raster(output):
        return output
    return output / scene.parent.relative_to(root or scene.parent) / name


def _is_raster(output: Path) -> bool:
    return output.suffix.lower() in SUFFIXES and not output.is_dir()


def _require_distinct(jobs: list[Job]) -> None:
    first: dict[Path, Path] = {}
    for job in jobs:
        if job.target in first:
            raise UserError(
                "outputs-collide",
                f"{first[job.target]} and {job.source} would both become {job.target}",
                "rename one of them, or upscale them one by one",
            )
        first[job.target] = job.source
