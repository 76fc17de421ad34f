"""Why a training in several processes ended: which process, and what happened to it."""

import logging
import re
import signal
from dataclasses import dataclass, field
from typing import Any

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous.api import RendezvousError

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.distributed.rank import ENDED
from sen2naip_sr.training.distributed.room import not_met
from sen2naip_sr.training.parameters.distributed import DistributedParameters

LOST = re.compile(
    r"closed by peer|reset by peer|connection refused|broken pipe|gloo|nccl|timed out|"
    r"DistBackendError|DistNetworkError|store",
    re.IGNORECASE,
)
"""What torch says where another process is gone."""
WAITED = re.compile(r"timed out|timeout", re.IGNORECASE)

logger = logging.getLogger(__name__)


@dataclass
class Story:
    """What the processes of this machine said.

    Attributes:
        distributed: The processes.
        processes: Their number on this machine.
        pids: The number of each process, by rank.
        errors: Errors that the user can fix, by rank.
        failures: Other errors, by rank: in one line, and with the traceback.
        ended: Ranks that were told to end, as the others are where one fails.
        done: Ranks that have finished.
        ready: Ranks that have met the others.
    """

    distributed: DistributedParameters
    processes: int
    pids: dict[int, int] = field(default_factory=dict)
    errors: dict[int, UserError] = field(default_factory=dict)
    failures: dict[int, tuple[str, str]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    ready: set[int] = field(default_factory=set)

    def note(self, rank: int, kind: str, said: list[Any]) -> None:
        """Note what a process said."""
        if kind == "pid":
            self.pids[rank] = said[0]
        elif kind == "error":
            self.errors[rank] = UserError(*said)
        elif kind == "failure":
            self.failures[rank] = (said[0], said[1])
        elif kind == ENDED:
            self.ended.add(rank)
        elif kind == "done":
            self.done.add(rank)
        elif kind == "ready":
            self.ready.add(rank)


def explain(error: BaseException, story: Story) -> BaseException:
    """Return the error to raise for what torch's launcher raised."""
    if story.errors:
        return story.errors[min(story.errors)]
    if isinstance(error, RendezvousError):
        return not_met(story.distributed)
    if isinstance(error, ChildFailedError):
        return _failed(error, story)
    if not story.pids and story.distributed.nodes > 1:
        return not_met(story.distributed)
    return error


def _failed(error: ChildFailedError, story: Story) -> UserError:
    rank, failure = error.get_first_failure()
    world = story.processes * story.distributed.nodes
    own = {r: text for r, (text, _) in story.failures.items() if not LOST.search(text)}
    silent = story.pids.keys() - story.failures.keys() - story.ended - story.done
    if failure.exitcode < 0 and rank not in story.ended:
        cause = _by_signal(failure.exitcode)
    elif own:
        rank = min(own)
        cause = own[rank]
    elif silent:
        # it died before the others noticed
        rank, cause = min(silent), "killed (out of memory?)"
    elif rank in story.ended:
        cause = "it was told to end"
    elif rank in story.failures:
        text = story.failures[rank][0]
        waited = (
            f"it waited {story.distributed.timeout:g} s for the others: "
            if WAITED.search(text)
            else "it lost another process: "
        )
        cause = waited + text
    else:
        cause = f"it ended with exit code {failure.exitcode}"
    for text, trace in story.failures.values():
        logger.debug("%s\n%s", text, trace)
    return UserError(
        "process-failed",
        f"process {rank} of {world} of the training failed: {cause}",
        "start the training again: it resumes from its last checkpoint",
    )


def _by_signal(exitcode: int) -> str:
    name = signal.Signals(-exitcode).name
    return f"killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"
