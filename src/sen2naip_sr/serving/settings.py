"""The settings of a server: flags, environment variables (SEN2NAIP_SR_*) and a TOML file."""

import ipaddress
import logging
import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import Parameters, known_as, summarise
from sen2naip_sr.weights.names import DEFAULT, shipped_names

logger = logging.getLogger(__name__)

PREFIX = "SEN2NAIP_SR_"
OF_OTHERS = (f"{PREFIX}CONFIG", f"{PREFIX}TRACKING_URI")
"""Variables of other parts of this program."""
SHORTEST_TOKEN = 16
MEGA = 1_000_000

Names = Annotated[list[str], NoDecode]
"""A list; as a text, separated by commas."""


def default_spool() -> Path:
    """Return the folder for the user's state, of this program."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "sen2naip_sr"


class ServeSettings(BaseSettings, Parameters):
    """How a server runs, what it accepts and from whom."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on. One that other machines reach needs a token."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0: any that is free."""
    root_path: str = ""
    """Path under which a proxy serves the application, such as /upscaler."""
    hosts: Names = []
    """Names by which clients call the server, without port. Empty: any if there is a token, or
    those of this machine's loopback."""
    proxies: Names = ["127.0.0.1"]
    """Addresses or networks of proxies, whose headers X-Forwarded-For and X-Forwarded-Proto say who
    the client is and whether it uses TLS."""
    cors: Names = []
    """Origins of other web pages that may use the API, such as https://example.org."""
    token: SecretStr | None = None
    """What clients must send to use anything but the health checks; 16 characters of ASCII or
    more."""
    token_file: Path | None = None
    """A file with the token, such as a container's secret."""
    page: bool = True
    """Whether to serve the page for people too, besides the API."""
    model: Annotated[str, known_as("model", shipped_names())] = DEFAULT
    """The model that is used if a request names none. It is loaded at the start."""
    device: str = "auto"
    """auto (a CUDA device where there is one), cpu, cuda or cuda:1."""
    threads: int | None = Field(None, ge=1)
    """Processor cores to predict with. Null: all."""
    spool: Path = Field(default_factory=default_spool)
    """Folder of the jobs, their scenes and results. One server at a time uses it."""
    max_bytes: int = Field(512 * MEGA, ge=1)
    """Largest upload in bytes."""
    max_pixels: int = Field(100 * MEGA, ge=1)
    """Most pixels of a scene, width times height."""
    max_pixels_at_once: int = Field(5 * MEGA, ge=1)
    """Most pixels of a scene that is upscaled while the client waits. Others are for jobs."""
    max_bands: int = Field(16, ge=1, le=512)
    """Most bands of a scene."""
    max_block_bytes: int = Field(128 * MEGA, ge=1)
    """Most bytes that must be decoded at once: a block of a scene, of all its bands."""
    max_seconds: float = Field(3600, gt=0)
    """Longest time to upscale a scene, without the time in the queue."""
    max_upload_seconds: float = Field(600, gt=0)
    """Longest time to receive an upload."""
    max_waiting: int = Field(16, ge=1)
    """Most scenes that wait to be upscaled, uploads included; further ones are turned away."""
    max_jobs: int = Field(64, ge=1)
    """Most jobs that wait or run; further ones are turned away."""
    expiry: float = Field(24 * 3600, gt=0)
    """Seconds until the result of a job is removed."""

    @field_validator("hosts", "proxies", "cors")
    @classmethod
    def _commas_separate(cls, values: list[str]) -> list[str]:
        return [part.strip() for text in values for part in text.split(",") if part.strip()]

    @field_validator("proxies")
    @classmethod
    def _proxies_are_addresses(cls, values: list[str]) -> list[str]:
        for value in values:
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                raise ValueError(f"'{value}' is no address or network: {error}") from error
        return values

    @model_validator(mode="before")
    @classmethod
    def _token_may_lie_in_a_file(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("token_file"):
            return values
        if values.get("token"):
            raise ValueError("token and token_file: give one of them")
        try:
            return values | {"token": Path(values["token_file"]).read_text().strip()}
        except (OSError, ValueError) as error:
            raise ValueError(f"token_file: cannot be read ({error})") from error

    @field_validator("root_path")
    @classmethod
    def _root_path_is_absolute(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not value.startswith("/"):
            raise ValueError(f"'{value}' does not begin with /")
        return value

    @field_validator("token")
    @classmethod
    def _token_can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value()
        if len(text) < SHORTEST_TOKEN:
            raise ValueError(f"has fewer than {SHORTEST_TOKEN} characters")
        if not (text.isascii() and text.isprintable()) or text != text.strip():
            # others do not arrive in a header as they were sent
            raise ValueError(
                "has other characters than those of ASCII, or spaces at its beginning or end"
            )
        return value

    @model_validator(mode="after")
    def _strangers_need_a_token(self) -> Self:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"token: is needed, since other machines reach the address {self.host}"
            )
        return self

    @property
    def secret(self) -> str | None:
        """The token in clear; None if none is needed."""
        return self.token.get_secret_value() if self.token else None


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def make_settings(file: Path | None = None, **given: Any) -> ServeSettings:
    """Return checked settings.

    Args:
        file: A TOML file with settings by their names. Those of the environment go before them.
        given: Settings that go before all others. Those that are None are left out.

    Raises:
        UserError: If one is unknown or not valid, or the file cannot be read; it says which.
    """
    in_environment = {name.upper() for name in os.environ}
    for name in sorted(in_environment):
        if unknown := _unknown_variable(name):
            logger.warning("%s", unknown)
    values = {
        name: value
        for name, value in (_read(file) if file else {}).items()
        if f"{PREFIX}{name}".upper() not in in_environment
    }
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return ServeSettings(**values)
    except ValidationError as error:
        raise UserError("settings-invalid", summarise(error), "correct these settings") from error


def _unknown_variable(name: str) -> str | None:
    """Return what is to be said of an environment variable: None if it is nobody's, or known.

    It is no error: whoever runs containers may add variables that begin with a service's name.
    """
    if not name.startswith(PREFIX) or name in OF_OTHERS:
        return None
    known = [setting.upper() for setting in ServeSettings.model_fields]
    given = name.removeprefix(PREFIX)
    if given in known:
        return None
    nearest = get_close_matches(given, known, n=1, cutoff=0.6)
    hint = f"; did you mean {PREFIX}{nearest[0]}?" if nearest else ""
    return f"the environment variable {name} is no setting and has no effect{hint}"


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except (OSError, ValueError) as error:
        raise UserError(
            "settings-unreadable", f"{file}: cannot be read ({error})", "give a TOML file"
        ) from error
