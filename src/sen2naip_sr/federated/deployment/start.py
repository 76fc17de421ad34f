"""Server and site from what was typed."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.deployment.parameters import ServerSettings, SiteSettings
from sen2naip_sr.federated.flower import require_flower
from sen2naip_sr.parameters import summarise

HR, LR = "02_intermediate/hr", "05_model_input/lr"
Settings = TypeVar("Settings", bound=BaseModel)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def start_server(  # noqa: PLR0913 - what was typed
    folder: Path,
    *,
    config: Path | None,
    host: str,
    port: int,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
    site_keys: Sequence[Path],
    insecure: bool,
    show: Callable[[str], object],
) -> Path:
    """Run a federated training; see `sen2naip_sr.federated.deployment.run.serve_training`.

    Raises:
        UserError: Also if settings are not valid, or TLS or keys are missing.
    """
    require_flower()
    from sen2naip_sr.federated.deployment.apps import make_task, starting_weights
    from sen2naip_sr.federated.deployment.run import Tls, serve_training
    from sen2naip_sr.federated.task import check_task

    settings = _checked(ServerSettings, _read(config) if config else {})
    tls = None
    if insecure:
        _require_loopback(host)
    elif ca is None or certificate is None or key is None or not site_keys:
        raise _incomplete("its certificate, its key, that of the authority, and keys of sites")
    else:
        for file in (ca, certificate, key, *site_keys):
            _require_file(file)
        tls = Tls(ca, certificate, key)
    try:
        check_task(make_task(settings, starting_weights(settings.weights)))
    except ValidationError as error:
        raise _invalid(summarise(error)) from error
    return serve_training(folder, settings, host, port, tls, site_keys, show)


def start_site(  # noqa: PLR0913 - what was typed
    folder: Path,
    *,
    name: str,
    server: str,
    data: Path,
    places: str | None,
    held_out: float,
    clip: float | None,
    accelerator: str,
    ca: Path | None,
    key: Path | None,
    port: int,
    patience: float,
    insecure: bool,
    show: Callable[[str], object],
) -> None:
    """Take part in trainings; see `sen2naip_sr.federated.deployment.run.join_training`.

    Raises:
        UserError: Also if settings are not valid, or TLS or keys are missing.
    """
    require_flower()
    from sen2naip_sr.federated.deployment.run import join_training

    if insecure:
        _require_loopback(server.rpartition(":")[0])
        ca = key = None
    elif ca is None or key is None:
        raise _incomplete("the certificate of the authority and its own key")
    else:
        for file in (ca, key):
            _require_file(file)
    settings = _checked(
        SiteSettings,
        {
            "name": name,
            "hr": str((data / HR).absolute()),
            "lr": str((data / LR).absolute()),
            "folder": str((folder / "kept").absolute()),
            "places": None if places is None else [one.strip() for one in places.split(",")],
            "held_out": held_out,
            "clip": clip,
            "accelerator": accelerator,
        },
    )
    join_training(folder, settings, server, ca, key, port, patience, show)


def _checked(kind: type[Settings], values: dict) -> Settings:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _invalid(summarise(error)) from error


def _invalid(problem: str) -> UserError:
    return UserError("federation-settings-invalid", problem, "correct that")


def _read(file: Path) -> dict:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise _invalid(f"{file}: {error}") from error


def _require_file(file: Path) -> None:
    if not file.is_file():
        raise _invalid(f"{file}: there is no such file")


def _require_loopback(host: str) -> None:
    if host not in LOOPBACK:
        raise UserError(
            "federation-insecure",
            f"without TLS and keys, {host} would take part with anybody",
            "use certificates and keys, or stay on one machine",
        )


def _incomplete(what: str) -> UserError:
    return UserError(
        "federation-insecure",
        f"a connection over a network needs {what}",
        "give these files, or stay on one machine without them",
    )
