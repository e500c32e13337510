"""Segments of rows, and the threads that process them."""

import threading
import time

import pytest

from tfx_kmeans.clustering.segments import segments_of, worker_threads


def test_an_interrupt_does_not_wait_for_the_threads():
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


@pytest.mark.parametrize('rows', [1, 1023, 5000, 1_000_000])
@pytest.mark.parametrize('size', [1, 2048, 1 << 20])
def test_segments_cover_all_rows_in_order(rows, size):
    segments = segments_of(rows, size)
    assert [index for s in segments for index in (s.start, s.stop)][1:-1] == [
        index for s in segments[1:] for index in (s.start, s.start)
    ]
    assert sum(s.stop - s.start for s in segments) == rows
    assert len(segments) <= 64
    assert len(segments_of(rows, size, 1 << 20)) <= 4


def test_little_work_is_not_divided():
    assert len(segments_of(1000, 8 * 3)) == 1
    assert len(segments_of(1_000_000, 16 * 10)) > 8
