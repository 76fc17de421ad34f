"""Many scenes: one after the other in this process, or many at once on a Dask cluster."""

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from sen2naip_sr.cluster import connect
from sen2naip_sr.errors import UserError
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.raster.areas.reading import is_text
from sen2naip_sr.upscaling.files import describe_finished, upscale_file
from sen2naip_sr.upscaling.finished import digest, is_finished
from sen2naip_sr.upscaling.networks.finding import factor_of
from sen2naip_sr.upscaling.parameters import UpscalingParameters
from sen2naip_sr.upscaling.report import Outcome, describe, summarise_outcomes
from sen2naip_sr.upscaling.scenes import Job, find_jobs
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.weights.files import Weights

Progress = Callable[[int, int], object]
Tell = Callable[[Mapping[str, Any]], object]

_at_a_time = Lock()


def upscale_all(
    parameters: UpscalingParameters,
    show: Callable[[str], object],
    weights: Weights | None = None,
    tell: Tell | None = None,
) -> list[Outcome]:
    """Upscale all scenes that the parameters name. A failed scene does not stop the others.

    ``show`` is called with lines of text: the network, the outcome of each scene, a summary.
    Weights replace those that the parameters name. ``tell``, if given, is called with events for
    programs instead of a progress bar: ``progress`` with ``scene``, ``done`` and ``total`` tiles
    (not on a cluster), then ``done``, ``skipped`` or ``failed`` (`Outcome.event`).

    Raises:
        UserError: If there is no scene, or no network to upscale it with.
    """
    if not parameters.source:
        raise UserError(
            "no-scene",
            "there is no scene to upscale",
            "give a raster, a folder of them or a glob pattern",
        )
    factor = factor_of(parameters, weights)
    jobs = find_jobs(parameters.source, parameters.output, parameters.shard, factor)
    if parameters.scheduler:
        finished = _on_cluster(_for_workers(parameters, weights), jobs, show)
    else:
        upscaler = Upscaler(parameters, weights)
        show(f"{upscaler.label}; {upscaler.network.describe()}")
        finished = _one_by_one(parameters, upscaler, jobs, tell)
    outcomes = []
    for outcome in finished:
        outcomes.append(outcome)
        if tell is not None:
            tell(outcome.event())
        show(describe(outcome))
    if len(outcomes) > 1:
        show(summarise_outcomes(outcomes))
    return outcomes


def _one_by_one(
    parameters: UpscalingParameters, upscaler: Upscaler, jobs: Iterable[Job], tell: Tell | None
) -> Iterator[Outcome]:
    for job in jobs:
        with progress_bar(shown=tell is None) as bar:
            task = bar.add_task(job.name, total=None, status="")

            def advance(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)  # noqa: B023 - of this turn
                if tell is not None:
                    scene = str(job.source)  # noqa: B023 - of this turn
                    tell({"event": "progress", "scene": scene, "done": done, "total": total})

            outcome = _attempt(parameters, upscaler, job, advance)
        # after the bar is closed, as lines of text would break into it
        yield outcome


def _attempt(
    parameters: UpscalingParameters, upscaler: Upscaler, job: Job, progress: Progress | None = None
) -> Outcome:
    """Upscale a scene unless its result exists; an error becomes a failed outcome."""
    try:
        if job.fault:
            raise job.fault
        settings = digest(upscaler.settings)
        done = is_finished(job, settings, with_interval=parameters.uncertainty)
        if done and not parameters.overwrite:
            if parameters.stac:
                describe_finished(upscaler, job)
            return Outcome(job, "skipped")
        result = upscale_file(
            upscaler,
            job,
            overwrite=parameters.overwrite,
            stac=parameters.stac,
            progress=progress,
        )
        return Outcome(job, "done", result)
    except UserError as error:
        return Outcome(job, "failed", message=str(error), code=error.code)
    except Exception as error:
        # one scene among many: its fault must not stop the others
        last = "".join(traceback.format_exception(error)[-2:]).strip()
        return Outcome(job, "failed", message=f"{job.source}: {last}")


def _for_workers(parameters: UpscalingParameters, weights: Weights | None) -> UpscalingParameters:
    """Return parameters that name files by absolute paths, which workers find too."""
    path = Path(weights.source) if weights else parameters.weights
    found: dict[str, Path | str | None] = {"weights": path and path.absolute()}
    if parameters.aoi is not None and not is_text(parameters.aoi):
        found |= {"aoi": os.path.abspath(os.path.expanduser(parameters.aoi))}
    return parameters.model_copy(update=found)


def _on_cluster(
    parameters: UpscalingParameters, jobs: list[Job], show: Callable[[str], object]
) -> Iterator[Outcome]:
    """Upscale on the workers of a Dask scheduler; they see the same paths."""
    absolute = [job.absolute for job in jobs]
    client = connect(str(parameters.scheduler))
    from distributed import as_completed

    with client, progress_bar() as bar:
        workers = client.scheduler_info()["workers"]
        show(f"{len(jobs)} scenes on {len(workers)} workers of {parameters.scheduler}")
        task = bar.add_task("Scenes", total=len(jobs), status="")
        text = parameters.model_dump_json()
        futures = [client.submit(_on_worker, text, job, pure=False) for job in absolute]
        places = dict(zip(futures, absolute, strict=True))
        for future in as_completed(futures):
            bar.advance(task)
            if failure := future.exception():  # a worker that died, or has no weights
                yield Outcome(places[future], "failed", message=str(failure))
            else:
                yield future.result()


def _on_worker(parameters: str, job: Job) -> Outcome:
    # a worker may have many threads, a network takes one; its predictions use all cores anyway
    with _at_a_time:
        checked, upscaler = _ready(parameters)
        return _attempt(checked, upscaler, job)


@lru_cache(maxsize=1)
def _ready(parameters: str) -> tuple[UpscalingParameters, Upscaler]:
    checked = UpscalingParameters.model_validate_json(parameters)
    return checked, Upscaler(checked)
