"""The passes over the rows that Lloyd's algorithm needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from tfx_kmeans.clustering.steps.statistics import FarthestRows, SufficientStatistics


class Step(Protocol):
    """A pass over rows, wherever they are stored: the only interface that Lloyd's algorithm uses.

    Every implementation must pass the tests in tests/unit/clustering/steps/step_contract.py.
    """

    def __call__(self, centroids: np.ndarray) -> SufficientStatistics:
        """Assigns every row to the nearest of the centroids float32 [k, d], and sums by cluster.

        The inertia may be derived from the sums. Its error is then that of float64 relative to the
        rows' squared norms.
        """

    def final(self, centroids: np.ndarray) -> SufficientStatistics:
        """Does the same as a call, with every distance computed from the row and its centroid."""

    def memory(self) -> dict[str, np.ndarray]:
        """The state that `resume` needs for bit-identical results, as arrays by name."""

    def resume(self, centroids: np.ndarray, memory: Mapping[str, np.ndarray]) -> None:
        """Restores the state left by a step to centroids float32 [k, d].

        Args:
          centroids: Centroids of that step.
          memory: Result of `memory` after that step.
        """

    def farthest(self, centroids: np.ndarray, count: int) -> FarthestRows:
        """Up to `count` distinct rows, starting with the one farthest from its centroid.

        Rows at equal distance are in descending lexicographic order, so that the order in which
        rows are stored does not matter. Rows without weight and rows at distance 0 are omitted.
        """
