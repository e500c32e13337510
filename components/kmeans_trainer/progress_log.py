"""How a clustering is coming along, in the log."""

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
_LONG = 10.0  # seconds after which people want to know how long it still takes
_RECENT = 5  # iterations that the next ones are judged by


class ProgressLog:
    """Logs iterations, at most one in a second, and when it runs for long the time left."""

    def __init__(
        self, options: KMeansOptions, runs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args:
        options: of the clustering.
        runs: how many there will be, 1 where a base model says where to start.
        clock: seconds.
        """
        self._options = options
        self._runs = runs
        self._clock = clock
        self._began = clock()
        self._told = -math.inf
        self._histories: dict[int, list[Iteration]] = {}

    def __call__(self, restart: int, index: int, iteration: Iteration) -> None:
        """Takes notice of an iteration (both numbers from 0)."""
        history = self._histories.setdefault(restart, [])
        history.append(iteration)
        now = self._clock()
        if now - self._told < _SECONDS_BETWEEN_LINES:
            return
        self._told = now
        _log.info('%s', self._line(restart, index, history, now - self._began))

    def _line(self, restart: int, index: int, history: list[Iteration], elapsed: float) -> str:
        iteration = history[-1]
        moved = '' if iteration.moved is None else f', {iteration.moved:,} rows moved'
        left = f', about {_spoken(self._left(restart, history))} left' if elapsed >= _LONG else ''
        return (
            f'restart {restart + 1} of {self._runs}, iteration {index + 1}: '
            f'inertia {iteration.inertia:.6g}{moved}, {iteration.seconds:.3f} s{left}'
        )

    def _left(self, restart: int, history: list[Iteration]) -> float:
        """Seconds, by the recent iterations' length and how fast the inertia's fall slows down."""
        recent = history[-_RECENT:]
        seconds = sum(iteration.seconds for iteration in recent) / len(recent)
        allowed = self._options.max_iterations - len(history)
        here = min(allowed, iterations_left(history, self._options.relative_tolerance))
        lengths = [len(past) for number, past in self._histories.items() if number != restart]
        each = sum(lengths) / len(lengths) if lengths else len(history) + here
        return seconds * (here + each * (self._runs - restart - 1))


def iterations_left(history: list[Iteration], relative_tolerance: float) -> float:
    """About how many iterations until the relative fall of the inertia is down to the tolerance.

    The falls are taken to shrink geometrically, as they did of late; infinity where they do not.
    """
    recent = [iteration.inertia for iteration in history[-_RECENT - 1 :]]
    falls = [1 - after / before for before, after in pairwise(recent) if before]
    if not falls or falls[-1] <= relative_tolerance:
        return 1 if falls else math.inf
    if len(falls) < 2 or not 0 < falls[-1] < falls[0] or relative_tolerance == 0:
        return math.inf
    slowing = math.log(falls[-1] / falls[0]) / (len(falls) - 1)
    return math.ceil(math.log(relative_tolerance / falls[-1]) / slowing)


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'
