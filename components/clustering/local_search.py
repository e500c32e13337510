"""A better k-means++ start by local search (Lattanzi & Sohler 2019).

k-means++ now and then puts two centroids into one cluster and none into another, which Lloyd's
algorithm does not mend. So a few more rows are drawn as k-means++ draws them, and each takes the
place of the centroid that can best be spared, where that lowers the inertia.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from tfx_kmeans.clustering.compilation import compiling_pays
from tfx_kmeans.clustering.distances import paired_squared_distances, squared_norms
from tfx_kmeans.clustering.potential import closest_filler, drawn_rows
from tfx_kmeans.clustering.segments import segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_STEPS = 25  # as in the paper's experiments, where more gained little
_LEAST_ROWS, _ROWS_A_CLUSTER = 1 << 16, 100
_SCORES_AT_ONCE = 1 << 19
_SEGMENTS = 8  # there is little to do in each

T = TypeVar('T')


def local_search(
    rows: WeightedRows,
    centroids: np.ndarray,
    rng: np.random.Generator,
    threads: ThreadPoolExecutor,
) -> np.ndarray:
    """Centroids float32 [k, d], each a row or one of `centroids`, of no greater inertia.

    That is judged by a sample of 100 rows for each cluster, and at least 65,536.
    """
    search = _Search(_sample(rows, len(centroids), rng), centroids.copy(), threads)
    for _ in range(_STEPS):
        if not search.step(rng):
            break
    return search.centroids


def _sample(rows: WeightedRows, num_clusters: int, rng: np.random.Generator) -> WeightedRows:
    size = max(_LEAST_ROWS, _ROWS_A_CLUSTER * num_clusters)
    if size >= len(rows):
        return rows
    index = np.sort(rng.choice(len(rows), size, replace=False, shuffle=False))
    return WeightedRows(rows.values[index], None if rows.weights is None else rows.weights[index])


class _Search:
    """The two nearest centroids of each row, kept while centroids are exchanged.

    Attributes:
      centroids: float32 [k, d].
      nearest, second: int32 [n]; the second is -1 where there is one centroid only.
      closest, next: float32 [n], the squared distances to them.
    """

    def __init__(
        self, rows: WeightedRows, centroids: np.ndarray, threads: ThreadPoolExecutor
    ) -> None:
        self.centroids = centroids
        self.nearest = np.empty(len(rows), np.int32)
        self.second = np.full(len(rows), -1, np.int32)
        self.closest = np.empty(len(rows), np.float32)
        self.next = np.full(len(rows), np.inf, np.float32)
        self._rows = rows
        self._threads = threads
        self._segments = segments_of(len(rows), most=_SEGMENTS)
        self._fill = closest_filler(compiling_pays(len(rows), len(centroids), rows.width))
        self._run(lambda segment: self._look_up(np.arange(segment.start, segment.stop)))

    def step(self, rng: np.random.Generator) -> bool:
        """Tries one row; returns whether there is any that could help."""
        sums = np.array(self._run(lambda segment: self._chances_in(segment).sum()))
        if not sums.any():
            return False
        (drawn,) = drawn_rows(1, self._chances_in, self._segments, sums, rng)
        distances = np.empty(len(self._rows), np.float32)
        totals = self._run(lambda s: self._totals_without_each(s, drawn, distances))
        without = np.sum(totals, axis=0)
        spared = int(without.argmin())
        if without[spared] < sums.sum():
            self.centroids[spared] = self._rows.values[drawn]
            self._run(lambda segment: self._exchange(segment, spared, distances))
        return True

    def _totals_without_each(self, segment: slice, drawn: int, distances: np.ndarray) -> np.ndarray:
        """What rows would add to the inertia with row `drawn` in the place of each centroid, [k].

        Their distances to that row go to `distances`.
        """
        point = self._rows.values[drawn : drawn + 1]
        part = np.empty((1, segment.stop - segment.start), np.float32)
        self._fill(self._rows.values[segment], point, np.full_like(part[0], np.inf), part)
        distances[segment] = part[0]
        weights = self._rows.weights_in(segment)
        kept = np.minimum(self.closest[segment], part[0])
        fallen_back = np.minimum(self.next[segment], part[0])
        losses = np.bincount(
            self.nearest[segment], weights * (fallen_back - kept), len(self.centroids)
        )
        total: np.ndarray = losses + weights @ kept
        return total

    def _exchange(self, segment: slice, spared: int, distances: np.ndarray) -> None:
        """Takes in that centroid `spared` now stands at `distances` from the rows."""
        nearest, second = self.nearest[segment], self.second[segment]
        closest, following = self.closest[segment], self.next[segment]
        distance = distances[segment]
        lost = (nearest == spared) | (second == spared)
        closer = ~lost & (distance < closest)
        between = ~lost & ~closer & (distance < following)
        second[closer], following[closer] = nearest[closer], closest[closer]
        nearest[closer], closest[closer] = spared, distance[closer]
        second[between], following[between] = spared, distance[between]
        self._look_up(segment.start + np.flatnonzero(lost))

    def _look_up(self, index: np.ndarray) -> None:
        """Finds the two nearest of some rows anew."""
        half_norms = (squared_norms(self.centroids) / 2).astype(np.float32)
        size = max(16, _SCORES_AT_ONCE // len(half_norms))
        for start in range(0, len(index), size):
            block = index[start : start + size]
            rows = self._rows.values[block]
            scores = half_norms - rows @ self.centroids.T
            self._note(block, rows, scores, self.nearest, self.closest)
            if len(half_norms) > 1:
                scores[np.arange(len(block)), self.nearest[block]] = np.inf
                self._note(block, rows, scores, self.second, self.next)

    def _note(
        self,
        block: np.ndarray,
        rows: np.ndarray,
        scores: np.ndarray,
        which: np.ndarray,
        distance: np.ndarray,
    ) -> None:
        which[block] = scores.argmin(axis=1)
        distance[block] = paired_squared_distances(rows, self.centroids[which[block]])

    def _chances_in(self, segment: slice) -> np.ndarray:
        chances: np.ndarray = self.closest[segment] * self._rows.weights_in(segment)
        return chances

    def _run(self, work: Callable[[slice], T]) -> list[T]:
        return list(self._threads.map(work, self._segments))
