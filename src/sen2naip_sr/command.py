"""The command ``sen2naip-sr``: upscale scenes, list models, export them.

Everything heavy is imported by the commands that need it: ``--help`` answers at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sen2naip_sr.errors import UserError
from sen2naip_sr.remedies import COMMAND, phrased
from sen2naip_sr.version import __version__


@contextmanager
def plain_errors() -> Iterator[None]:
    """Show what the user can put right without a traceback."""
    try:
        yield
    except UserError as error:
        raise click.ClickException(phrased(error, COMMAND)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sen2naip-sr")
def main() -> None:
    """Double the resolution of GeoTIFFs with trained networks.

    Training and evaluation are Kedro pipelines: kedro run --pipelines=train_lean
    """


@main.command()
@click.argument("source")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder (or .tif) to write to."
)
@click.option("--model", default="lean", show_default=True, help="A name from: sen2naip-sr models.")
@click.option("--weights", type=click.Path(path_type=Path), help="Weights of your own training.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--backend", default="auto", show_default=True, help="What computes the network.")
@click.option("--threads", type=int, help="Processor cores to predict with.  [default: all]")
@click.option("--tile", type=int, help="Pixels a side predicted at once.  [default: by network]")
@click.option("--batch", type=int, help="Tiles predicted at once.  [default: by device]")
@click.option("--bands", help="Bands to take, in the network's order (RGBN), e.g. 3,2,1,4.")
@click.option(
    "--range",
    "value_range",
    default="auto",
    show_default=True,
    help="Digital numbers for black and white: auto, dtype or LOW:HIGH, e.g. 0:10000.",
)
@click.option(
    "--consistency",
    type=click.Choice(["on", "off"]),
    default="off",
    show_default=True,
    help="on: downscaling the result gives the scene back.",
)
@click.option("--ensemble", is_flag=True, help="Mean of eight flips and turns: better, slower.")
@click.option("--uncertainty", is_flag=True, help="Write 90 % intervals to a second GeoTIFF.")
@click.option("--overwrite", is_flag=True, help="Replace results that are there already.")
@click.option("--shard", help="i/n: only the i-th of n parts of the scenes.")
@click.option("--scheduler", help="Address of a Dask scheduler that scenes are sent to.")
def upscale(source: str, bands: str | None, consistency: str, **options: Any) -> None:
    """Upscale SOURCE: a GeoTIFF, a folder of them, or a quoted glob pattern.

    Each scene.tif gives scene_x2.tif, a cloud-optimised GeoTIFF with half the pixel size.
    """
    from sen2naip_sr.upscaling.batch import upscale_all
    from sen2naip_sr.upscaling.parameters import make_parameters

    with plain_errors():
        parameters = make_parameters(
            source=source,
            bands=None if bands is None else [band.strip() for band in bands.split(",")],
            consistency=consistency == "on",
            **options,
        )
        outcomes = upscale_all(parameters, show=click.echo)
    if any(outcome.state == "failed" for outcome in outcomes):
        sys.exit(1)


@main.command()
@click.option("--measure/--no-measure", default=True, help="Measure the speed on this machine.")
def models(measure: bool) -> None:
    """List the networks that have weights: size, quality and speed."""
    from sen2naip_sr.upscaling.catalogue import print_models

    with plain_errors():
        print_models(measure=measure)


@main.command()
@click.option("--model", default="lean", show_default=True, help="A name from: sen2naip-sr models.")
@click.option("--weights", type=click.Path(path_type=Path), help="Weights of your own training.")
@click.option("--format", "kind", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: MODEL.onnx here.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
def export(
    model: str, weights: Path | None, kind: str, output: Path | None, overwrite: bool
) -> None:
    """Write a network as an ONNX file with dynamic height and width, checked against torch."""
    from sen2naip_sr.upscaling.export import export_model

    path = output or Path(f"{model}.{kind}")
    with plain_errors():
        difference = export_model(model, weights, path, overwrite=overwrite)
    checked = "not checked: onnxruntime is not installed"
    if difference is not None:
        checked = f"at most {difference:.1e} of the range from torch"
    click.echo(f"{path}: {checked}")


if __name__ == "__main__":
    main()
