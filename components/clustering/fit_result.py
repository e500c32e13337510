"""The result of a fit."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.progress import Iteration


@dataclasses.dataclass(frozen=True)
class Restart:
    """One run of k-means.

    Attributes:
      inertia: Final inertia.
      converged: Whether the run converged within `max_iterations`.
      history: Iterations of the run.
    """

    inertia: float
    converged: bool
    history: tuple[Iteration, ...]


@dataclasses.dataclass(frozen=True)
class FinalAssignment:
    """The centroids of a restart, and the final assignment of the rows to them.

    Attributes:
      restart: Index of the restart.
      centroids: Centroids in feature space, float32 [k, d].
      cluster_weight: Weight of the rows in each cluster, float64 [k].
      cluster_inertia: Weighted sum of their distances in each cluster, float64 [k].
      points: Centroids in the rows' frame, float32 [k, d]; None to derive them from `centroids`.
    """

    restart: int
    centroids: np.ndarray
    cluster_weight: np.ndarray
    cluster_inertia: np.ndarray
    points: np.ndarray | None = None

    @property
    def inertia(self) -> float:
        """The weighted sum of the distances of all rows to their centroids."""
        return float(self.cluster_inertia.sum())


@dataclasses.dataclass(frozen=True)
class FitResult:
    """The centroids of the best restart, and a record of the fit.

    Attributes:
      centroids: Centroids in feature space, float32 [k, d].
      points: Centroids in the rows' frame, float32 [k, d], if `centroids` lack some of their
        digits because the shift is large; else None.
      shift: Vector subtracted from rows and centroids before distances are computed, float64 [d].
      cluster_weight: Weight of the rows in each cluster, float64 [k].
      cluster_inertia: Weighted sum of their distances in each cluster, float64 [k].
      rows: Number of rows that were clustered.
      total_weight: Sum of their weights.
      seed: Random seed that was used.
      restarts: All restarts.
      best_restart: Index of the restart that the centroids come from.
      distance_metric: Distance metric: 'squared_euclidean' or 'cosine'.
    """

    centroids: np.ndarray
    points: np.ndarray | None
    shift: np.ndarray
    cluster_weight: np.ndarray
    cluster_inertia: np.ndarray
    rows: int
    total_weight: float
    seed: int
    restarts: tuple[Restart, ...]
    best_restart: int
    distance_metric: str

    @property
    def inertia(self) -> float:
        """The weighted sum of the distances of all rows to their centroids."""
        return float(self.cluster_inertia.sum())

    @property
    def best(self) -> Restart:
        """The restart that the centroids come from."""
        return self.restarts[self.best_restart]
