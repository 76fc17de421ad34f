"""The one progress bar of the project, on standard error and quiet where it is no terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")


def progress_bar() -> Progress:
    """Return a progress bar (a context manager) with count and time left, in the end time taken.

    A task's ``status`` field is shown at the end of its line, for live figures.
    """
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(bar_width=14),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[status]}"),
        console=Console(stderr=True),
        refresh_per_second=4,
    )


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield ``items`` and show how far they have come.

    Args:
        items: What to go through.
        description: What is being done, in a few words.
        total: How many items there are.
    """
    with progress_bar() as bar:
        task = bar.add_task(description, total=total, status="")
        for item in items:
            yield item
            bar.advance(task)
