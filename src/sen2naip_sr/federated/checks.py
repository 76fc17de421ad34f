"""Whether what a site sends can be aggregated."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from flwr.app import Array as Packed
from flwr.app import Message

from sen2naip_sr.arrays import Array
from sen2naip_sr.federated.client import EXAMPLES, SITE

NAMED_AT_MOST = 120


@dataclass(frozen=True)
class Reply:
    """A site's answer.

    Attributes:
        message: As it arrived.
        site: The name that it gives, or its node's number.
        problem: Why it cannot be used; "": it can.
        norm: L2 norm of the change of the weights; NaN if it cannot be told.
    """

    message: Message
    site: str
    problem: str = ""
    norm: float = math.nan


def site_of(message: Message, names: Mapping[int, str]) -> str:
    """Return the name of the site that a message is from."""
    node = int(message.metadata.src_node_id)
    if node in names:  # the grid knows, whatever the site says
        return names[node]
    if message.has_content():
        record = message.content.config_records.get(SITE)
        said = record.get("name") if record else None
        if isinstance(said, str) and said:
            return said[:NAMED_AT_MOST]
    return f"node {node}"


def check_reply(
    message: Message,
    sent: Mapping[str, Array],
    site: str,
    *,
    equal: bool = False,
    clip: float | None = None,
) -> Reply:
    """Check names, shapes, dtypes and values of what a site sends.

    Args:
        message: Its answer to a training.
        sent: The weights that it started from.
        site: Its name.
        equal: Whether sites weigh the same, whatever they state.
        clip: The norm that changes were to be clipped to; None: to none.
    """
    if message.has_error():
        return Reply(message, site, str(message.error.reason))
    try:
        norm = math.sqrt(sum(_squares(message, sent, equal=equal).values()))
        _require_clipped(norm, clip, sent)
    except _UnusableError as error:
        return Reply(message, site, str(error))
    return Reply(message, site, norm=norm)


class _UnusableError(ValueError):
    """What is wrong with an answer."""


def _require_clipped(norm: float, clip: float | None, sent: Mapping[str, Array]) -> None:
    if clip is None:
        return
    # weights are rounded once more after the change was clipped
    size = math.sqrt(sum(float((array.astype(np.float64) ** 2).sum()) for array in sent.values()))
    if norm > clip * 1.001 + 2e-7 * size:
        raise _UnusableError(
            f"its change of the weights has norm {norm:.3g}, not clipped to {clip:g}"
        )


def _squares(message: Message, sent: Mapping[str, Array], *, equal: bool) -> dict[str, float]:
    """Return the sum of squares of every weight's change."""
    records = list(message.content.array_records.values())
    metrics = list(message.content.metric_records.values())
    if len(records) != 1 or len(metrics) != 1:
        raise _UnusableError("it sent no weights, or no metrics")
    examples = metrics[0].get(EXAMPLES)
    if not isinstance(examples, int | float) or not 0 < examples < math.inf:
        raise _UnusableError(f"it states {examples} training chips")
    if equal and examples != 1:
        raise _UnusableError(f"it weighs {examples:g}, and all sites weigh 1")
    if set(records[0]) != set(sent):
        raise _UnusableError("it sent weights of other names")
    return {name: _square(name, records[0][name], before) for name, before in sent.items()}


def _square(name: str, packed: Packed, before: Array) -> float:
    try:
        array = packed.numpy()
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise _UnusableError(f"{name} cannot be read: {error}") from error
    if array.shape != before.shape or array.dtype != before.dtype:
        raise _UnusableError(
            f"{name} is {array.dtype} of shape {array.shape}, not {before.dtype} of shape "
            f"{before.shape}"
        )
    if not np.isfinite(array).all():
        raise _UnusableError(f"{name} has values that are not finite")
    change = array.astype(np.float64) - before
    return float((change * change).sum())


def refuse_long(replies: list[Reply], largest: float | None) -> list[Reply]:
    """Refuse changes that are longer than ``largest`` times the median, of three or more."""
    usable = [reply for reply in replies if not reply.problem]
    if largest is None or len(usable) < 3:
        return replies
    limit = largest * float(np.median([reply.norm for reply in usable]))
    return [
        Reply(
            reply.message,
            reply.site,
            f"its change of the weights has norm {reply.norm:.3g}, above the limit {limit:.3g}",
            reply.norm,
        )
        if not reply.problem and reply.norm > limit
        else reply
        for reply in replies
    ]
