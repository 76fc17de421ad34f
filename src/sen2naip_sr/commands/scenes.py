"""What the commands that read a source have in common, and the one that only describes it."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sen2naip_sr.remedies import COMMAND, plain_errors

Command = Callable[..., Any]

_OPTIONS = (
    click.argument("source", required=False),
    click.option(
        "--stack",
        metavar="ROLE=FILE,...",
        help="Single-band files, as in red=B04.jp2,green=B03.jp2,blue=B02.jp2,nir=B08.jp2; with a "
        "folder as SOURCE, names or patterns in it.",
    ),
    click.option(
        "--variant", default="FRE", show_default=True, help="Of Theia's products: FRE or SRE."
    ),
    click.option(
        "--bands",
        help="Bands to use, in the order of training (RGBN), e.g. 3,2,1,4 or B04,B03,B02,B08.",
    ),
    click.option(
        "--nodata", type=float, help="Value without data.  [default: what the file declares]"
    ),
    click.option(
        "--drivers",
        help="GDAL's drivers to allow besides GTiff, JP2, PNG, JPEG, GPKG, VRT: ENVI,HFA.",
    ),
    click.option("--bbox", metavar="XMIN,YMIN,XMAX,YMAX", help="Only this box."),
    click.option("--bbox-crs", help="Its coordinate system, e.g. EPSG:4326.  [default: SOURCE's]"),
    click.option("--window", metavar="COL,ROW,WIDTH,HEIGHT", help="Only these pixels."),
    click.option("--aoi", metavar="FILE", help="Only the polygons of a GeoJSON or GeoPackage."),
)


def source_options(command: Command) -> Command:
    """Add the options that say what is read, and which part of it.

    The command gets the source as one text, and bands and drivers as lists.
    """

    @wraps(command)
    def called(source: str | None, stack: str | None, **options: Any) -> Any:
        lists = {"bands": _listed(options["bands"]), "drivers": _listed(options["drivers"]) or []}
        return command(_source_of(source, stack), **options | lists)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _listed(text: str | None) -> list[str] | None:
    """Return what stands between commas."""
    return None if text is None else [part.strip() for part in text.split(",")]


def _source_of(source: str | None, stack: str | None) -> str:
    """Return what is to be read, as one text."""
    if stack is None:
        if source is None:
            raise click.UsageError("Missing argument 'SOURCE'.")
        return source
    if source is None:
        return f"stack:{stack}"
    parts = (part.partition("=") for part in stack.split(","))
    files = (f"{role}{mark}{Path(source) / file.strip()}" for role, mark, file in parts)
    return f"stack:{','.join(files)}"


@click.command()
@source_options
@click.option("--noise", default="auto", show_default=True, help="As of upscale.")
@click.option("--blur", default="auto", show_default=True, help="As of upscale.")
@click.option("--model", default="default", show_default=True, help="For the time of the result.")
@click.option("--weights", type=click.Path(path_type=Path), help="As of upscale.")
def info(source: str, **options: Any) -> None:
    """Say what SOURCE is: product, bands and their order, nodata, scale, pixels, the result."""
    from sen2naip_sr.upscaling.info.describe import describe_source
    from sen2naip_sr.upscaling.parameters import make_parameters

    with plain_errors(COMMAND):
        click.echo(describe_source(make_parameters(source=source, **options)))
