"""Segments of rows, and the threads that process them."""

import threading
import time

import pytest

from tfx_kmeans.clustering.segments import segments_of, worker_threads


def test_an_interrupt_does_not_wait_for_the_threads():
    """The threads may be compiling, which cannot be interrupted."""
    released, began = threading.Event(), time.monotonic()

    def interrupted():
        with worker_threads() as threads:
            threads.submit(released.wait, 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 1
    released.set()


def test_any_other_error_waits_for_the_threads():
    done = []

    def failing():
        with worker_threads() as threads:
            threads.submit(lambda: (time.sleep(0.2), done.append(1)))
            time.sleep(0.05)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert done == [1]


@pytest.mark.parametrize('rows', [0, 1, 1023, 5000, 1_000_000])
@pytest.mark.parametrize('size', [1, 2048, 1 << 20])
def test_segments_cover_all_rows_in_order(rows, size):
    segments = segments_of(rows, size)
    assert [index for s in segments for index in (s.start, s.stop)][1:-1] == [
        index for s in segments[1:] for index in (s.start, s.start)
    ]
    assert sum(s.stop - s.start for s in segments) == rows
    assert len(segments) <= 64
    assert len(segments_of(rows, size, max_segments=3)) <= 3
