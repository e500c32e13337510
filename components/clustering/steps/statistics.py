"""The result of one pass over the rows."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass
class SufficientStatistics:
    """Sums over rows, by cluster. Adding two of them merges two sets of rows.

    Attributes:
      sums: Sums of weight times row, float64 [k, d].
      weights: Sums of the weights, float64 [k].
      inertia: Sums of weight times distance to the centroid, float64 [k].
      moved: Number of rows that changed cluster since the previous step.
    """

    sums: np.ndarray
    weights: np.ndarray
    inertia: np.ndarray
    moved: int

    @classmethod
    def zeros(cls, num_clusters: int, width: int) -> SufficientStatistics:
        """The statistics of an empty set of rows."""
        return cls(
            np.zeros((num_clusters, width)), np.zeros(num_clusters), np.zeros(num_clusters), 0
        )

    @property
    def total_inertia(self) -> float:
        """The weighted sum of the distances of all rows."""
        return float(self.inertia.sum())

    def clear(self) -> None:
        """Turns these into the statistics of an empty set of rows."""
        self.sums[...] = 0
        self.weights[...] = 0
        self.inertia[...] = 0
        self.moved = 0

    def add(self, other: SufficientStatistics) -> None:
        """Adds the statistics of other rows to these."""
        self.sums += other.sums
        self.weights += other.weights
        self.inertia += other.inertia
        self.moved += other.moved


@dataclasses.dataclass(frozen=True)
class FarthestRows:
    """Distinct rows far from their centroids, the farthest first.

    Attributes:
      rows: The rows, float32 [m, d].
      weights: Weights of the rows, float64 [m], all positive.
      clusters: Index of each row's cluster, int64 [m].
    """

    rows: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
