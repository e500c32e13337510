"""What one pass over the rows tells Lloyd's algorithm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import numpy as np


@dataclasses.dataclass
class SufficientStatistics:
    """Sums over rows, by cluster, all float64; adding two of them merges two sets of rows.

    Attributes:
      sums: [k, d], of weight times row.
      weights: [k], of the rows' weights.
      inertia: [k], of weight times distance to the centroid.
      moved: how many rows have changed their cluster since the step before.
    """

    sums: np.ndarray
    weights: np.ndarray
    inertia: np.ndarray
    moved: int

    @classmethod
    def zeros(cls, num_clusters: int, width: int) -> SufficientStatistics:
        """Of no rows at all."""
        return cls(
            np.zeros((num_clusters, width)), np.zeros(num_clusters), np.zeros(num_clusters), 0
        )

    @property
    def total_inertia(self) -> float:
        """The weighted sum of all distances."""
        return float(self.inertia.sum())

    def add(self, other: SufficientStatistics) -> None:
        """Adds the rows that `other` has seen to this one."""
        self.sums += other.sums
        self.weights += other.weights
        self.inertia += other.inertia
        self.moved += other.moved


@dataclasses.dataclass(frozen=True)
class FarthestRows:
    """Distinct rows far from their centroids, the farthest first.

    Attributes:
      rows: float32 [m, d].
      weights: float64 [m], all positive.
      clusters: int64 [m], where each is assigned.
    """

    rows: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray


class Step(Protocol):
    """A pass over rows, wherever these are: the only thing that Lloyd's algorithm asks for."""

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """Assigns every row to the nearest of centroids [k, d] and sums up.

        The inertia may come from the sums, exact to float64 in comparison with the rows' norms.
        """

    def final(self, centroids: np.ndarray) -> SufficientStatistics:
        """The same, every distance computed from the row and its centroid."""

    def memory(self) -> dict[str, np.ndarray]:
        """What it takes to `resume` with the same bits, by name."""

    def resume(self, centroids: np.ndarray, memory: Mapping[str, np.ndarray]) -> None:
        """Stands as after a step to centroids [k, d] that left this memory."""

    def farthest(self, centroids: np.ndarray, count: int) -> FarthestRows:
        """Up to `count` distinct rows, the farthest from their centroid first.

        Rows at equal distance come in falling lexicographic order, so that the order in which
        rows are stored does not matter. Rows without weight or distance are left out.
        """
