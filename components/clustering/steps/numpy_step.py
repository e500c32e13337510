"""Lloyd's step in NumPy, for rows in memory or in a memory-mapped file.

It clusters small data and is the reference for `BoundedStep`. Each segment is summed by one thread,
and the segments are added up in order, so that the results are bit-identical for any number of
threads. This requires that the caller limits BLAS to one thread, as `fit_in_place` does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfx_kmeans.clustering.distances import nearest, paired_squared_distances
from tfx_kmeans.clustering.steps.rows_step import Assigned, RowsStep, blocks_of
from tfx_kmeans.clustering.steps.statistics import SufficientStatistics
from tfx_kmeans.clustering.sums import sums_by_label
from tfx_kmeans.clustering.weighted_rows import WeightedRows


class NumpyStep(RowsStep):
    """A `Step` over arrays that stores each row's cluster, to count the rows that change it."""

    def __init__(
        self,
        rows: WeightedRows,
        scale: float,
        threads: ThreadPoolExecutor,
    ) -> None:
        """See `RowsStep`."""
        super().__init__(rows, scale, threads)
        self._labels = np.full(len(rows), -1, np.int32)

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        total = SufficientStatistics.zeros(*centroids.shape)
        for part in self._over_segments(centroids, self._sum_segment):
            total.add(part)
        return total

    def _sum_segment(self, centroids: np.ndarray, segment: slice) -> SufficientStatistics:
        total = SufficientStatistics.zeros(*centroids.shape)
        for block in blocks_of(segment, len(centroids)):
            labels, distances, weights = self._assign(centroids, block)
            total.add(
                SufficientStatistics(
                    sums_by_label(self._rows.values[block], labels, weights, len(centroids)),
                    np.bincount(labels, weights, len(centroids)),
                    np.bincount(labels, weights * distances, len(centroids)),
                    int(np.count_nonzero(self._labels[block] != labels)),
                )
            )
            self._labels[block] = labels
        return total

    def _assign(self, centroids: np.ndarray, block: slice) -> Assigned:
        rows = self._rows.values[block]
        labels = nearest(rows, centroids)
        distances = self._scale * paired_squared_distances(rows, centroids[labels])
        return Assigned(labels, distances, self._rows.weights_in(block))
