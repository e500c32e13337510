"""Several streams side by side on threads, merged in an order that the threads do not change."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

OPEN_AT_ONCE = 4  # never by the number of cores: it decides the order of the merged stream

Source = TypeVar('Source')
Item = TypeVar('Item')


def interleaved(
    sources: Sequence[Source], read: Callable[[Source], Iterator[Item]]
) -> Iterator[Item]:
    """The items of all sources: one of each open source in turn, the next source when one ends.

    At most `OPEN_AT_ONCE` sources are open, each read one item ahead by a thread.
    """
    waiting = deque(sources)
    threads = ThreadPoolExecutor(min(OPEN_AT_ONCE, os.cpu_count() or 1), 'tfx_kmeans_read')

    def ahead(stream: Iterator[Item]) -> tuple[Iterator[Item], Future[list[Item]]]:
        return stream, threads.submit(_next_of, stream)

    try:
        open_streams = deque(ahead(read(waiting.popleft())) for _ in range(_first(waiting)))
        while open_streams:
            stream, future = open_streams.popleft()
            items = future.result()
            if items:
                open_streams.append(ahead(stream))
                yield from items
            elif waiting:
                open_streams.append(ahead(read(waiting.popleft())))
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _first(waiting: Iterable[object]) -> int:
    return min(OPEN_AT_ONCE, sum(1 for _ in waiting))


def _next_of(stream: Iterator[Item]) -> list[Item]:
    """The next item in a list, an empty list at the end."""
    for item in stream:
        return [item]
    return []
