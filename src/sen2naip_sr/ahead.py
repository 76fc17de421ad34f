"""Read-ahead: work that threads do a few items ahead of its use."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

WORKERS = min(4, os.cpu_count() or 1)
"""More threads than cores are slower, since opening a raster holds Python's global lock."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    initializer: Callable[[], object] | None = None,
) -> Generator[Result, None, None]:
    """Apply ``function`` in threads and yield results in order, only a few items ahead.

    Unlike ``Executor.map`` it holds only as many results as keep the workers busy, so memory does
    not grow with the number of items. Errors of the function are raised here. ``initializer`` is
    called once at the start of every thread.
    """
    with ThreadPoolExecutor(WORKERS, initializer=initializer) as pool:
        source = iter(items)
        pending: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in islice(source, 2 * WORKERS)
        )
        try:
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(source, 1))
                yield result
        finally:
            for future in pending:
                future.cancel()
