"""The models: what they are, how good, and what the server takes."""

import math
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown
from sen2naip_sr.serving.api.documents import problems
from sen2naip_sr.serving.guard.uploads import DRIVERS
from sen2naip_sr.serving.service import Served, Service
from sen2naip_sr.upscaling.catalogue import Entry
from sen2naip_sr.weights.names import FOLDER, SUFFIX
from sen2naip_sr.weights.scores import Scores

router = APIRouter(prefix="/v1/models", tags=["Models"])


class Quality(BaseModel):
    """The quality on a test place: mean PSNR, and its gain over Lanczos, in dB."""

    place: str
    sensor: str
    psnr: float
    gain: float


class Model(BaseModel):
    """A model."""

    name: str
    title: str
    """The name of the network."""
    parameters: int
    megabytes: float
    receptive_field: int
    """Pixels of the scene to each side that a pixel of the result depends on."""
    psnr: float | None
    """Mean over the test places, dB."""
    gain: float | None
    """The same, above Lanczos."""
    quality: list[Quality]


class Card(Model):
    """A model with its card and scores."""

    card: str
    """Markdown: what it was trained on, how good it is, what it must not be used for."""
    scores: dict[str, Any] | None


class Limits(BaseModel):
    """What the server takes."""

    bytes: int
    pixels: int
    pixels_at_once: int
    """Scenes with more are for jobs."""
    bands: int
    formats: list[str]


class Models(BaseModel):
    """All models, and what the server takes."""

    default: str
    models: list[Model]
    limits: Limits


@router.get("", operation_id="models", summary="All models", responses=problems())
def models(service: Served) -> Models:
    """Answer all models with their quality on test places, and the limits of the server."""
    s = service.settings
    return Models(
        default=s.model,
        models=[Model(**_known(entry)) for entry in service.engine.entries()],
        limits=Limits(
            bytes=s.max_bytes,
            pixels=s.max_pixels,
            pixels_at_once=s.max_pixels_at_once,
            bands=s.max_bands,
            formats=list(DRIVERS.values()),
        ),
    )


@router.get(
    "/{name}", operation_id="model", summary="A model with its card", responses=problems(404)
)
def model(name: str, service: Served) -> Card:
    """Answer a model with its card and its scores."""
    entry = _found(name, service)
    weights = FOLDER / f"{name}{SUFFIX}"
    scores = Scores.read(weights)
    return Card(
        **_known(entry),
        card=_card(weights),
        scores=scores.model_dump(mode="json") if scores else None,
    )


def _found(name: str, service: Service) -> Entry:
    entries = {entry.model: entry for entry in service.engine.entries()}
    if name not in entries:
        raise UserError(
            "model-not-found",
            describe_unknown("model", name, list(entries)),
            "choose one of the valid names",
        )
    return entries[name]


def _card(weights: Path) -> str:
    path = weights.with_suffix(".md")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _known(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.model,
        "title": entry.title,
        "parameters": entry.parameters,
        "megabytes": round(entry.megabytes, 3),
        "receptive_field": entry.receptive_field,
        "psnr": _finite(entry.psnr),
        "gain": _finite(entry.gain),
        "quality": [
            Quality(place=q.place, sensor=q.sensor, psnr=q.psnr, gain=q.gain) for q in entry.quality
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
