"""Gives new clusters the ids of an earlier clustering, for consumers that key on the id."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.answered_rows import Answered, SharedWeight, shared_weight
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.fit_result import FitResult
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.metric import metric_of

BY_CENTROIDS, BY_ROWS = 'centroids', 'rows'


@dataclasses.dataclass(frozen=True)
class Succession:
    """Comparison of clusters with the earlier clusters that have the same ids.

    If the earlier model has clustered the rows itself, the mean of the rows in an earlier cluster
    takes the place of the earlier centroid, which may be in another scale.

    Attributes:
      renumbered: Number of clusters whose id differs from the one that the fit gave them.
      moved: Number of centroids that differ from the earlier ones.
      distance: Distance of each centroid from the earlier one, k numbers, by the metric (squared
        under squared_euclidean).
      mean_distance: Mean of the distances.
      max_distance: Largest distance.
      moved_share: Share of the rows, by weight, that are not in the cluster with the id of their
        earlier cluster; None if the earlier model has not clustered the rows.
      matched_by: What the ids follow: 'rows' that old and new clusters share, or 'centroids'.
    """

    renumbered: int
    moved: int
    distance: tuple[float, ...]
    mean_distance: float
    max_distance: float
    moved_share: float | None = None
    matched_by: str = BY_CENTROIDS


def aligned(
    result: FitResult, earlier: Assigner, answered: Answered | None = None
) -> tuple[FitResult, Succession]:
    """Renumbers the clusters: each gets the id of the earlier cluster that it is matched with.

    The matching is one to one. It has the largest weight of shared rows, or, without `answered`,
    the smallest total distance of centroids. SciPy computes it by a variant of the Hungarian
    algorithm.

    Args:
      result: Result of the fit.
      earlier: Earlier centroids, or means of the rows in the earlier clusters.
      answered: Rows that the earlier model has clustered; None if there are none.
    """
    from scipy.optimize import linear_sum_assignment  # importing it takes as long as a small fit

    distances = earlier.all_distances(_exact(result))
    shared = _shared(result, earlier, answered)
    if shared is None:
        _, ids = linear_sum_assignment(distances)
    else:
        _, ids = linear_sum_assignment(shared.between, maximize=True)
    order = np.argsort(ids)
    renumbered = dataclasses.replace(
        result,
        centroids=result.centroids[order],
        points=None if result.points is None else result.points[order],
        cluster_weight=result.cluster_weight[order],
        cluster_inertia=result.cluster_inertia[order],
    )
    count = int((order != np.arange(len(order))).sum())
    return renumbered, _succession(distances[order], count, shared, ids)


def followed(result: FitResult, earlier: Assigner, answered: Answered | None = None) -> Succession:
    """Compares the clusters of a fit with the earlier ones that the fit started from.

    Args:
      result: Result of the fit.
      earlier: Earlier centroids, or means of the rows in the earlier clusters.
      answered: Rows that the earlier model has clustered; None if there are none.
    """
    distances = earlier.all_distances(_exact(result))
    ids = np.arange(len(distances))
    return _succession(distances, 0, _shared(result, earlier, answered), ids)


def _exact(result: FitResult) -> np.ndarray:
    """The centroids in feature space, float64 if float32 rounds them."""
    return result.centroids if result.points is None else result.points + result.shift


def _shared(result: FitResult, earlier: Assigner, answered: Answered | None) -> SharedWeight | None:
    if answered is None:
        return None
    frame = Frame(metric_of(result.distance_metric), result.shift)
    assigner = Assigner(result.centroids, frame, result.points)
    return shared_weight(answered, assigner, len(earlier.centroids))


def _succession(
    distances: np.ndarray, renumbered: int, shared: SharedWeight | None, ids: np.ndarray
) -> Succession:
    """The comparison.

    Args:
      distances: Distance of each centroid, by its final id, to every earlier one, [k, k].
      renumbered: Number of clusters whose id differs from the one that the fit gave them.
      shared: Weight of shared rows, by the ids that the fit gave; None if it is not known.
      ids: Final id of each cluster of the fit, int [k].
    """
    distance = distances.diagonal()
    return Succession(
        renumbered=renumbered,
        moved=int(np.count_nonzero(distance)),
        distance=tuple(distance.tolist()),
        mean_distance=float(distance.mean()),
        max_distance=float(distance.max()),
        moved_share=None if shared is None else shared.moved_share(ids),
        matched_by=BY_CENTROIDS if shared is None else BY_ROWS,
    )
