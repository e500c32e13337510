"""Reads several streams in parallel threads and merges them in a deterministic order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

OPEN_AT_ONCE = 4
"""Number of sources read in parallel.

Fixed rather than derived from the number of cores, because it determines the merged order.
"""

Source = TypeVar('Source')
Item = TypeVar('Item')


def interleaved(
    sources: Sequence[Source], read: Callable[[Source], Iterator[Item]]
) -> Iterator[Item]:
    """Merges the items of all sources, taking one item from each open source in turn.

    At most `OPEN_AT_ONCE` sources are open at a time; a source that ends is replaced by the next.
    Threads read each open source one item ahead.

    Args:
      sources: Sources in the order in which they are opened.
      read: Function that opens a source and returns its items.
    """
    waiting = deque(sources)
    threads = ThreadPoolExecutor(min(OPEN_AT_ONCE, os.cpu_count() or 1), 'tfx_kmeans_read')

    def ahead(stream: Iterator[Item]) -> tuple[Iterator[Item], Future[list[Item]]]:
        return stream, threads.submit(_next_of, stream)

    try:
        open_streams = deque(
            ahead(read(waiting.popleft())) for _ in range(_number_to_open(waiting))
        )
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


def _number_to_open(waiting: Iterable[object]) -> int:
    return min(OPEN_AT_ONCE, sum(1 for _ in waiting))


def _next_of(stream: Iterator[Item]) -> list[Item]:
    """The next item as a list of one; an empty list at the end of the stream."""
    for item in stream:
        return [item]
    return []
