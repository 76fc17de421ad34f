"""What to do on the page against an error, by its code, and errors in plain words."""

import re
from html import escape
from pathlib import Path

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.serving.problems import without_paths

_MORE = "under “More options”"

ON_THE_PAGE = {
    "alpha-or-image": f"Name the four bands to use {_MORE}.",
    "band-name-ambiguous": f"Name the four bands to use by number {_MORE}.",
    "bands-differ": "The networks need red, green, blue and near-infrared. If your file has them, "
    f"name them {_MORE}. Otherwise choose a scene with near-infrared.",
    "busy": "Wait a minute, and press “Upscale” again.",
    "calibration-missing": "Switch off “Interval for every value”.",
    "file-damaged": "The file is cut short or damaged. Copy or download it again.",
    "file-empty": "The file is empty. Choose another one.",
    "format-refused": "Convert it to a GeoTIFF.",
    "image-too-small": "Switch off “Match the scene's colours”, or choose a larger scene.",
    "no-bands": f"Name the bands to use {_MORE}.",
    "not-a-raster": "Choose a GeoTIFF. If it is one, copy or download it again.",
    "options-invalid": "Correct this option.",
    "result-not-finite": "Give a value range that fits the values of the scene.",
    "unknown-band": f"Correct the bands {_MORE}.",
    "value-range-invalid": "Give a lowest value that is below the highest one.",
}
"""Remedies in terms of the page. For other codes the error's own is shown."""


def in_plain_words(error: BaseException, spool: Path) -> tuple[str, str]:
    """Return what went wrong and what to do about it, without paths of the server.

    Args:
        error: What was raised. What is not the user's to fix is only said to have happened.
        spool: The folder below which the server keeps all its files.
    """
    found = find_user_error(error)
    if found is None:
        return (
            "Something went wrong on the server.",
            "Try again. If it happens again, tell whoever runs this server.",
        )
    remedy = ON_THE_PAGE.get(found.code, found.remedy)
    told = re.sub(r"the weights .+? expect (?=\d)", "the network expects ", found.problem)
    return _sentence(without_paths(told, spool)), _sentence(without_paths(remedy, spool))


def as_html(problem: str, remedy: str) -> str:
    """Return a problem and its remedy as the page shows them."""
    return (
        f'<div class="status failed"><p><strong>{escape(problem)}</strong></p>'
        f"<p>{escape(remedy)}</p></div>"
    )


def no_scene() -> UserError:
    """Return the error of a person who has not chosen a scene."""
    return UserError(
        "no-scene",
        "There is no scene yet",
        "Drop a GeoTIFF into the first field, or take an example",
    )


def upload_expired() -> UserError:
    """Return the error of a scene that was removed in the meantime."""
    return UserError(
        "upload-expired",
        "The scene was removed from the server, since it lay there for long",
        "Choose it again",
    )


def _sentence(text: str) -> str:
    """Return a text as a sentence; what begins with a file's name keeps it."""
    text = text.strip()
    if re.match(r"[a-z]+ ", text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
