"""What a fit ends with."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.progress import Iteration


@dataclasses.dataclass(frozen=True)
class Restart:
    """One run of k-means: its final inertia and the iterations that led there."""

    inertia: float
    converged: bool
    history: tuple[Iteration, ...]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A restart's centroids after the final assignment to them.

    Attributes:
      restart: its index.
      centroids: float32 [k, d], in feature space.
      cluster_weight: float64 [k].
      cluster_inertia: float64 [k].
    """

    restart: int
    centroids: np.ndarray
    cluster_weight: np.ndarray
    cluster_inertia: np.ndarray

    @property
    def inertia(self) -> float:
        """The weighted sum of all distances."""
        return float(self.cluster_inertia.sum())


@dataclasses.dataclass(frozen=True)
class FitResult:
    """Centroids and what belongs to them.

    Attributes:
      centroids: float32 [k, d], in feature space.
      shift: float64 [d], what was subtracted before distances were computed.
      cluster_weight: float64 [k], the weight of the rows assigned to each.
      cluster_inertia: float64 [k], their weighted distances.
      rows: how many rows were clustered.
      total_weight: the sum of their weights.
      seed: the one that was used.
      restarts: each of them.
      best_restart: the one whose centroids these are.
      distance_metric: 'squared_euclidean' or 'cosine'.
    """

    centroids: np.ndarray
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
        """The weighted sum of all distances."""
        return float(self.cluster_inertia.sum())

    @property
    def best(self) -> Restart:
        """The restart that was kept."""
        return self.restarts[self.best_restart]
