"""Divides work on rows among threads, always in the same way for the same data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

from tfx_kmeans.clustering.kernels.interface import Kernels

_MAX_SUMS = 1 << 22  # doubles in the sums [segments, k, d]: 32 MB, added up in some milliseconds
_MAX_SEGMENTS = 64
_USUAL_SEGMENTS = 16  # there are more only if each of them has enough work
_MIN_SEGMENTS = 4
_WORK = 1 << 29  # multiplications that make an additional segment pay: some milliseconds
_LEAST_WORK = 1 << 23  # multiplications that make a thread pay: about 0.2 milliseconds
_WORK_PER_ROW = 400  # multiplications that take as long as everything else that is done with a row

T = TypeVar('T')


def segments_of(num_rows: int, work: int, sums_size: int = 1) -> list[slice]:
    """Slices that divide rows among threads; one slice if there is too little work for threads.

    The slices do not depend on the number of threads. So if the results of the segments are added
    up in order, neither does the sum.

    Args:
      num_rows: Number of rows.
      work: Multiplications for each row, for example k times d.
      sums_size: Number of values in the sums of a segment.
    """
    wanted = max(_USUAL_SEGMENTS, num_rows * work // _WORK)
    limit = max(_MIN_SEGMENTS, _MAX_SUMS // sums_size)
    worth = num_rows * (work + _WORK_PER_ROW) // _LEAST_WORK
    count = max(1, min(wanted, _MAX_SEGMENTS, limit, worth, num_rows))
    if count < _USUAL_SEGMENTS:  # powers of two, which two and four cores can share evenly
        count = 1 << (count.bit_length() - 1)
    bounds = [num_rows * index // count for index in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


@dataclasses.dataclass(frozen=True)
class Workers:
    """What processes rows.

    Attributes:
      threads: Threads that process segments of rows.
      kernels: Kernels that the threads call.
    """

    threads: ThreadPoolExecutor
    kernels: Kernels

    def map(self, work: Callable[[slice], T], segments: Sequence[slice]) -> list[T]:
        """The results of the segments, in order. A single one is computed in this thread."""
        if len(segments) == 1:
            return [work(segments[0])]
        return list(self.threads.map(work, segments))


@contextmanager
def worker_threads() -> Iterator[ThreadPoolExecutor]:
    """Starts one thread for each core, and ends the threads when the `with` block is left.

    A KeyboardInterrupt does not wait for running tasks.
    """
    threads, wait = ThreadPoolExecutor(available_cores(), thread_name_prefix='kmeans'), True
    try:
        yield threads
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        threads.shutdown(wait=wait, cancel_futures=True)
