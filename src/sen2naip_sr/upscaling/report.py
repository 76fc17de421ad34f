"""The outcomes of upscaling many scenes, as rows of a table and in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sen2naip_sr.errors import REMEDY
from sen2naip_sr.upscaling.conditions import CONDITIONS
from sen2naip_sr.upscaling.files import Upscaled
from sen2naip_sr.upscaling.scenes import Job


@dataclass(frozen=True)
class Outcome:
    """The outcome of one scene.

    Attributes:
        job: The scene and its result.
        state: done, skipped (its result existed already) or failed.
        result: The result, if it is done.
        message: Why it failed.
        code: The code of the `UserError` that it failed with, if it was one.
    """

    job: Job
    state: Literal["done", "skipped", "failed"]
    result: Upscaled | None = None
    message: str = ""
    code: str = ""

    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        known = ("width", "height", "seconds", "megapixels_per_second")
        return {
            "scene": str(self.job.source),
            "result": str(self.job.target),
            "state": self.state,
            "message": self.message,
            **{name: getattr(self.result, name, None) for name in known},
        }

    def event(self) -> dict[str, Any]:
        """Return it as an event for programs: files as text, and why it failed."""
        told = {"event": self.state, "scene": str(self.job.source), "target": str(self.job.target)}
        if self.state != "failed":
            return told
        problem, _, remedy = self.message.partition(REMEDY)
        return {**told, "code": self.code, "problem": problem, "remedy": remedy}


def describe(outcome: Outcome) -> str:
    """Return the outcome of a scene in a few lines."""
    job, result = outcome.job, outcome.result
    if outcome.state == "failed":
        return f"FAILED {outcome.message}"
    if outcome.state == "skipped":
        return f"{job.target}: already up to date, skipped"
    assert result is not None
    where = "no georeferencing"
    if result.placed_by:
        where = f"georeferenced by its {result.placed_by}"
    elif result.pixel and result.bounds:
        size = " x ".join(f"{side:g}" for side in dict.fromkeys(result.pixel))
        bounds = ", ".join(f"{bound:.10g}" for bound in result.bounds)
        where = f"pixel {size}, bounds {bounds}, {result.crs or 'no coordinate system'}"
    low, high = result.value_range
    lines = [
        str(job.target),
        f"  {result.width:,} x {result.height:,} pixels, {where}",
        f"  {result.seconds:.1f} s, {result.megapixels_per_second:.2f} megapixels a second; "
        f"values {low:g} to {high:g} as 0 to 1",
    ]
    if told := [f"{n} {result.made_with[n]}" for n in CONDITIONS if n in result.made_with]:
        told.append(f"sharpness {result.made_with['sharpness']}")
        told.append(f"flat areas {result.made_with['flat_areas']}")
        lines.append(f"  {'; '.join(told)}")
    if result.intervals:
        lines.append(f"  intervals: {job.interval}")
    if result.item:
        lines.append(f"  STAC item: {job.item}")
    return "\n".join(lines)


def summarise_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Return how many scenes were done, skipped and failed, and which failed."""
    of_state = {
        state: [outcome for outcome in outcomes if outcome.state == state]
        for state in ("done", "skipped", "failed")
    }
    counts = ", ".join(f"{len(some)} {state}" for state, some in of_state.items())
    failed = [f"  {outcome.message}" for outcome in of_state["failed"]]
    return "\n".join([f"{len(outcomes)} scenes: {counts}", *failed])
