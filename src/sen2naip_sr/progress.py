"""The project's progress bar, on standard error; silent if that is no terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")


def progress_bar(shown: bool = True) -> Progress:
    """Return a progress bar, a context manager; of several processes with one task, one shows it.

    It shows the count and the remaining time, at the end the elapsed time.
    A task's ``status`` field is shown at the end of its line, for live values.
    """
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(bar_width=14),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[status]}"),
        console=Console(stderr=True),
        refresh_per_second=4,
        disable=not shown,
    )


def track(
    items: Iterable[Item], description: str, total: int, shown: bool = True
) -> Iterator[Item]:
    """Yield ``items``, ``total`` in number, and show the progress if ``shown``."""
    with progress_bar(shown) as bar:
        task = bar.add_task(description, total=total, status="")
        for item in items:
            yield item
            bar.advance(task)
