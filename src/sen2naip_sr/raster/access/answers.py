"""What servers answer instead of a file: a login is needed, or there is none."""

from urllib.parse import urlsplit

from sen2naip_sr.errors import UserError

SECONDS = 20
"""After which a server that does not answer is given up."""

PATIENCE = 8
"""The same for one that has failed to answer already."""

NEEDS_LOGIN = (401, 403, 409)
"""Answers of servers that know no such user; 409 is Azure's to addresses that are not signed."""

MISSING = (404, 410)


def refusal_of(address: str) -> UserError | None:
    """Ask a server for the start of a file; return the error that it answers.

    Args:
        address: What could not be opened.

    Returns:
        None if it is no address of a server, or the server does not say what is wrong.
    """
    if not address.startswith(("http://", "https://")):
        return None
    # imported where they are needed: most sources are on this machine
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        # addresses may be signed for this kind of request only
        with urlopen(Request(address, headers={"Range": "bytes=0-0"}), timeout=PATIENCE):
            return None
    except HTTPError as error:
        told = error.code in (*NEEDS_LOGIN, *MISSING)
        return refused_by(address, error.code, error.url) if told else None
    except (OSError, ValueError):
        return None


def refused_by(address: str, code: int, asked: str | None = None) -> UserError:
    """Return the error of a server that answers with a status instead of a file.

    Args:
        address: What was asked for.
        code: The status.
        asked: What was asked last, where the server passed the question on, as to a login page.
    """
    host = urlsplit(asked or address).hostname
    remedy = "check the address"
    if code in NEEDS_LOGIN:
        remedy = f"log in at {host} and download it, or give an address that is signed"
    return UserError("server-refuses", f"{address}: {host} answers {code}", remedy)
