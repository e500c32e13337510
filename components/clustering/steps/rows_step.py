"""Base class of steps over rows in memory or in a memory-mapped file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from tfx_kmeans.clustering.segments import Workers, segments_of
from tfx_kmeans.clustering.steps.statistics import FarthestRows, SufficientStatistics
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_SCORES_AT_ONCE = 1 << 19  # floats in the scores [block, k]: 2 MB, which fits a core's cache

T = TypeVar('T')


class Assigned(NamedTuple):
    """Clusters of a block's rows (int [b]), distances (float64 [b]) and weights (float64 [b])."""

    labels: np.ndarray
    distances: np.ndarray
    weights: np.ndarray


class RowsStep(ABC):
    """Base class of a `Step` over arrays; subclasses implement how rows are assigned."""

    def __init__(
        self,
        rows: WeightedRows,
        scale: float,
        workers: Workers,
    ) -> None:
        """Creates a step.

        Args:
          rows: Rows, in the same frame as the centroids that the step will be called with.
          scale: Distance per squared difference, see `Frame.scale`.
          workers: Threads that process segments of rows, and the kernels that they call.
        """
        self._rows = rows
        self._scale = scale
        self._workers = workers

    @abstractmethod
    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""

    def final(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`. By default the same as a call; override it if calls derive the inertia."""
        return self(centroids)

    def memory(self) -> dict[str, np.ndarray]:
        """See `Step`. By default nothing, for a step whose only state is the rows' labels.

        `resume` recomputes these.
        """
        return {}

    def resume(self, centroids: np.ndarray, memory: Mapping[str, np.ndarray]) -> None:  # noqa: ARG002
        """See `Step`."""
        self(centroids)

    @abstractmethod
    def _assign(self, centroids: np.ndarray, block: slice) -> Assigned:
        """Assigns the rows of a block to the nearest centroids."""

    def farthest(self, centroids: np.ndarray, count: int) -> FarthestRows:
        """See `Step`."""
        found = self._over_segments(
            centroids, lambda segment: self._farthest_of_segment(centroids, segment, count)
        )
        return _farthest_first([part for parts in found for part in parts], count)

    def _over_segments(self, centroids: np.ndarray, work: Callable[[slice], T]) -> list[T]:
        segments = segments_of(len(self._rows), centroids.size, centroids.size)
        return self._workers.map(work, segments)

    def _farthest_of_segment(
        self, centroids: np.ndarray, segment: slice, count: int
    ) -> list[tuple[np.ndarray, FarthestRows]]:
        found = []
        for block in blocks_of(segment, len(centroids)):
            labels, distances, weights = self._assign(centroids, block)
            kept = _order(distances, self._rows.values[block], weights)[:count]
            rows = FarthestRows(self._rows.values[block][kept], weights[kept], labels[kept])
            found.append((distances[kept], rows))
        return found


def blocks_of(segment: slice, num_clusters: int) -> Iterator[slice]:
    """Divides a segment into slices whose scores fit the cache."""
    size = max(256, min(8192, _SCORES_AT_ONCE // num_clusters))
    for start in range(segment.start, segment.stop, size):
        yield slice(start, min(start + size, segment.stop))


def _order(distances: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Indices of distinct rows with positive weight and distance, the farthest first."""
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
