"""The scenes of a batch, and where each result goes."""

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.finding import (
    IN_FOLDERS,
    ITEM,
    READABLE,
    find_rasters,
    whole_sources,
)
from sen2naip_sr.raster.access.locations import STREAMS, is_elsewhere, locate
from sen2naip_sr.raster.products.finding import ByName, find_product
from sen2naip_sr.raster.products.kinds.stac import LINK
from sen2naip_sr.raster.products.kinds.stack import PREFIX
from sen2naip_sr.raster.products.product import Product
from sen2naip_sr.raster.protocol import FACTOR

RESULTS = (".tif", ".tiff")
RESULT = "_x2"
INTERVAL = "_x2_interval"
_OTHER_RESULT = re.compile(r"(.+)_x(?:[3-9]|1[0-6])")


@dataclass(frozen=True)
class Job:
    """A scene and where its result goes.

    Attributes:
        source: The scene's file, or the name of what is no file by itself: a remote resource, a
            member of an archive, a part of a file.
        target: The result.
        fault: Why it cannot be upscaled in this batch; None if it can.
    """

    source: Path | str
    target: Path
    fault: UserError | None = None

    @property
    def name(self) -> str:
        """The scene's name without its folder."""
        return str(self.source).rpartition("/")[2]

    @property
    def absolute(self) -> "Job":
        """The same job in terms that other processes understand."""
        source = self.source.absolute() if isinstance(self.source, Path) else self.source
        return replace(self, source=source, target=self.target.absolute())

    @property
    def interval(self) -> Path:
        """Where the half-widths of the intervals go."""
        stem = self.target.stem
        stem = stem.removesuffix(RESULT) + INTERVAL if stem.endswith(RESULT) else f"{stem}_interval"
        return self.target.with_name(f"{stem}.tif")

    @property
    def item(self) -> Path:
        """Where the STAC item of the result goes."""
        return self.target.with_suffix(".json")


def find_jobs(
    source: str, output: Path | None, shard: str | None = None, factor: int = FACTOR
) -> list[Job]:
    """Return the scenes and their results, in the same order on every machine.

    Earlier results in a folder of scenes are left out: ``*_x2.tif``, and those of other factors
    beside their scene. Where two scenes would have
    the same result, the first is upscaled, and the other's job says so.

    Args:
        source: A file, a folder, a glob pattern, or what `locate` takes besides.
        output: A folder, a ``.tif`` for a single scene, or None: beside each scene.
        shard: ``i/n`` for every n-th scene, beginning with the i-th.
        factor: Of the results, which are named after it.

    Raises:
        UserError: If there is no scene.
    """
    path = Path(source).expanduser()
    product = find_product(source if source.startswith(PREFIX) else str(path))
    if product is None and LINK.fullmatch(source):
        product = find_product(source)
    if product is not None:
        given: Path | str = path if path.exists() else source
        return [Job(given, result_path(given, output, factor=factor))]
    if source in STREAMS or is_elsewhere(source):
        locate(source)
        return [Job(source, result_path(source, output, factor=factor))]
    several = True
    if path.is_dir():
        root, found = path, _scenes(file for file, _ in find_rasters(path, ByName()))
    elif path.exists() or not glob.has_magic(source):
        root, found, several = path.parent, [path], False
    else:
        matches = map(Path, glob.glob(str(path), recursive=True))
        sources = ((match, match.name) for match in matches if _may_be_scene(match))
        found = _scenes(file for file, _ in whole_sources(sources, ByName()))
        root = _common_folder(found)
    if not found:
        raise UserError(
            "no-rasters",
            f"{source}: there is no raster that could be upscaled",
            f"give rasters ({', '.join(IN_FOLDERS)}), products of sensors or STAC items",
        )
    if output is not None and _is_raster(output) and several:
        raise UserError(
            "output-is-file",
            f"{output}: one file cannot hold several scenes",
            "give a folder as the output",
        )
    jobs = _distinct([Job(file, result_path(file, output, root, factor)) for file in found])
    if shard is None:
        return jobs
    part, parts = map(int, shard.split("/"))
    return jobs[part - 1 :: parts]


def _scenes(paths: Iterable[Path]) -> list[Path]:
    """Return scenes in order, without results and hidden files."""
    found = sorted(
        path
        for path in paths
        if not path.stem.endswith((RESULT, INTERVAL)) and not path.name.startswith(".")
    )
    stems = {(path.parent, path.stem) for path in found}
    return [path for path in found if not _is_result(path, stems)]


def _is_result(path: Path, stems: set[tuple[Path, str]]) -> bool:
    """Return whether a file is called like the result of a scene beside it, of another factor."""
    named = _OTHER_RESULT.fullmatch(path.stem)
    return named is not None and (path.parent, named[1]) in stems


def _may_be_scene(path: Path) -> bool:
    """Return whether what a pattern fits is a raster, a product, or like an item."""
    if path.is_dir():
        try:
            return find_product(path) is not None
        except UserError:
            # upscaling it raises the error
            return True
    products = ByName()
    if path.suffix.lower() in (*READABLE, ITEM):
        return not products.is_mask(path.name)
    return products.is_archived(path)


def _common_folder(files: list[Path]) -> Path:
    folders = [file.parent for file in files]
    while len(set(folders)) > 1:
        deepest = max(len(folder.parts) for folder in folders)
        folders = [f.parent if len(f.parts) == deepest else f for f in folders]
    return folders[0] if folders else Path()


def result_path(
    scene: Path | str, output: Path | None, root: Path | None = None, factor: int = FACTOR
) -> Path:
    """Return where the result of a scene goes.

    Args:
        scene: The scene. A scene that is no file by itself has no folder: its result goes into the
            current one.
        output: A folder, a ``.tif``, or None: beside the scene.
        root: The folder whose structure is kept in the output folder. None: that of the scene.
        factor: Of the result, which is named after it.
    """
    ending = f"_x{factor}.tif"
    if output is not None and _is_raster(output):
        return output
    if (product := _product_of(scene)) is not None:
        name = f"{product.stem}{ending}"
        return _path_of(product, name, output, root if isinstance(scene, Path) else None)
    if isinstance(scene, str):
        return (output or Path()) / f"{locate(scene).stem}{ending}"
    name = f"{scene.stem}{ending}"
    if output is None:
        return scene.with_name(name)
    return output / scene.parent.relative_to(root or scene.parent) / name


def _path_of(product: Product, name: str, output: Path | None, root: Path | None) -> Path:
    """Return where the result of a product goes: beside it, or into a folder."""
    beside = product.beside
    if output is None:
        return beside.parent / name if beside else Path(name)
    if root is None or beside is None or root == beside:
        return output / name
    return output / beside.parent.relative_to(root) / name


def _product_of(scene: Path | str) -> Product | None:
    try:
        return find_product(scene)
    except UserError:
        # upscaling it raises the error
        return None


def _is_raster(output: Path) -> bool:
    return output.suffix.lower() in RESULTS and not output.is_dir()


def _distinct(jobs: list[Job]) -> list[Job]:
    """Return the jobs with a fault in each whose result an earlier one makes."""
    first: dict[Path, Path | str] = {}
    checked = []
    for job in jobs:
        earlier = first.setdefault(job.target, job.source)
        fault = None
        if earlier != job.source:
            fault = UserError(
                "outputs-collide",
                f"{job.source}: its result would replace that of {earlier}, {job.target}",
                "rename one of them, or give this one an output of its own",
            )
        checked.append(replace(job, fault=fault))
    return checked
