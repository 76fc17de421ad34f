"""The commands of a federated training over a network: its server, and its sites."""

from pathlib import Path
from typing import Any

import click

from sen2naip_sr.remedies import COMMAND, plain_errors


@click.group()
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
