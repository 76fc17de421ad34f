"""The command that starts the server."""

from pathlib import Path
from typing import Any

import click

from sen2naip_sr.remedies import COMMAND, plain_errors


@click.command()
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
