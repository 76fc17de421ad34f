"""Jobs: scenes of any allowed size, upscaled while nobody waits."""

from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.api.documents import (
    ACCEPTED,
    BODY,
    GEOTIFF,
    UPLOAD,
    geotiff,
    parts,
    problems,
)
from sen2naip_sr.serving.api.passing import PassingFile, RangedFile, held
from sen2naip_sr.serving.api.query import NAMES, JobOptions
from sen2naip_sr.serving.api.receiving import check_upload, receive_scene
from sen2naip_sr.serving.jobs.records import Record, State
from sen2naip_sr.serving.jobs.spool import INTERVAL, RESULT, SCENE, keep, remove
from sen2naip_sr.serving.problems import Problem, recorded_problem
from sen2naip_sr.serving.service import Served, Service

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])


class Result(BaseModel, extra="allow"):
    """What is known of a result: its size in pixels and bytes, where it is, and what made it."""

    width: int
    height: int
    bytes: int
    interval: bool
    seconds: float
    made_with: dict[str, str]


class Job(BaseModel):
    """A job. Times are in UTC."""

    id: str
    state: State
    created: datetime
    started: datetime | None
    finished: datetime | None
    expires: datetime | None
    """When the result is removed."""
    waiting_before: int | None
    """Jobs that come first, while it waits."""
    progress: float
    """The share of the tiles that are done, from 0 to 1."""
    seconds_left: float | None
    """An estimate, while it runs."""
    options: dict[str, Any]
    result: Result | None
    problem: Problem | None
    """Why it failed."""
    links: dict[str, str]


@router.post(
    "",
    operation_id="begin_job",
    summary="Give a scene to be upscaled later",
    status_code=202,
    responses=ACCEPTED | problems(*UPLOAD),
    openapi_extra=BODY,
)
async def begin(
    request: Request,
    response: Response,
    options: Annotated[JobOptions, Query()],
    service: Served,
) -> Job:
    """Take a scene, and answer the job that upscales it.

    The job and its scene are on the server's disk before the answer is sent: they survive the end
    of the server's process.
    """
    checked = options.checked(service.settings.model)
    check_upload(request, service)
    await to_thread.run_sync(service.engine.check, checked)
    with service.jobs.place():
        id, folder = service.spool.make_job()
        try:
            pixels = await receive_scene(request, folder / SCENE, service, service.jobs)
            await to_thread.run_sync(service.engine.check_scene, folder / SCENE, checked)
            given = checked.model_dump(mode="json", exclude_defaults=True) | {
                "model": checked.model
            }
            record = Record(id, given, pixels)
            await to_thread.run_sync(_accept, record, service)
        except BaseException:
            remove(folder)
            raise
    service.worker.wake()
    response.headers["Location"] = _links(record, service)["self"]
    return _shown(record, service)


@router.get("/{id}", operation_id="job", summary="The state of a job", responses=problems(404))
def job(id: str, service: Served) -> Job:
    """Answer where a job is, how far, and when it may be done."""
    return _shown(_found(id, service), service)


@router.get(
    "/{id}/result",
    operation_id="job_result",
    summary="The result of a job",
    response_class=FileResponse,
    responses=geotiff("The result, a cloud-optimised GeoTIFF.")
    | parts()
    | problems(404, 409, 410, 416),
)
def result(id: str, service: Served) -> FileResponse:
    """Answer the result of a job that is done."""
    return _file(id, RESULT, service)


@router.get(
    "/{id}/interval",
    operation_id="job_interval",
    summary="The per-pixel intervals of a job",
    response_class=FileResponse,
    responses=geotiff("Half-widths of the intervals.") | parts() | problems(404, 409, 410, 416),
)
def interval(id: str, service: Served) -> FileResponse:
    """Answer half-widths of 90 % intervals, of a job with uncertainty that is done."""
    return _file(id, INTERVAL, service)


@router.delete(
    "/{id}", operation_id="cancel_job", summary="Cancel a job", responses=problems(404, 507)
)
def cancel(id: str, service: Served) -> Job:
    """Cancel a job that waits or runs, or remove the result of one that is done."""
    _found(id, service)
    service.worker.cancel(id)
    return _shown(_found(id, service), service)


def _accept(record: Record, service: Service) -> None:
    """Put a job and its scene onto the disk."""
    folder = service.spool.of_job(record.id)
    keep(folder)
    service.spool.store.add(record)


def _found(id: str, service: Service) -> Record:
    record = service.spool.store.get(id)
    if record is None:
        raise UserError("unknown-job", "there is no such job", "check its name, or send it again")
    return record


def _file(id: str, name: str, service: Service) -> FileResponse:
    record = _found(id, service)
    if record.state in (State.QUEUED, State.RUNNING):
        raise UserError("result-not-ready", f"the job is {record.state}", "ask again later")
    if record.state == State.FAILED and record.fault:
        _, problem, remedy = record.fault
        raise UserError("job-failed", f"the job has failed: {problem}", remedy)
    if record.state == State.CANCELLED:
        raise UserError("job-cancelled", "the job was cancelled", "send the scene again")
    path = service.spool.of_job(id) / name
    if record.state == State.DONE and record.result and name == INTERVAL:
        _require_interval(record.result)
    if record.state == State.DONE:
        if copy := held(path, service.spool):
            return PassingFile(copy, media_type=GEOTIFF, filename=name)
        if path.is_file():
            return RangedFile(path, media_type=GEOTIFF, filename=name)
    raise UserError("result-expired", "the result has been removed", "send the scene again")


def _require_interval(result: dict[str, Any]) -> None:
    if not result["interval"]:
        raise UserError(
            "no-interval", "the job was not asked for intervals", "send the scene again"
        )


def _shown(record: Record, service: Service) -> Job:
    """Return a job as it is answered."""
    running, done = record.state == State.RUNNING, record.state == State.DONE
    now = service.worker.progress_of(record.id)
    share = now.done / now.total if running and now.total else float(done)
    ends = record.finished + service.settings.expiry if done and record.finished else None
    waits = record.state == State.QUEUED
    return Job(
        id=record.id,
        state=record.state,
        created=datetime.fromtimestamp(record.created, UTC),
        started=_time(record.started),
        finished=_time(record.finished),
        expires=_time(ends),
        waiting_before=service.spool.store.position(record.id) if waits else None,
        progress=round(share, 4),
        seconds_left=now.seconds_left if running else None,
        options={NAMES.get(name, name): value for name, value in record.options.items()},
        result=Result(**record.result) if record.result and done else None,
        problem=recorded_problem(record.fault, service.settings.spool) if record.fault else None,
        links=_links(record, service),
    )


def _links(record: Record, service: Service) -> dict[str, str]:
    own = f"{service.settings.root_path}/v1/jobs/{record.id}"
    links = {"self": own}
    if record.state == State.DONE and record.result:
        links["result"] = f"{own}/result"
        if record.result["interval"]:
            links["interval"] = f"{own}/interval"
    return links


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
