"""Lloyd's step in TensorFlow, for machines with a GPU that TensorFlow can use."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfx_kmeans.clustering.graph_ops import assign, kmeans_step
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.steps.rows_step import Assigned, RowsStep
from tfx_kmeans.clustering.steps.statistics import SufficientStatistics
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 1 << 16
_PAIRS_AT_ONCE = 1 << 22  # doubles in an array [block, k]: 32 MB


class GraphStep(RowsStep):
    """A `Step` that calls `kmeans_step` block by block, on the device that TensorFlow chooses.

    The rows are in their frame already, so distances are squared differences times the frame's
    scale. Assignments are computed in float32: if the distances to two centroids differ by no more
    than rounding, either may be chosen.
    """

    def __init__(self, rows: WeightedRows, scale: float, workers: Workers) -> None:
        """See `RowsStep`."""
        super().__init__(rows, scale, workers)
        self._labels = np.full(len(rows), -1, np.int32)

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """See `Step`."""
        total = SufficientStatistics.zeros(*centroids.shape)
        placed = tf.constant(centroids)
        size = max(256, min(_BLOCK, _PAIRS_AT_ONCE // len(centroids)))
        for start in range(0, len(self._rows), size):
            block = slice(start, min(start + size, len(self._rows)))
            step = kmeans_step(self._rows.values[block], self._rows.weights_in(block), placed)
            labels = step.cluster_index.numpy()
            moved = int(np.count_nonzero(self._labels[block] != labels))
            inertia = self._scale * step.cluster_inertia.numpy()
            total.add(
                SufficientStatistics(step.sums.numpy(), step.cluster_weight.numpy(), inertia, moved)
            )
            self._labels[block] = labels
        return total

    def _assign(self, centroids: np.ndarray, block: slice) -> Assigned:
        assigned = assign(self._rows.values[block], centroids)
        distances = self._scale * assigned.distance.numpy().astype(np.float64)
        return Assigned(assigned.cluster_index.numpy(), distances, self._rows.weights_in(block))
