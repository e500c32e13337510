"""Logs the progress of a clustering."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from itertools import pairwise

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Iteration

_log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 1.0
_ESTIMATE_AFTER = 10.0  # seconds after which lines include the remaining time
_RECENT = 5  # iterations that the remaining time is estimated from


class ProgressLog:
    """Logs iterations, at most once per second, and in long runs the estimated remaining time."""

    def __init__(
        self, options: KMeansOptions, runs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Creates a log.

        Args:
          options: Options of the clustering.
          runs: Number of runs: `num_restarts`, or 1 if the clustering starts from a base model.
          clock: Function that returns the time in seconds.
        """
        self._options = options
        self._runs = runs
        self._clock = clock
        self._started = clock()
        self._last_line = -math.inf
        self._histories: dict[int, list[Iteration]] = {}

    def __call__(self, restart: int, index: int, iteration: Iteration) -> None:
        """Records an iteration, and logs it unless there was a line within the last second.

        Args:
          restart: Index of the restart, from 0.
          index: Index of the iteration in this restart, from 0.
          iteration: Record of the iteration.
        """
        history = self._histories.setdefault(restart, [])
        history.append(iteration)
        now = self._clock()
        if now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        _log.info('%s', self._line(restart, index, history, now - self._started))

    def _line(self, restart: int, index: int, history: list[Iteration], elapsed: float) -> str:
        iteration = history[-1]
        moved = '' if iteration.moved is None else f', {iteration.moved:,} rows moved'
        left = ''
        if elapsed >= _ESTIMATE_AFTER:
            left = f', about {_duration(self._seconds_left(restart, history))} left'
        return (
            f'restart {restart + 1} of {self._runs}, iteration {index + 1}: '
            f'inertia {iteration.inertia:.6g}{moved}, {iteration.seconds:.3f} s{left}'
        )

    def _seconds_left(self, restart: int, history: list[Iteration]) -> float:
        """Estimates the remaining seconds from the duration and inertia of recent iterations."""
        recent = history[-_RECENT:]
        seconds = sum(iteration.seconds for iteration in recent) / len(recent)
        allowed = self._options.max_iterations - len(history)
        here = min(allowed, iterations_left(history, self._options.relative_tolerance))
        lengths = [len(past) for number, past in self._histories.items() if number != restart]
        each = sum(lengths) / len(lengths) if lengths else len(history) + here
        return seconds * (here + each * (self._runs - restart - 1))


def iterations_left(history: list[Iteration], relative_tolerance: float) -> float:
    """Estimates the number of iterations until the inertia's relative decrease is at the tolerance.

    Assumes that the decreases shrink geometrically, as in recent iterations. Returns infinity if
    they do not shrink.
    """
    recent = [iteration.inertia for iteration in history[-_RECENT - 1 :]]
    falls = [1 - after / before for before, after in pairwise(recent) if before]
    if not falls or falls[-1] <= relative_tolerance:
        return 1 if falls else math.inf
    if len(falls) < 2 or not 0 < falls[-1] < falls[0] or relative_tolerance == 0:
        return math.inf
    slowing = math.log(falls[-1] / falls[0]) / (len(falls) - 1)
    return math.ceil(math.log(relative_tolerance / falls[-1]) / slowing)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'
