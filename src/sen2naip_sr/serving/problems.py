"""Errors as problem documents: https://www.rfc-editor.org/rfc/rfc9457."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.places import Busy

MEDIA_TYPE = "application/problem+json"

_BY_STATUS: dict[int, tuple[str, ...]] = {
    400: ("request-invalid",),
    401: ("token-wrong",),
    403: ("origin-refused",),
    404: ("not-found", "unknown-job", "model-not-found", "no-interval"),
    405: ("method-not-allowed",),
    408: ("upload-too-slow",),
    409: ("result-not-ready", "job-failed"),
    410: ("result-expired", "job-cancelled"),
    413: ("upload-too-large", "scene-too-large", "needs-a-job", "raster-too-large"),
    415: ("format-refused", "content-refused"),
    416: ("range-not-there",),
    421: ("host-refused",),
    429: ("busy",),
    500: ("internal-error", "weights-damaged", "weights-metadata-damaged", "weights-misfit"),
    503: ("stopping", "not-ready", "tiles-out-of-memory", "device-missing"),
    504: ("too-slow",),
    507: ("disk-full", "disk-error", "write-failed", "folder-not-made", "folder-read-only"),
}
STATUS = {code: status for status, codes in _BY_STATUS.items() for code in codes}
"""HTTP status by the code of an error. All others are faults of the scene or the parameters."""

UNPROCESSABLE = 422

_TITLES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""Phrases of RFC 9110 that not every Python has."""

IN_THE_API = {
    "alpha-or-image": "parameter bands",
    "band-name-ambiguous": "parameter bands",
    "bands-differ": "parameter bands, such as bands=3,2,1,4",
    "busy": "wait as long as the header Retry-After says",
    "calibration-missing": "leave out the parameter uncertainty",
    "conditions-not-supported": "leave out the parameters noise, blur and compression",
    "image-too-small": "consistency=false",
    "needs-a-job": "POST /v1/jobs",
    "no-bands": "parameter bands",
    "noise-out-of-range": "parameters noise and range",
    "result-expired": "POST /v1/jobs",
    "result-not-finite": "parameter range, as LOW:HIGH",
    "result-not-ready": "GET /v1/jobs/{id} tells its state",
    "scene-too-large": "GET /v1/models tells the limits",
    "token-wrong": "header Authorization: Bearer TOKEN",
    "model-not-found": "GET /v1/models lists them",
    "no-interval": "uncertainty=true",
    "unknown-band": "parameter bands",
    "value-range-invalid": "parameter range, as LOW:HIGH",
}
"""What to do against an error, in terms of the API."""

_WHO_RUNS_IT = "try again later, or tell who runs the server"
INSTEAD = {
    "disk-error": _WHO_RUNS_IT,
    "folder-not-made": _WHO_RUNS_IT,
    "folder-read-only": _WHO_RUNS_IT,
    "format-refused": "convert it to a GeoTIFF",
    "write-failed": _WHO_RUNS_IT,
}
"""Remedies that replace those of errors which offer what a server does not."""
_NOT_HERE = re.compile("; or give weights [^;]*")
"""What remedies offer besides: clients cannot give a server weights."""


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it, with the project's code and a remedy."""

    type: str = Field(examples=["urn:sen2naip-sr:problem:bands-differ"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["scene.tif: 3 bands, and the weights expect 4"])
    code: str = Field(examples=["bands-differ"])
    remedy: str = Field(examples=["choose 4 of the scene's bands"])


def problem_of(error: UserError, spool: Path) -> Problem:
    """Return an error as a problem document that names no path of the server.

    Args:
        error: The error.
        spool: The folder below which the server keeps all its scenes and results.
    """
    return recorded_problem((error.code, error.problem, error.remedy), spool)


def recorded_problem(fault: tuple[str, str, str], spool: Path) -> Problem:
    """Return code, problem and remedy of an error as a problem document; see `problem_of`."""
    code, problem, remedy = fault
    status = STATUS.get(code, UNPROCESSABLE)
    remedy = _NOT_HERE.sub("", INSTEAD.get(code, remedy))
    if code in IN_THE_API:
        remedy = f"{remedy} ({IN_THE_API[code]})"
    return Problem(
        type=f"urn:sen2naip-sr:problem:{code}",
        title=_TITLES.get(status, HTTPStatus(status).phrase),
        status=status,
        detail=without_paths(problem, spool),
        code=code,
        remedy=without_paths(remedy, spool),
    )


def without_paths(text: str, spool: Path) -> str:
    """Return a text in which files of the spool folder have no folder."""
    for folder in {str(spool), str(spool.absolute()), str(spool.resolve())}:
        inside = rf"{re.escape(folder)}(/[\w.~-]+)*"
        # what has an ending is a file
        text = re.sub(rf"{inside}/(?=[\w~-]*\.\w)", "", text)
        text = re.sub(inside, "the server", text)
    return text


def answer(
    error: UserError, spool: Path, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the answer to a request that failed."""
    problem = problem_of(error, spool)
    own = dict(headers or {})
    if problem.status == 401:
        own.setdefault("WWW-Authenticate", "Bearer")
    if isinstance(error, Busy):
        own.setdefault("Retry-After", str(error.seconds))
    return JSONResponse(
        problem.model_dump() | more, problem.status, headers=own, media_type=MEDIA_TYPE
    )
