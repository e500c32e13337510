"""Divides work on rows among threads, always in the same way for the same data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import numpy as np

_MAX_SUMS = 1 << 21  # doubles in the sums [segments, k, d]: 16 MB, added up in a millisecond
_MAX_SEGMENTS = 64
_USUAL_SEGMENTS = 16  # there are more only if each of them has enough work
_MIN_SEGMENTS = 4
_WORK = 1 << 26  # multiplications that make an additional segment pay: about a millisecond
_MIN_ROWS = 1024  # in a segment: fewer are not worth starting a thread


def segments_of(num_rows: int, sums_size: int = 1, max_segments: int | None = None) -> list[slice]:
    """Slices that divide rows among threads.

    The slices do not depend on the number of threads. So if the results of the segments are added
    up in order, neither does the sum.

    Args:
      num_rows: Number of rows.
      sums_size: Number of values in the sums of a segment, k times d.
      max_segments: Maximum number of slices; None for 64.
    """
    wanted = max(_USUAL_SEGMENTS, num_rows * sums_size // _WORK)
    limit = max(_MIN_SEGMENTS, _MAX_SUMS // sums_size)
    allowed = min(wanted, max_segments or _MAX_SEGMENTS, limit)
    count = max(1, min(allowed, num_rows // _MIN_ROWS))
    bounds = np.linspace(0, num_rows, count + 1).astype(int)
    return [slice(start, stop) for start, stop in pairwise(bounds.tolist()) if stop > start]


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


@dataclasses.dataclass(frozen=True)
class Workers:
    """Resources of the passes before the first step (frame and seeding).

    Attributes:
      threads: Threads that process segments of rows.
      compiled: Whether the passes use compiled code instead of NumPy.
    """

    threads: ThreadPoolExecutor
    compiled: bool = False


@contextmanager
def worker_threads() -> Iterator[ThreadPoolExecutor]:
    """Starts one thread for each core, and ends the threads when the `with` block is left.

    A KeyboardInterrupt does not wait for running tasks, which may be compiling for seconds.
    """
    threads, wait = ThreadPoolExecutor(available_cores(), thread_name_prefix='kmeans'), True
    try:
        yield threads
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        threads.shutdown(wait=wait, cancel_futures=True)
