"""Improves a k-means++ start by local search (Lattanzi & Sohler 2019).

k-means++ sometimes places two centroids in one cluster and none in another, which Lloyd's algorithm
does not correct. So more rows are drawn in the same way as by k-means++. Each of them replaces the
centroid whose loss increases the inertia least, if that lowers the inertia.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from tfx_kmeans.clustering.distances import paired_squared_distances, squared_norms
from tfx_kmeans.clustering.seeding.potential import closest_filler, drawn_rows
from tfx_kmeans.clustering.segments import Workers, segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_STEPS = 25  # as in the experiments of the paper, where more steps improved little
_MIN_ROWS, _ROWS_PER_CLUSTER = 1 << 16, 100
_SCORES_AT_ONCE = 1 << 19
_SEGMENTS = 8  # few, because each takes little time

T = TypeVar('T')


def local_search(
    rows: WeightedRows,
    centroids: np.ndarray,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray:
    """Exchanges centroids for rows to lower the inertia, and returns the result, float32 [k, d].

    The inertia is that of a sample of 100 rows per cluster, but of at least 65,536 rows (or of all
    rows if there are fewer); it never rises.
    """
    search = _Search(_sample(rows, len(centroids), rng), centroids.copy(), workers)
    for _ in range(_STEPS):
        if not search.step(rng):
            break
    return search.centroids


def _sample(rows: WeightedRows, num_clusters: int, rng: np.random.Generator) -> WeightedRows:
    size = max(_MIN_ROWS, _ROWS_PER_CLUSTER * num_clusters)
    if size >= len(rows):
        return rows
    index = np.sort(rng.choice(len(rows), size, replace=False, shuffle=False))
    return WeightedRows(rows.values[index], None if rows.weights is None else rows.weights[index])


class _Search:
    """The two nearest centroids of each row, kept up to date while centroids are exchanged.

    Attributes:
      centroids: Current centroids, float32 [k, d].
      nearest: Index of each row's nearest centroid, int32 [n].
      second: Index of each row's second nearest centroid, int32 [n]; -1 if there is only one.
      closest: Squared distance of each row to its nearest centroid, float32 [n].
      next: Squared distance of each row to its second nearest centroid, float32 [n].
    """

    def __init__(
        self,
        rows: WeightedRows,
        centroids: np.ndarray,
        workers: Workers,
    ) -> None:
        self.centroids = centroids
        self.nearest = np.empty(len(rows), np.int32)
        self.second = np.full(len(rows), -1, np.int32)
        self.closest = np.empty(len(rows), np.float32)
        self.next = np.full(len(rows), np.inf, np.float32)
        self._rows = rows
        self._threads = workers.threads
        self._segments = segments_of(len(rows), max_segments=_SEGMENTS)
        self._fill = closest_filler(workers.compiled)
        self._run(lambda segment: self._find_two_nearest(np.arange(segment.start, segment.stop)))

    def step(self, rng: np.random.Generator) -> bool:
        """Draws one row and tries to make it a centroid; returns False if no row can be drawn."""
        sums = np.array(self._run(lambda segment: self._chances_in(segment).sum()))
        if not sums.any():
            return False
        (drawn,) = drawn_rows(1, self._chances_in, self._segments, sums, rng)
        distances = np.empty(len(self._rows), np.float32)
        totals = self._run(lambda s: self._totals_if_replaced(s, drawn, distances))
        inertia = np.sum(totals, axis=0)
        replaced = int(inertia.argmin())
        if inertia[replaced] < sums.sum():
            self.centroids[replaced] = self._rows.values[drawn]
            self._run(lambda segment: self._exchange(segment, replaced, distances))
        return True

    def _totals_if_replaced(self, segment: slice, drawn: int, distances: np.ndarray) -> np.ndarray:
        """The inertia of a segment if row `drawn` replaced each of the centroids, float64 [k].

        Writes the squared distances of the segment's rows to that row to `distances`.
        """
        point = self._rows.values[drawn : drawn + 1]
        part = np.empty((1, segment.stop - segment.start), np.float32)
        self._fill(self._rows.values[segment], point, np.full_like(part[0], np.inf), part)
        distances[segment] = part[0]
        weights = self._rows.weights_in(segment)
        kept = np.minimum(self.closest[segment], part[0])
        without_nearest = np.minimum(self.next[segment], part[0])
        losses = np.bincount(
            self.nearest[segment], weights * (without_nearest - kept), len(self.centroids)
        )
        total: np.ndarray = losses + weights @ kept
        return total

    def _exchange(self, segment: slice, replaced: int, distances: np.ndarray) -> None:
        """Updates the two nearest centroids, given the distances to the new centroid `replaced`."""
        nearest, second = self.nearest[segment], self.second[segment]
        closest, following = self.closest[segment], self.next[segment]
        distance = distances[segment]
        affected = (nearest == replaced) | (second == replaced)
        closer = ~affected & (distance < closest)
        between = ~affected & ~closer & (distance < following)
        second[closer], following[closer] = nearest[closer], closest[closer]
        nearest[closer], closest[closer] = replaced, distance[closer]
        second[between], following[between] = replaced, distance[between]
        self._find_two_nearest(segment.start + np.flatnonzero(affected))

    def _find_two_nearest(self, index: np.ndarray) -> None:
        """Finds the two nearest centroids of the rows with these indices."""
        half_norms = (squared_norms(self.centroids) / 2).astype(np.float32)
        size = max(16, _SCORES_AT_ONCE // len(half_norms))
        for start in range(0, len(index), size):
            block = index[start : start + size]
            rows = self._rows.values[block]
            scores = half_norms - rows @ self.centroids.T
            self._store_lowest(block, rows, scores, self.nearest, self.closest)
            if len(half_norms) > 1:
                scores[np.arange(len(block)), self.nearest[block]] = np.inf
                self._store_lowest(block, rows, scores, self.second, self.next)

    def _store_lowest(
        self,
        block: np.ndarray,
        rows: np.ndarray,
        scores: np.ndarray,
        which: np.ndarray,
        distance: np.ndarray,
    ) -> None:
        """Stores the centroid with the lowest score, and the squared distance to it."""
        which[block] = scores.argmin(axis=1)
        distance[block] = paired_squared_distances(rows, self.centroids[which[block]])

    def _chances_in(self, segment: slice) -> np.ndarray:
        """Weight times squared distance of a segment's rows, to which draws are proportional."""
        chances: np.ndarray = self.closest[segment] * self._rows.weights_in(segment)
        return chances

    def _run(self, work: Callable[[slice], T]) -> list[T]:
        return list(self._threads.map(work, self._segments))
