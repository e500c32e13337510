"""Squared distance of each row to the nearest point that a seeding has chosen so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from tfx_kmeans.clustering.distances import squared_distances_to, squared_norms
from tfx_kmeans.clustering.segments import Workers, segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 8192

_MAX_SEGMENTS = 16
_MIN_VALUES = 1 << 18  # in a segment: at most a millisecond's work

T = TypeVar('T')


class Potential:
    """Squared distances of rows to the nearest chosen point, and draws in proportion to them.

    Attributes:
      closest: Squared distance to the nearest chosen point, float32 [n]; inf before the first.
      nearest: Index of that point, counted over all calls of `add`, int32 [n]; -1 before the first.
    """

    def __init__(
        self,
        rows: WeightedRows,
        workers: Workers,
    ) -> None:
        """Creates a potential without any chosen point.

        Args:
          rows: Rows from which points are chosen.
          workers: Threads, and whether to use compiled passes.
        """
        self.closest = np.full(len(rows), np.inf, np.float32)
        self.nearest = np.full(len(rows), -1, np.int32)
        self._points = 0
        self._rows = rows
        self._threads = workers.threads
        self._segments = segments_of(len(rows), max_segments=_segment_count(rows))
        self._compiled = workers.compiled

    def total(self) -> float:
        """Sum of weight times squared distance over all rows."""
        return float(self._by_segment(self.chances_in).sum())

    def chances_in(self, segment: slice) -> np.ndarray:
        """Weight times squared distance of each row in a segment, float64."""
        return self.closest[segment] * self._rows.weights_in(segment)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws rows with probability proportional to weight times squared distance.

        If no point is chosen yet, or all distances are 0, the probability is proportional to the
        weight alone. Returns the indices of the rows, int64 [count].
        """
        chances_in = self.chances_in if self._points else self._rows.weights_in
        sums = self._by_segment(chances_in)
        if not sums.any():
            chances_in = self._rows.weights_in
            sums = self._by_segment(chances_in)
        return drawn_rows(count, chances_in, self._segments, sums, rng)

    def add(self, points: np.ndarray) -> None:
        """Adds points [m, d] to the chosen ones: updates `closest` and `nearest`."""
        fold = _fold_nearest if not self._compiled else _compiled_fold()

        def work(segment: slice) -> None:
            closest, nearest = self.closest[segment], self.nearest[segment]
            fold(self._rows.values[segment], points, self._points, closest, nearest)

        self._run(work)
        self._points += len(points)

    def add_best(self, points: np.ndarray) -> int:
        """Adds the one of points [m, d] that leaves the smallest total, and returns its index.

        Updates `closest`, but not `nearest`.
        """
        fill = closest_filler(self._compiled)
        found = np.empty((len(points), len(self._rows)), np.float32)

        def work(segment: slice) -> np.ndarray:
            part = np.empty((len(points), segment.stop - segment.start), np.float32)
            fill(self._rows.values[segment], points, self.closest[segment], part)
            found[:, segment] = part
            return part @ self._rows.weights_in(segment)

        best = int(np.argmin(np.sum(self._run(work), axis=0)))
        self.closest = found[best].copy()
        self._points += 1
        return best

    def _by_segment(self, values_in: Callable[[slice], np.ndarray]) -> np.ndarray:
        return np.array(self._run(lambda segment: values_in(segment).sum()))

    def _run(self, work: Callable[[slice], T]) -> list[T]:
        if len(self._segments) == 1:
            return [work(self._segments[0])]
        return list(self._threads.map(work, self._segments))


def _segment_count(rows: WeightedRows) -> int:
    """Number of segments: few, because a pass does little work on each value."""
    return max(1, min(_MAX_SEGMENTS, len(rows) * rows.width // _MIN_VALUES))


def drawn_rows(
    count: int,
    chances_in: Callable[[slice], np.ndarray],
    segments: list[slice],
    sums: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws rows with replacement: first a segment in proportion to its sum, then a row in it.

    Args:
      count: Number of draws.
      chances_in: Function that returns what the probabilities in a segment are proportional to.
      segments: Segments of all rows.
      sums: Sum of these values in each segment.
      rng: Source of the draws.

    Returns:
      Indices of the rows, int64 [count].
    """
    which = [segments[index] for index in _positions(sums, rng.random(count))]
    return np.array([s.start + int(_positions(chances_in(s), rng.random(1))[0]) for s in which])


def _positions(chances: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Indices where the cumulative probability exceeds fractions of the total; skips zeros."""
    cumulative = np.cumsum(chances)
    found = np.searchsorted(cumulative, fractions * cumulative[-1], side='right')
    return np.minimum(found, np.flatnonzero(chances)[-1])


def _fill_closest(
    rows: np.ndarray, points: np.ndarray, closest: np.ndarray, found: np.ndarray
) -> None:
    """Does in NumPy what `compiled_seeding.fill_closest` does."""
    norms = squared_norms(rows)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = squared_distances_to(rows[block], norms[block], points).T
        found[:, block] = np.minimum(distances, closest[block])


def _fold_nearest(
    rows: np.ndarray, points: np.ndarray, first: int, closest: np.ndarray, nearest: np.ndarray
) -> None:
    """Does in NumPy what `compiled_seeding.fold_nearest` does."""
    norms = squared_norms(rows)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = squared_distances_to(rows[block], norms[block], points)
        arg = distances.argmin(axis=1)
        least = np.take_along_axis(distances, arg[:, np.newaxis], axis=1)[:, 0]
        closer = least < closest[block]
        closest[block][closer] = least[closer]
        nearest[block][closer] = first + arg[closer]


def closest_filler(compiled: bool) -> Callable[..., None]:
    """`compiled_seeding.fill_closest`, or the function that does the same in NumPy."""
    if not compiled:
        return _fill_closest
    from tfx_kmeans.clustering.kernels.compiled_seeding import fill_closest

    return fill_closest


def _compiled_fold() -> Callable[..., None]:
    from tfx_kmeans.clustering.kernels.compiled_seeding import fold_nearest

    return fold_nearest
