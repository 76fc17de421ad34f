"""The chips that people found bad, which ingestion leaves out."""

import pandas as pd

from sen2naip_sr.errors import UserError


def read_left_out(file: str | None) -> frozenset[str]:
    """Return the hashes of the chips that a list names; none if there is no list.

    Raises:
        UserError: If the file cannot be read or has no column ``digest``.
    """
    if file is None:
        return frozenset()
    try:
        return frozenset(pd.read_csv(file, dtype=str)["digest"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            "left-out-unreadable",
            f"{file}: is no list of chips with a column 'digest': {error}",
            "give the list of bad chips that the labels made",
        ) from error
