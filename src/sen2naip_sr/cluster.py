"""The workers of a Dask scheduler, for scenes and for trainings."""

from typing import TYPE_CHECKING

from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    from distributed import Client


def connect(address: str) -> "Client":
    """Return a client of a scheduler. It is a context manager, which closes the connection.

    Args:
        address: Such as ``tcp://host:8786``.

    Raises:
        UserError: If the package distributed is not installed, or there is no scheduler.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            "dask-package-missing",
            "a scheduler needs the package distributed",
            "install distributed",
        ) from error
    try:
        return Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise UserError(
            "scheduler-missing",
            f"there is no Dask scheduler at {address} ({error})",
            "start one with workers, or work without a scheduler",
        ) from error
