"""Run a real federated training over loopback: a server and two sites, TLS and keys of sites.

python -m benchmarks.federation              # TLS, keys; a third site whose key is unknown
python -m benchmarks.federation --insecure

The sites' imagery is made up. It takes minutes: Flower starts a process for every message.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store
from sen2naip_sr.federated.deployment.start import HR, LR
from sen2naip_sr.weights.files import load_weights

LONGEST = 900.0
"""Seconds after which the training counts as hanging."""
CONFIG = """
weights = "lean"
sites = 2
federation = {{rounds = {rounds}, local_steps = 3, timeout = 300}}
training = {{batch_size = 2, crop_size = 16, validation_chips = 1}}
"""


def make_data(folder: Path, seed: int, chips: int = 5, side: int = 64) -> Path:
    """Write a site's stores of smooth noise, as preprocessing would."""
    noise = np.random.default_rng(seed).normal(size=(chips, 4, side, side))
    smooth = sum(np.roll(noise, shift, axis) for shift in (0, 1, 2) for axis in (2, 3))
    with write_store(folder / HR, "made up", (4, side, side), np.dtype("uint8")) as writer:
        for chip in (128 + 20 * smooth).clip(1, 254).round().astype(np.uint8):
            writer.append(chip)
        index = {"chip": range(chips), "place": "here", "location": [f"l{n}" for n in range(chips)]}
        writer.tables = {"index": pd.DataFrame(index)}
        writer.content = f"content {seed}"
        writer.attributes = {
            "value_range": [0.0, 255.0],
            "bands": ["Red", "Green", "Blue", "NIR"],
            "synthetic": True,
        }
    Downscaling(require_store(folder / HR), "bicubic_antialiased").make(folder / LR)
    return folder


def make_certificates(folder: Path) -> None:
    """Write an authority, a certificate of 127.0.0.1, and keys of three sites."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def write(name: str, key: Any) -> None:
        (folder / name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )

    def sign(name: str, key: Any, issuer: Any, issuer_name: str, *, authority: bool) -> None:
        now = datetime.now(UTC)

        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer_name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if not authority:
            hosts = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        certificate = builder.sign(issuer, hashes.SHA256())
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    authority, server = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    sign("ca", authority, authority, "ca", authority=True)
    sign("server", server, authority, "ca", authority=False)
    write("server.key", server)
    for name in ("north", "south", "stranger"):
        command = ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", folder / name]
        subprocess.run(command, check=True)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Federation:
    """Server and sites in a folder."""

    def __init__(self, folder: Path, *, secure: bool, rounds: int = 2) -> None:
        self.folder, self.port = folder, free_port()
        self._flags = {"server": ["--insecure"], "site": ["--insecure"]}
        for seed, name in enumerate(("north", "south", "stranger")):
            make_data(folder / f"data-{name}", seed)
        (folder / "federation.toml").write_text(CONFIG.format(rounds=rounds))
        if secure:
            keys = folder / "keys"
            keys.mkdir()
            make_certificates(keys)
            known = [f"--site-key={keys / f'{name}.pub'}" for name in ("north", "south")]
            server = ["--certificate", keys / "server.crt", "--key", keys / "server.key"]
            self._flags["server"] = ["--ca", keys / "ca.crt", *server, *known]
            self._flags["site"] = ["--ca", keys / "ca.crt"]

    def server(self) -> subprocess.Popen:
        """Start the server."""
        config = ["--config", self.folder / "federation.toml", "--port", self.port]
        return self._start("server", "server", [*config, *self._flags["server"]])

    def site(self, name: str) -> subprocess.Popen:
        """Start a site."""
        given = ["--name", name, "--server", f"127.0.0.1:{self.port}", "--port", free_port()]
        given += ["--data", self.folder / f"data-{name}", "--device", "cpu", *self._flags["site"]]
        given += ["--patience", 5 if name == "stranger" else 300]
        if "--insecure" not in given:
            given += ["--key", self.folder / "keys" / name]
        return self._start("site", name, given)

    def _start(self, command: str, name: str, arguments: list[Any]) -> subprocess.Popen:
        typed = [sys.executable, "-m", "sen2naip_sr.command", "federate", command]
        typed += [self.folder / name, *arguments]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(part) for part in typed],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )

    def left(self) -> list[str]:
        """Return the processes that still work in the folder."""
        return [
            " ".join(process.info["cmdline"])[:160]
            for process in psutil.process_iter(["cmdline"])
            if any(str(self.folder) in part for part in process.info["cmdline"] or ())
        ]


@contextmanager
def ended(processes: Collection[subprocess.Popen]) -> Iterator[None]:
    """End the processes that are there at the end of the block."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(200)


def measure(*, secure: bool = True, rounds: int = 2) -> dict[str, Any]:
    """Return how long the training took, what it said, and what is left of its processes."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Federation(Path(scratch), secure=secure, rounds=rounds)
        start = time.monotonic()
        server = made.server()
        time.sleep(1)
        names = ("north", "south", "stranger") if secure else ("north", "south")
        sites = [made.site(name) for name in names]
        with ended([server, *sites]):
            code = server.wait(LONGEST)
            seconds = time.monotonic() - start
            stranger = sites[-1].poll() if secure else None
        time.sleep(3)
        weights = made.folder / "server/weights.safetensors"
        return {
            "seconds": round(seconds),
            "exit_code": code,
            "said": (made.folder / "server.log").read_text().splitlines()[-6:],
            "weights": load_weights(weights).label if weights.is_file() else None,
            "exit_code_of_an_unknown_site": stranger,
            "processes_left": made.left(),
        }


def main() -> None:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--insecure", action="store_true")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    print(json.dumps(measure(secure=not given.insecure, rounds=given.rounds), indent=1))


if __name__ == "__main__":
    main()
