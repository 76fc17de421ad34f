"""A server and a site in the foreground, until the training or its operator ends them."""

import json
import shutil
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil  # type: ignore[import-untyped]

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.federated.deployment.apps import (
    PROCESS,
    RESULT,
    ROUNDS,
    SETTINGS,
    STATE,
    WEIGHTS,
    find_site,
)
from sen2naip_sr.federated.deployment.parameters import ServerSettings, SiteSettings
from sen2naip_sr.federated.deployment.processes import call, program, require_free, running
from sen2naip_sr.federated.flower import require_flower
from sen2naip_sr.files import write_atomically

Show = Callable[[str], object]
START = 60.0
"""Seconds that a server is given to answer."""
JOINED = 60.0
"""Seconds after which a site that was not refused counts as one that took part."""
PAUSE = 3.0
"""Seconds between attempts to join."""
CONNECTION = "server"
APP = '''"""The apps of SuperLink and SuperNodes; they are in the installed package."""

from sen2naip_sr.federated.deployment.apps import make_server_app, make_site_app

server = make_server_app()
client = make_site_app()
'''
PYPROJECT = """[project]
name = "sen2naip-federated"
version = "1.0.0"
description = "Federated training of sen2naip_sr"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "local"

[tool.flwr.app.components]
serverapp = "sen2naip_federated:server"
clientapp = "sen2naip_federated:client"

[tool.flwr.app.config]
folder = {folder}
"""


@dataclass(frozen=True)
class Tls:
    """Files of a server's TLS, in PEM.

    Attributes:
        ca: The certificate of the authority that signed the server's.
        certificate: The server's certificate; it names the host that sites connect to, and
            127.0.0.1.
        key: Its private key.
    """

    ca: Path
    certificate: Path
    key: Path

    @property
    def flags(self) -> list[str]:
        """The flags of Flower's programs."""
        files = {"ca-certfile": self.ca, "certfile": self.certificate, "keyfile": self.key}
        return [part for name, file in files.items() for part in (f"--ssl-{name}", str(file))]


def serve_training(  # noqa: PLR0913, PLR0917 - what a server is told
    folder: Path, settings: ServerSettings, host: str, port: int, tls: Tls | None,
    site_keys: Sequence[Path], show: Show,
) -> Path:  # fmt: skip
    """Run a federated training, and return the file of its weights.

    If it was interrupted, and is started again in the same folder, it resumes after the last round
    that had ended. Sites have to be started again as well.

    Args:
        folder: Where its state, logs and weights are.
        settings: The training.
        host: The address to listen at.
        port: The port.
        tls: None: nothing is encrypted and any site may take part, which is for one machine alone.
        site_keys: Public keys of the sites that may take part.
        show: Called with lines of text.

    Raises:
        UserError: If the address is taken, the server does not answer, or the training fails.
    """
    require_flower()
    with locked(folder):
        require_free(host, port)
        _prepare(folder, settings, host, port, tls)
        command = [program("flower-superlink"), "--host", host, "--port", str(port)]
        command += ["--database", str(folder / "superlink.db")]
        command += ["--disable-runtime-dependency-installation"]
        command += ["--insecure"] if tls is None else [*tls.flags, "--enable-supernode-auth"]
        home = folder / "flower"
        with running(command, home, folder / "server.log") as link:
            _await_answer(link, _reached(host), port, tls)
            for key in site_keys if tls else ():
                call([program("flwr"), "supernode", "register", str(key), CONNECTION], home)
            call([program("flwr"), "run", str(folder / "app"), CONNECTION], home)
            show(f"Listening at {host}:{port} for {settings.sites} sites")
            for line in follow(folder, link, settings.federation.rounds):
                show(line)
        return folder / WEIGHTS


def join_training(  # noqa: PLR0913, PLR0917 - what a site is told
    folder: Path, settings: SiteSettings, server: str, ca: Path | None, key: Path | None,
    port: int, patience: float, show: Show,
) -> None:  # fmt: skip
    """Take part in a server's trainings until interrupted.

    A server that was started again has forgotten its sites: they join anew.

    Args:
        folder: Where its settings, logs and the state of its optimiser are.
        settings: The site.
        server: HOST:PORT of the server.
        ca: The certificate of the authority that signed the server's; None: nothing is encrypted.
        key: The site's private key.
        port: A local port that Flower uses between its own processes.
        patience: Seconds for which a server may refuse the site, as it does until it knows the
            site's key.
        show: Called with lines of text.

    Raises:
        UserError: If the site's imagery cannot be used, the local port is taken, or the server
            keeps refusing the site.
    """
    require_flower()
    file = folder / "site.json"
    with locked(folder):
        require_free("127.0.0.1", port)
        write_atomically(file, settings.model_dump_json(indent=1).encode())
        site = find_site(str(file))
        command = [program("flower-supernode"), "--superlink", server, "--port", str(port)]
        command += ["--node-config", f'site="{file.absolute()}"']
        if ca is None:
            command += ["--insecure"]
        else:
            command += ["--root-certificates", str(ca)]
            command += ["--auth-supernode-private-key", str(key)] if key else []
        chips = f"{len(site.data.train)} chips to train on, {len(site.data.validation)} held out"
        show(f"Site '{settings.name}': {chips}; the server is {server}")
        refused_since = time.monotonic()
        while time.monotonic() - refused_since < patience:
            start = time.monotonic()
            with running(command, folder / "flower", folder / "site.log") as node:
                node.wait()
            if time.monotonic() - start > JOINED:
                refused_since = time.monotonic()
            time.sleep(PAUSE)
        raise UserError(
            "site-refused",
            f"the server {server} did not take site '{settings.name}' within {patience:g} s",
            "give the server the site's public key, and see the log in the folder",
        )


def _prepare(folder: Path, settings: ServerSettings, host: str, port: int, tls: Tls | None) -> None:
    """Write what Flower reads; what an earlier server has left of its own runs is removed."""
    shutil.rmtree(folder / "flower", ignore_errors=True)
    # without a state there is nothing to resume, and what is here is of another training
    stale = ["superlink.db", RESULT, PROCESS, *([] if (folder / STATE).is_file() else [ROUNDS])]
    for path in (file for name in stale for file in folder.glob(f"{name}*")):
        path.unlink(missing_ok=True)
    write_atomically(folder / SETTINGS, settings.model_dump_json(indent=1).encode())
    write_atomically(folder / "app/sen2naip_federated.py", APP.encode())
    text = PYPROJECT.format(folder=json.dumps(str(folder.absolute())))
    write_atomically(folder / "app/pyproject.toml", text.encode())
    safety = "insecure = true"
    if tls is not None:
        safety = f"root-certificates = {json.dumps(str(tls.ca.absolute()))}"
    connection = f'[superlink]\ndefault = "{CONNECTION}"\n\n[superlink.{CONNECTION}]\n'
    connection += f'address = "{_reached(host)}:{port}"\n{safety}\n'
    write_atomically(folder / "flower/config.toml", connection.encode())


def _reached(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def _await_answer(link: Popen, host: str, port: int, tls: Tls | None) -> None:
    context = ssl.create_default_context(cafile=str(tls.ca)) if tls else None
    address = f"{'https' if tls else 'http'}://{host}:{port}/health"
    end, why = time.monotonic() + START, "it does not answer"
    while time.monotonic() < end and link.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2, context=context):
                return
        except OSError as error:
            why = str(error)
        time.sleep(0.3)
    raise UserError(
        "server-not-started",
        f"the server at {host}:{port} did not start: {why}",
        "see the log in its folder, and check the certificate",
    )


def follow(folder: Path, link: Popen, rounds: int) -> Iterator[str]:
    """Yield a line for each round, until the training has ended.

    Args:
        folder: The server's.
        link: Flower's SuperLink.
        rounds: All rounds of the training.

    Raises:
        UserError: If the training failed, or its process or the SuperLink is gone.
    """
    told = 0
    while True:
        ended = _result(folder)
        lines = (folder / ROUNDS).read_text().splitlines() if (folder / ROUNDS).is_file() else []
        for line in lines[told:]:
            yield _describe(json.loads(line), rounds)
        told = max(told, len(lines))
        if ended is not None:
            break
        if link.poll() is not None or _is_gone(folder):
            raise UserError(
                "server-killed",
                "the process of the training was killed",
                "start the server again: the training resumes after its last round",
            )
        time.sleep(0.5)
    if "error" in ended:
        raise UserError("federation-failed", str(ended["error"]), "correct that, and start again")


def _result(folder: Path) -> dict[str, Any] | None:
    file = folder / RESULT
    return json.loads(file.read_text()) if file.is_file() else None


def _is_gone(folder: Path) -> bool:
    """Return whether the process of the training has begun and ended without a result."""
    file = folder / PROCESS
    if not file.is_file():
        return False
    return not _is_alive(int(file.read_text())) and _result(folder) is None


def _is_alive(number: int) -> bool:
    """Return whether a process is there; Flower does not collect those that have ended."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _describe(one: dict[str, Any], rounds: int) -> str:
    used = {name: site for name, site in one["sites"].items() if "loss" in site}
    sites = ", ".join(f"{name} {site['loss']:.4f}" for name, site in sorted(used.items()))
    text = f"Round {one['number']} of {rounds}: loss {sites or '-'}"
    if one["refused"]:
        text += f"; left out: {'; '.join(f'{n}: {why}' for n, why in one['refused'].items())}"
    return text + ("" if one["aggregated"] else "; the weights stay")
