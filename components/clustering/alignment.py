"""Gives new clusters the ids of an earlier clustering, for consumers that key on the id."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.fit_result import FitResult


@dataclasses.dataclass(frozen=True)
class Succession:
    """Comparison of centroids with the earlier centroids that have the same ids.

    Attributes:
      renumbered: Number of clusters whose id differs from the one that the fit gave them.
      moved: Number of centroids that differ from the earlier ones.
      distance: Distance of each centroid from the earlier one, k numbers, by the metric (squared
        under squared_euclidean).
      mean_distance: Mean of the distances.
      max_distance: Largest distance.
    """

    renumbered: int
    moved: int
    distance: tuple[float, ...]
    mean_distance: float
    max_distance: float


def aligned(result: FitResult, earlier: Assigner) -> tuple[FitResult, Succession]:
    """Renumbers the clusters: each gets the id of the earlier centroid that it is matched with.

    The matching is one to one and has the smallest total distance. SciPy computes it by a variant
    of the Hungarian algorithm.
    """
    from scipy.optimize import linear_sum_assignment  # importing it takes as long as a small fit

    distances = earlier.all_distances(_exact(result))
    _, ids = linear_sum_assignment(distances)
    order = np.argsort(ids)
    renumbered = dataclasses.replace(
        result,
        centroids=result.centroids[order],
        points=None if result.points is None else result.points[order],
        cluster_weight=result.cluster_weight[order],
        cluster_inertia=result.cluster_inertia[order],
    )
    return renumbered, _succession(distances[order], int((order != np.arange(len(order))).sum()))


def followed(result: FitResult, earlier: Assigner) -> Succession:
    """Compares the centroids of a fit with the earlier ones that the fit started from."""
    return _succession(earlier.all_distances(_exact(result)), 0)


def _exact(result: FitResult) -> np.ndarray:
    """The centroids in feature space, float64 if float32 rounds them."""
    return result.centroids if result.points is None else result.points + result.shift


def _succession(distances: np.ndarray, renumbered: int) -> Succession:
    """The comparison, given distances [k, k] of each centroid to every earlier one."""
    distance = distances.diagonal()
    return Succession(
        renumbered=renumbered,
        moved=int(np.count_nonzero(distance)),
        distance=tuple(distance.tolist()),
        mean_distance=float(distance.mean()),
        max_distance=float(distance.max()),
    )
