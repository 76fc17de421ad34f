"""How answers are described by OpenAPI."""

from typing import Any

from sen2naip_sr.serving.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

SCHEMA = {"$ref": "#/components/schemas/Problem"}
GEOTIFF = "image/tiff"

TELLS = {
    401: "The token is missing or wrong.",
    403: "The request comes from a web page of another origin.",
    404: "There is no such thing.",
    405: "The path takes no requests of this method.",
    408: "The upload took too long.",
    409: "The job has no result, or not yet.",
    410: "The result has been removed, or the job was cancelled.",
    413: "The upload has too many bytes, or the scene too many pixels or bands.",
    415: "The body is of a type, or the scene of a format, that is not taken.",
    416: "The header Range asks for what is not there.",
    421: "The server does not answer to this name.",
    422: "A parameter is not valid, or the scene cannot be upscaled so.",
    429: "Too many scenes wait.",
    500: "The server has a fault.",
    503: "The server stops, or cannot work.",
    504: "The scene took too long.",
    507: "The server's disk is full.",
}

ALWAYS = (401, 403, 421, 500)
UPLOAD = (408, 413, 415, 422, 429, 503, 507)


def problems(*statuses: int) -> Responses:
    """Return the descriptions of answers that are problem documents."""
    return {
        status: {"description": TELLS[status], "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
        | ({"headers": {"Retry-After": _SECONDS}} if status == 429 else {})
        for status in sorted({*statuses, *ALWAYS})
    }


_TEXT = {"type": "string"}
_SECONDS = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}

ACCEPTED: Responses = {
    202: {"headers": {"Location": {"description": "The job.", "schema": _TEXT}}},
}

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a raster: GeoTIFF, JPEG 2000, PNG or JPEG.",
        "content": {GEOTIFF: {"schema": {"type": "string", "format": "binary"}}},
    }
}


def geotiff(description: str) -> Responses:
    """Return the description of an answer that is a GeoTIFF."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": description, "content": {GEOTIFF: {"schema": schema}}}}


def parts() -> Responses:
    """Return the description of an answer to a request with a header Range."""
    binary = {GEOTIFF: {"schema": {"type": "string", "format": "binary"}}}
    return {206: {"description": "The part that the header Range asks for.", "content": binary}}


def text(description: str) -> Responses:
    """Return the description of an answer that is plain text."""
    return {200: {"description": description, "content": {"text/plain": {"schema": _TEXT}}}}
