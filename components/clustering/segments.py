"""How work over rows is cut up among threads, always in the same way for the same data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import numpy as np

_SUMS_AT_ONCE = 1 << 21  # doubles of [segments, k, d]: 16 MB, added up in a millisecond
_MOST_SEGMENTS = 64
_USUAL_SEGMENTS = 16  # more are handed out where each has enough to do
_LEAST_SEGMENTS = 4
_WORK = 1 << 26  # products of a segment that are worth handing it out: about a millisecond
_LEAST_ROWS = 1024  # of a segment: fewer are not worth a thread's start


def segments_of(num_rows: int, sums_size: int = 1, most: int | None = None) -> list[slice]:
    """At most `most` slices of rows, by their number and the size [k, d] of a segment's sums alone.

    Added up in order, what the segments give does not depend on the number of threads.
    """
    wanted = max(_USUAL_SEGMENTS, num_rows * sums_size // _WORK)
    allowed = min(wanted, most or _MOST_SEGMENTS, max(_LEAST_SEGMENTS, _SUMS_AT_ONCE // sums_size))
    count = max(1, min(allowed, num_rows // _LEAST_ROWS))
    bounds = np.linspace(0, num_rows, count + 1).astype(int)
    return [slice(start, stop) for start, stop in pairwise(bounds.tolist()) if stop > start]


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


@contextmanager
def worker_threads() -> Iterator[ThreadPoolExecutor]:
    """One thread for each core, ended when the block is left.

    Ctrl-C does not wait for what they are at, which may be compiling for seconds.
    """
    threads, wait = ThreadPoolExecutor(available_cores(), thread_name_prefix='kmeans'), True
    try:
        yield threads
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        threads.shutdown(wait=wait, cancel_futures=True)
