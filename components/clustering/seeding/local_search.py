"""Improves a k-means++ start by local search (Lattanzi & Sohler 2019).

k-means++ sometimes places two centroids in one cluster and none in another, which Lloyd's algorithm
does not correct. So more rows are drawn in the same way as by k-means++. Each of them replaces the
centroid whose loss increases the inertia least, if that lowers the inertia.
"""

from __future__ import annotations

import math

import numpy as np

from tfx_kmeans.clustering.kernels.interface import Neighbours, Points
from tfx_kmeans.clustering.seeding.potential import drawn_rows, weighted_total
from tfx_kmeans.clustering.segments import Workers, segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_STEPS = 25  # as in the experiments of the paper
_STEPS_PER_ROOT = 8  # more steps for more clusters, in proportion to the root of k
_MIN_ROWS, _ROWS_PER_CLUSTER = 1 << 16, 100


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
    for _ in range(_STEPS + round(_STEPS_PER_ROOT * math.sqrt(len(centroids)))):
        if not search.step(rng):
            break
    return search.centroids


def _sample(rows: WeightedRows, num_clusters: int, rng: np.random.Generator) -> WeightedRows:
    size = max(_MIN_ROWS, _ROWS_PER_CLUSTER * num_clusters)
    if size >= rows.num_usable:
        return rows
    return rows.sample(size, rng)


class _Search:
    """The two nearest centroids of each row, kept up to date while centroids are exchanged.

    Attributes:
      centroids: Current centroids, float32 [k, d].
      neighbours: The two nearest of them for each row.
    """

    def __init__(self, rows: WeightedRows, centroids: np.ndarray, workers: Workers) -> None:
        self.centroids = centroids
        n = len(rows)
        self.neighbours = Neighbours(
            np.empty(n, np.int32), np.empty(n, np.int32),
            np.empty(n, np.float32), np.empty(n, np.float32),
        )  # fmt: skip
        self._rows = rows
        self._workers = workers
        self._distances = np.empty(n, np.float32)
        self._segments = segments_of(n, rows.width)
        everything, points = np.arange(n, dtype=np.int32), Points.of(centroids)
        workers.map(
            lambda segment: self._find_two_nearest(points, everything[segment]),
            segments_of(n, centroids.size),
        )
        self._inertia = weighted_total(self.neighbours.closest, rows, workers)

    def step(self, rng: np.random.Generator) -> bool:
        """Draws one row and tries to make it a centroid; returns False if no row can be drawn."""
        found = drawn_rows(1, self.neighbours.closest, self._rows, rng, self._workers)
        if found is None:
            return False
        point = self._rows.values[found[0]]
        totals = self._workers.map(lambda s: self._totals_if_replaced(s, point), self._segments)
        kept, losses = (np.sum(parts, axis=0) for parts in zip(*totals, strict=True))
        replaced = int(losses.argmin())
        if kept + losses[replaced] < self._inertia:
            self._inertia = float(kept + losses[replaced])
            self._exchange(replaced, point)
        return True

    def _totals_if_replaced(self, segment: slice, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The inertia of a segment with an additional centroid, and what each other one saves.

        Stores the squared distances of the segment's rows to that point.
        """
        losses = np.zeros(len(self.centroids))
        kept = self._workers.kernels.replacement(
            self._rows.values[segment],
            self._rows.given_weights(segment),
            point,
            self.neighbours.part(segment),
            self._distances[segment],
            losses,
        )
        return kept, losses

    def _exchange(self, replaced: int, point: np.ndarray) -> None:
        """Replaces a centroid by the point that `_totals_if_replaced` was called with."""
        self.centroids[replaced] = point
        points = Points.of(self.centroids)

        def work(segment: slice) -> None:
            affected = self._workers.kernels.exchange(
                replaced, self._distances[segment], self.neighbours.part(segment)
            )
            self._find_two_nearest(points, affected + np.int32(segment.start))

        self._workers.map(work, self._segments)

    def _find_two_nearest(self, points: Points, index: np.ndarray) -> None:
        self._workers.kernels.two_nearest(self._rows.values, index, points, self.neighbours)
