"""Squared distance of each row to the nearest point that a seeding has chosen so far."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.kernels.interface import Points
from tfx_kmeans.clustering.segments import Workers, segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_MOST_UNEVEN = 1e30


class Potential:
    """Squared distances of rows to the nearest chosen point, and draws in proportion to them.

    Attributes:
      closest: Squared distance to the nearest chosen point, float32 [n]; inf before the first.
      nearest: Index of that point, counted over all calls of `add`, int32 [n]; -1 before the first.
    """

    def __init__(self, rows: WeightedRows, workers: Workers) -> None:
        """Creates a potential without any chosen point.

        Args:
          rows: Rows from which points are chosen.
          workers: Threads and kernels.
        """
        self.closest = np.full(len(rows), np.inf, np.float32)
        self.nearest = np.full(len(rows), -1, np.int32)
        self._points = 0
        self._rows = rows
        self._workers = workers
        self._found = np.empty((0, len(rows)), np.float32)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws rows with probability proportional to weight times squared distance.

        If no point is chosen yet, or all distances are 0, the probability is proportional to the
        weight alone. Returns the indices of the rows, int64 [count].
        """
        drawn = None
        if self._points:
            drawn = drawn_rows(count, self.closest, self._rows, rng, self._workers)
        return self._rows.drawn(count, rng) if drawn is None else drawn

    def add(self, points: np.ndarray) -> None:
        """Adds points [m, d] to the chosen ones: updates `closest` and `nearest`."""
        scored = Points.of(points)

        def work(segment: slice) -> None:
            self._workers.kernels.fold(
                self._rows.values[segment],
                scored,
                self._points,
                self.closest[segment],
                self.nearest[segment],
            )

        self._workers.map(work, segments_of(len(self._rows), points.size))
        self._points += len(points)

    def add_best(self, points: np.ndarray) -> int:
        """Adds the one of points [m, d] that leaves the smallest total, and returns its index.

        Updates `closest`, but not `nearest`.
        """
        if len(self._found) < len(points):
            self._found = np.empty((len(points), len(self._rows)), np.float32)

        def work(segment: slice) -> np.ndarray:
            return self._workers.kernels.closest(
                self._rows.values[segment],
                self._rows.given_weights(segment),
                points,
                self.closest[segment],
                self._found[: len(points), segment],
            )

        totals = self._workers.map(work, segments_of(len(self._rows), points.size))
        best = int(np.argmin(np.sum(totals, axis=0)))
        self.closest[:] = self._found[best]
        self._points += 1
        return best

    def total(self) -> float:
        """Sum of weight times squared distance over all rows."""
        return weighted_total(self.closest, self._rows, self._workers)

    def masses(self) -> np.ndarray:
        """Total weight of the rows nearest to each point, float64; requires `nearest`."""
        segments = segments_of(len(self._rows), 1)
        parts = [
            np.bincount(self.nearest[part], self._rows.given_weights(part), self._points)
            for part in segments
        ]
        return np.asarray(parts, np.float64).sum(axis=0)

    def coreset(self, size: int, masses: np.ndarray, rng: np.random.Generator) -> WeightedRows:
        """A weighted sample of the rows whose inertia for any k centroids is about that of all.

        A row is drawn with probability proportional to its sensitivity (Feldman & Langberg 2011):
        half of the sample in proportion to weight times squared distance, and the other half
        evenly from all points' rows, so that neither far rows nor small groups are missed.

        Args:
          size: Number of draws.
          masses: Result of `masses`.
          rng: Source of the draws.
        """
        rows, total = self._rows, self.total()
        with np.errstate(divide='ignore'):
            evenness = np.minimum(masses.sum() / masses, _MOST_UNEVEN).astype(np.float32)
        evenness[masses == 0] = 0
        values = evenness[self.nearest]
        even = drawn_rows(size // 2, values, rows, rng, self._workers)
        assert even is not None, 'a row has a positive weight'
        index = np.concatenate([even, self.draw(size - size // 2, rng)])
        weight = np.ones(len(index)) if rows.weights is None else rows.weights[index]
        chance = weight * values[index] / weighted_total(values, rows, self._workers)
        if total > 0:
            chance = (chance + weight * self.closest[index] / total) / 2
        return WeightedRows(rows.values[index], weight / (size * chance))


def weighted_total(values: np.ndarray, rows: WeightedRows, workers: Workers) -> float:
    """Sum of weight times value float32 [n] over all rows, in an order that never changes."""
    return float(_totals(values, rows, workers, segments_of(len(rows), 1)).sum())


def _totals(
    values: np.ndarray, rows: WeightedRows, workers: Workers, segments: list[slice]
) -> np.ndarray:
    def total(segment: slice) -> float:
        weights = rows.given_weights(segment)
        return workers.kernels.draw(values[segment], weights, np.empty(0))[0]

    return np.array(workers.map(total, segments))


def drawn_rows(
    count: int,
    values: np.ndarray,
    rows: WeightedRows,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray | None:
    """Draws rows with replacement, with probability proportional to weight times value.

    Args:
      count: Number of draws.
      values: Values, not negative, float32 [n].
      rows: Rows that the values belong to.
      rng: Source of the draws.
      workers: Threads and kernels.

    Returns:
      Indices of the rows, int64 [count]; None if all chances are 0.
    """
    segments = segments_of(len(rows), 1)
    fractions = rng.random(count)

    def draw(segment: slice, fractions: np.ndarray) -> tuple[float, np.ndarray]:
        return workers.kernels.draw(values[segment], rows.given_weights(segment), fractions)

    if len(segments) == 1:
        total, drawn = draw(segments[0], fractions)
        return drawn if total > 0 else None
    sums = _totals(values, rows, workers, segments)
    if not sums.any():
        return None
    bounds = np.cumsum(sums)
    which = np.minimum(np.searchsorted(bounds, fractions * bounds[-1], side='right'),
                       np.flatnonzero(sums)[-1])  # fmt: skip
    drawn, fractions = np.empty(count, np.int64), rng.random(count)
    for index in np.unique(which):
        here, segment = which == index, segments[index]
        drawn[here] = segment.start + draw(segment, fractions[here])[1]
    return drawn
