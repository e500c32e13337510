"""The lines that the trainer logs."""

import logging
import math

import pytest

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Iteration
from tfx_kmeans.kmeans_trainer.progress_log import ProgressLog, iterations_left


def history(*inertias, seconds=1.0):
    return [Iteration(inertia, 10, seconds) for inertia in inertias]


def geometric(ratio, first_fall, count):
    """Iterations whose relative decrease of the inertia shrinks by a constant ratio."""
    inertias = [1000.0]
    for index in range(count):
        inertias.append(inertias[-1] * (1 - first_fall * ratio**index))
    return history(*inertias)


def test_iterations_left_are_extrapolated():
    left = iterations_left(geometric(0.5, 0.1, 6), 1e-4)
    falls_needed = math.ceil(math.log(1e-4 / 0.1, 0.5)) - 5
    assert left == falls_needed
    assert iterations_left(history(10.0), 1e-4) == math.inf
    assert iterations_left(history(10, 9, 8, 7), 1e-4) == math.inf  # the decreases grow
    assert iterations_left(geometric(0.5, 0.1, 6), 0.0) == math.inf
    assert iterations_left(history(10, 9.9999), 1e-4) == 1
    assert iterations_left(history(0.0, 0.0), 1e-4) == math.inf


@pytest.fixture
def lines(caplog):
    """A function that logs iterations and returns the lines; each iteration takes two seconds."""

    def log(options, iterations, seconds=2.0):
        now = [0.0]
        progress = ProgressLog(options, options.num_restarts, clock=lambda: now[0])
        with caplog.at_level(logging.INFO):
            for restart, index, iteration in iterations:
                now[0] += seconds
                progress(restart, index, iteration)
        return caplog.messages

    return log


def test_a_long_fit_logs_the_remaining_time(lines):
    iterations = geometric(0.5, 0.1, 8)
    options = KMeansOptions(num_clusters=3, num_restarts=2)
    found = lines(options, [(0, index, seen) for index, seen in enumerate(iterations)])
    assert found[0] == 'restart 1 of 2, iteration 1: inertia 1000, 10 rows moved, 1.000 s'
    assert 'left' not in found[3]
    # 9 iterations done, 3 more until the tolerance, and a second restart of the same length
    assert found[8].endswith('1.000 s, about 15 s left')


def test_without_a_trend_the_remaining_time_assumes_max_iterations(lines):
    options = KMeansOptions(num_clusters=3, relative_tolerance=0.0, max_iterations=1000)
    iterations = [(0, index, Iteration(1000.0 - index, None, 3.0)) for index in range(10)]
    assert (
        lines(options, iterations)[-1]
        == 'restart 1 of 1, iteration 10: inertia 991, 3.000 s, about 50 min left'
    )


def test_there_is_at_most_one_line_per_second(lines):
    many = [(0, index, Iteration(5.0, 0, 0.01)) for index in range(500)]
    assert len(lines(KMeansOptions(num_clusters=3), many, seconds=0.01)) == 5
