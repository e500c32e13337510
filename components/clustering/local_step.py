"""Lloyd's step over rows in this process's memory (or memory-mapped), on all its cores.

The rows are cut into segments by their number and the centroids' alone. Each segment is summed
by one thread, and the segments are added up in order, so the number of threads changes nothing,
not even the last bit (where the caller keeps BLAS to one thread, as `fit` does).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

import numpy as np
from scipy import sparse

from tfx_kmeans.clustering.distances import nearest, paired_squared_distances
from tfx_kmeans.clustering.statistics import FarthestRows, SufficientStatistics

_SCORES_AT_ONCE = 1 << 19  # floats of [block, k]: 2 MB, which stays in a core's cache
_SUMS_AT_ONCE = 1 << 24  # doubles of [segments, k, d]: 128 MB
_MOST_SEGMENTS = 64
_LEAST_ROWS = 1024  # of a segment: fewer are not worth a thread's start

T = TypeVar('T')


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


class LocalStep:
    """A `Step` over arrays of one frame; remembers each row's cluster to count those that move."""

    def __init__(
        self,
        rows: np.ndarray,
        weights: np.ndarray | None,
        scale: float,
        threads: ThreadPoolExecutor,
    ) -> None:
        """Args:
        rows: float32 [n, d], in the frame of the centroids that will be asked about.
        weights: float64 [n], or None for 1 each.
        scale: distance per squared difference (see `Frame.scale`).
        threads: where segments run.
        """
        self._rows = rows
        self._weights = weights
        self._scale = scale
        self._threads = threads
        self._labels = np.full(len(rows), -1, np.int32)

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        total = SufficientStatistics.zeros(*centroids.shape)
        for part in self._over_segments(centroids, self._sum_segment):
            total.add(part)
        return total

    def farthest(self, centroids: np.ndarray, count: int) -> FarthestRows:
        """See `Step`."""
        found = self._over_segments(centroids, lambda c, s: self._farthest_of_segment(c, s, count))
        return _farthest_first([part for parts in found for part in parts], count)

    def _over_segments(
        self, centroids: np.ndarray, work: Callable[[np.ndarray, slice], T]
    ) -> Iterator[T]:
        segments = _segments(len(self._rows), centroids.size)
        return self._threads.map(lambda segment: work(centroids, segment), segments)

    def _sum_segment(self, centroids: np.ndarray, segment: slice) -> SufficientStatistics:
        total = SufficientStatistics.zeros(*centroids.shape)
        for block in _blocks(segment, len(centroids)):
            labels, distances, weights = self._assign(centroids, block)
            total.add(
                SufficientStatistics(
                    _sums_by_label(self._rows[block], labels, weights, len(centroids)),
                    np.bincount(labels, weights, len(centroids)),
                    np.bincount(labels, weights * distances, len(centroids)),
                    int(np.count_nonzero(self._labels[block] != labels)),
                )
            )
            self._labels[block] = labels
        return total

    def _assign(
        self, centroids: np.ndarray, block: slice
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self._rows[block]
        labels = nearest(rows, centroids)
        distances = self._scale * paired_squared_distances(rows, centroids[labels])
        weights = np.ones(len(rows)) if self._weights is None else self._weights[block]
        return labels, distances, weights

    def _farthest_of_segment(
        self, centroids: np.ndarray, segment: slice, count: int
    ) -> list[tuple[np.ndarray, FarthestRows]]:
        found = []
        for block in _blocks(segment, len(centroids)):
            labels, distances, weights = self._assign(centroids, block)
            kept = _order(distances, self._rows[block], weights)[:count]
            rows = FarthestRows(self._rows[block][kept], weights[kept], labels[kept])
            found.append((distances[kept], rows))
        return found


@contextmanager
def worker_threads() -> Iterator[ThreadPoolExecutor]:
    """One thread for each core, ended at once when the block is left, also by Ctrl-C."""
    threads = ThreadPoolExecutor(available_cores(), thread_name_prefix='kmeans')
    try:
        yield threads
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _segments(num_rows: int, centroids_size: int) -> list[slice]:
    count = min(_MOST_SEGMENTS, max(4, _SUMS_AT_ONCE // centroids_size), num_rows // _LEAST_ROWS)
    bounds = np.linspace(0, num_rows, max(count, 1) + 1).astype(int)
    return [slice(start, stop) for start, stop in pairwise(bounds) if stop > start]


def _blocks(segment: slice, num_clusters: int) -> Iterator[slice]:
    size = max(256, min(8192, _SCORES_AT_ONCE // num_clusters))
    for start in range(segment.start, segment.stop, size):
        yield slice(start, min(start + size, segment.stop))


def _sums_by_label(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, num_clusters: int
) -> np.ndarray:
    """Sums [k, d] of weight times row for each label, in float64 and in the order of the rows."""
    pointers = np.arange(len(rows) + 1)
    membership = sparse.csr_matrix((weights, labels, pointers), shape=(len(rows), num_clusters))
    sums: np.ndarray = membership.T @ rows
    return sums


def _order(distances: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Indices of distinct rows with weight and distance, the farthest first."""
    order = np.lexsort((*rows.T[::-1], distances))[::-1]
    order = order[(distances[order] > 0) & (weights[order] > 0)]
    repeated = np.zeros(len(order), bool)
    repeated[1:] = (rows[order[1:]] == rows[order[:-1]]).all(axis=1)
    return order[~repeated]


def _farthest_first(found: list[tuple[np.ndarray, FarthestRows]], count: int) -> FarthestRows:
    distances = np.concatenate([part_distances for part_distances, _ in found])
    rows = np.concatenate([part.rows for _, part in found])
    weights = np.concatenate([part.weights for _, part in found])
    clusters = np.concatenate([part.clusters for _, part in found])
    kept = _order(distances, rows, weights)[:count]
    return FarthestRows(rows[kept], weights[kept], clusters[kept])
