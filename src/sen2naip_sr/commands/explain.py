"""The command that explains what networks make of a window of a scene."""

from pathlib import Path

import click

from sen2naip_sr.remedies import COMMAND, plain_errors


@click.command()
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
