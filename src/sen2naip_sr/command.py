"""The command ``sen2naip-sr``: upscale scenes, list models, export them.

Each command imports what it needs, so that ``--help`` answers at once.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sen2naip_sr.remedies import COMMAND, plain_errors, typed_against
from sen2naip_sr.source_commands import info, source_options
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
    "--weights", type=click.Path(path_type=Path), help="Weights file from a training of yours."
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

    The result of scene.tif is scene_x2.tif, a cloud-optimised GeoTIFF with half the pixel size.
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


main.add_command(info)


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
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def export(
    model: str, weights: Path | None, kind: str, output: Path | None, overwrite: bool
) -> None:
    """Export a network to ONNX with dynamic height and width, and check it against torch."""
    from sen2naip_sr.upscaling.export import export_model

    path = output or Path(f"{model}.{kind}")
    with plain_errors(COMMAND):
        difference = export_model(model, weights, path, overwrite=overwrite)
    checked = "not compared with torch: onnxruntime is not installed"
    if difference is not None:
        checked = f"differs from torch by at most {difference:.1e} of the value range"
    click.echo(f"{path}: {checked}")


@main.command()
@click.argument("scene")
@click.option(
    "--window",
    required=True,
    metavar="COL,ROW,WIDTH,HEIGHT",
    help="Part of the scene to explain, in its pixels, 64 x 64 at most.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="A name from: sen2naip-sr models; may be repeated.  [default: default]",
)
@click.option("--weights", type=click.Path(path_type=Path), help="Weights file to explain as well.")
@click.option("--bands", help="Bands to use, as for upscale.")
@click.option(
    "--range",
    "values",
    default="auto",
    show_default=True,
    help="Values mapped to 0 and 1: auto, dtype or LOW:HIGH, e.g. 0:10000.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="PNG to write.  [default: *_explained.png]",
)
@click.option("--no-captum", is_flag=True, help="Leave out what needs the package captum.")
def explain(  # noqa: PLR0913, PLR0917 - one an option
    scene: str,
    window: str,
    models: tuple[str, ...],
    weights: Path | None,
    bands: str | None,
    values: str,
    output: Path | None,
    no_captum: bool,
) -> None:
    """Show what makes the detail in a window of SCENE, and signs of invented detail.

    Writes a figure, prints what it shows, and writes that beside it as text.
    """
    with plain_errors(COMMAND):
        from sen2naip_sr.explain.scene import explain_scene, parse_window, write_explanation

        found = explain_scene(
            scene,
            parse_window(window),
            models or (() if weights else ("default",)),
            weights=weights,
            bands=None if bands is None else [band.strip() for band in bands.split(",")],
            values=values,
            captum=not no_captum,
        )
        path = write_explanation(
            found, output or Path(scene).with_suffix("").name + "_explained.png"
        )
    click.echo(found.findings)
    click.echo(f"Figure: {path}")


@main.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0: any free one.  [default: 8000]")
@click.option("--root-path", help="Path under which a proxy serves it, such as /upscaler.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="File with the token that clients must send; needed unless the host is loopback.",
)
@click.option(
    "--spool", type=click.Path(path_type=Path), help="Folder of the jobs and their results."
)
@click.option("--model", help="Model for requests that name none.  [default: default]")
@click.option("--device", help="auto, cpu, cuda or cuda:1.  [default: auto]")
@click.option("--threads", type=int, help="CPU threads.  [default: all cores]")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SEN2NAIP_SR_CONFIG",
    help="TOML file with settings.",
)
@click.option("--set", "others", multiple=True, metavar="NAME=VALUE", help="Any other setting.")
def serve(config: Path | None, others: tuple[str, ...], **flags: Any) -> None:
    """Serve a REST API and a page for people, until Ctrl-C.

    Settings are flags, environment variables (SEN2NAIP_SR_PORT) and a file, in this order;
    docs/serving.md lists them.
    """
    with plain_errors(COMMAND):
        from sen2naip_sr.serving.start import serve_until_told

        serve_until_told(config, others, flags, click.echo)


@main.group()
def federate() -> None:
    """Train one network with other institutions: each keeps its imagery, only weights travel.

    docs/federated.md says what this protects and what it does not.
    """


@federate.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="TOML file: docs/federated.md.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8000, show_default=True, help="Port to listen on.")
@click.option("--ca", type=click.Path(path_type=Path), help="Certificate of the authority.")
@click.option("--certificate", type=click.Path(path_type=Path), help="The server's certificate.")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key.")
@click.option(
    "--site-key",
    "site_keys",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Public key of a site that may take part; once for each.",
)
@click.option("--insecure", is_flag=True, help="Neither TLS nor keys: on one machine alone.")
def server(folder: Path, **options: Any) -> None:
    """Run a federated training; state and weights are kept in FOLDER."""
    with plain_errors(COMMAND):
        from sen2naip_sr.federated.deployment.start import start_server

        weights = start_server(folder, show=click.echo, **options)
    click.echo(f"Weights: {weights}")


@federate.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the site, which the server sees.")
@click.option("--server", required=True, help="HOST:PORT of the server.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Data folder of a project that has run: kedro run --pipelines=preprocess.",
)
@click.option("--places", help="Places that take part: a,b.  [default: all]")
@click.option("--held-out", type=float, default=0.2, show_default=True, help="Share not trained.")
@click.option("--clip", type=float, help="Send no change of the weights above this norm.")
@click.option("--device", "accelerator", default="auto", show_default=True, help="auto, cpu, gpu.")
@click.option("--ca", type=click.Path(path_type=Path), help="Certificate of the authority.")
@click.option("--key", type=click.Path(path_type=Path), help="Private key of the site.")
@click.option("--port", type=int, default=9094, show_default=True, help="A free local port.")
@click.option(
    "--patience", type=float, default=600, show_default=True, help="Seconds to ask to take part."
)
@click.option("--insecure", is_flag=True, help="Neither TLS nor keys: on one machine alone.")
def site(folder: Path, **options: Any) -> None:
    """Take part in trainings of a server, until Ctrl-C; logs are kept in FOLDER."""
    with plain_errors(COMMAND):
        from sen2naip_sr.federated.deployment.start import start_site

        start_site(folder, show=click.echo, **options)


if __name__ == "__main__":
    main()
