"""The command ``sen2naip-sr``: upscale scenes, list models, export them.

Each command imports what it needs, so that ``--help`` answers at once.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sen2naip_sr.commands.explain import explain
from sen2naip_sr.commands.federate import federate
from sen2naip_sr.commands.scenes import info, source_options
from sen2naip_sr.commands.serve import serve
from sen2naip_sr.remedies import COMMAND, plain_errors, typed_against
from sen2naip_sr.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sen2naip-sr")
def main() -> None:
    """Double the resolution of GeoTIFFs with trained networks.

    Training and evaluation are Kedro pipelines: kedro run --pipelines=train_lean
    """


@main.command()
@source_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder (or .tif) to write to."
)
@click.option(
    "--model", default="default", show_default=True, help="A name from: sen2naip-sr models."
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Weights file from a training of yours, or a network of another project: an .onnx file "
    "with a .yaml beside it.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option(
    "--backend", default="auto", show_default=True, help="auto, eager, winograd or openvino."
)
@click.option("--threads", type=int, help="CPU threads.  [default: all cores]")
@click.option("--tile", type=int, help="Tile size in pixels.  [default: depends on the network]")
@click.option("--batch", type=int, help="Tiles per batch.  [default: depends on the device]")
@click.option(
    "--range",
    "value_range",
    default="auto",
    show_default=True,
    help="Values mapped to 0 and 1: auto, dtype or LOW:HIGH, e.g. 0:10000.",
)
@click.option(
    "--noise",
    default="auto",
    show_default=True,
    help="Noise of the input: auto (estimated), 0 or its standard deviation in digital numbers.",
)
@click.option(
    "--blur",
    default="auto",
    show_default=True,
    help="Blur of the input: auto (estimated), recipe or its width in pixels.",
)
@click.option(
    "--compression",
    default="auto",
    show_default=True,
    help="Compression of the input: auto (detected), none or its JPEG quality.",
)
@click.option(
    "--sharpness",
    default="auto",
    show_default=True,
    help="auto, or 0 (bicubic) to 1 (the network's result).",
)
@click.option(
    "--flat-areas",
    type=click.Choice(["auto", "keep"]),
    default="auto",
    show_default=True,
    help="auto: less correction in areas without structure; keep: the same everywhere.",
)
@click.option(
    "--consistency",
    type=click.Choice(["on", "off"]),
    default="off",
    show_default=True,
    help="on: the downscaled result equals the input.",
)
@click.option(
    "--ensemble", is_flag=True, help="Average over 8 flips and rotations: better, slower."
)
@click.option(
    "--uncertainty", is_flag=True, help="Also write per-pixel 90 % intervals, as a GeoTIFF."
)
@click.option("--overwrite", is_flag=True, help="Replace existing results.")
@click.option("--stac", is_flag=True, help="Also write a STAC item: a JSON beside each result.")
@click.option("--shard", help="i/n: upscale only the i-th of n parts of the scenes.")
@click.option("--scheduler", help="Address of a Dask scheduler that distributes the scenes.")
@click.option(
    "--progress",
    type=click.Choice(["bar", "json"]),
    default="bar",
    show_default=True,
    help="bar: on a terminal; json: one JSON object a line on standard error, for programs.",
)
def upscale(source: str, consistency: str, progress: str, **options: Any) -> None:
    """Upscale SOURCE: a GeoTIFF or another raster, a folder of them, or a quoted glob pattern.

    SOURCE may be a product as it is downloaded: Sentinel-2 (.SAFE, zip, MTD), Theia, Landsat, HLS,
    PlanetScope, or a STAC item.

    SOURCE may also be an address (https://, s3://) or GDAL's name of one (/vsizip/a.zip/b.tif).

    The result of scene.tif is scene_x2.tif, a cloud-optimised GeoTIFF with half the pixel size
    (_x4.tif and a quarter with a network that upscales fourfold).
    """
    from sen2naip_sr.upscaling.batch import upscale_all
    from sen2naip_sr.upscaling.parameters import make_parameters

    tell = _tell if progress == "json" else None
    with plain_errors(COMMAND, tell):
        parameters = make_parameters(source=source, consistency=consistency == "on", **options)
        outcomes = upscale_all(parameters, show=click.echo, tell=tell)
    for typed in typed_against((outcome.code for outcome in outcomes), COMMAND):
        click.echo(f"For the scenes that failed: {typed}")
    states = {outcome.state for outcome in outcomes}
    if "skipped" in states:
        click.echo("--overwrite upscales the skipped scenes again")
    if "failed" in states:
        sys.exit(1)


def _tell(event: Mapping[str, Any]) -> None:
    """Write what happened to standard error, for the program that started the command."""
    click.echo(json.dumps(event), err=True)


@main.command()
@click.option("--speed", is_flag=True, help="Measure the speed on this machine: takes a minute.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the models' cards.")
@click.option("--stac", is_flag=True, help="Print STAC items of the extension for models (MLM).")
def models(speed: bool, as_json: bool, stac: bool) -> None:
    """List the networks that have weights, with their size, quality and, if asked for, speed."""
    if stac and (speed or as_json):
        raise click.UsageError("--stac is a form of its own: leave out --speed and --json")
    from sen2naip_sr.upscaling.catalogue import describe_models, print_models
    from sen2naip_sr.weights.mlm import describe_weights

    with plain_errors(COMMAND):
        if stac:
            click.echo(json.dumps(describe_weights(), indent=2))
        elif as_json:
            click.echo(json.dumps(describe_models(measure=speed), indent=2))
        else:
            print_models(measure=speed)


@main.command()
@click.option(
    "--model", default="default", show_default=True, help="A name from: sen2naip-sr models."
)
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Weights file from a training of yours."
)
@click.option("--format", "kind", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write.  [default: MODEL.onnx]"
)
@click.option(
    "--tile",
    type=int,
    help="Rows and columns of its only images, as Deepness needs.  [default: any]",
)
@click.option(
    "--resolution",
    type=click.FloatRange(min=0, min_open=True),
    default=1000,
    show_default=True,
    help="Pixel size in cm that Deepness is to use.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def export(  # noqa: PLR0913, PLR0917 - the options
    model: str,
    weights: Path | None,
    kind: str,
    output: Path | None,
    tile: int | None,
    resolution: float,
    overwrite: bool,
) -> None:
    """Export a network to ONNX with dynamic height and width, and check it against torch.

    For Deepness in QGIS, give --tile 512: it loads networks of one size only.
    """
    from sen2naip_sr.upscaling.export import export_model

    path = output or Path(f"{model}.{kind}")
    with plain_errors(COMMAND):
        difference = export_model(
            model, weights, path, side=tile, resolution=resolution, overwrite=overwrite
        )
    checked = "not compared with torch: onnxruntime is not installed"
    if difference is not None:
        checked = f"differs from torch by at most {difference:.1e} of the value range"
    click.echo(f"{path}: {checked}")


for _command in (info, explain, serve, federate):
    main.add_command(_command)


if __name__ == "__main__":
    main()
