"""New clusters under the ids of an earlier clustering's, for those who key on the id."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.outcome import FitResult


@dataclasses.dataclass(frozen=True)
class Succession:
    """How centroids relate to the earlier ones of the same ids.

    Attributes:
      renumbered: how many clusters got another id than the fit had given them.
      moved: how many centroids do not stand where their predecessors stood.
      distance: how far each has moved, by the metric (squared, under squared_euclidean), k numbers.
      mean_distance: their mean.
      max_distance: the largest of them.
    """

    renumbered: int
    moved: int
    distance: tuple[float, ...]
    mean_distance: float
    max_distance: float


def aligned(result: FitResult, earlier: Assigner) -> tuple[FitResult, Succession]:
    """Gives each cluster the id of the earlier centroid that it is matched with.

    The matching is the one of least total distance (the Hungarian algorithm, as SciPy has it).
    """
    distances = earlier.all_distances(result.centroids)
    _, ids = linear_sum_assignment(distances)
    order = np.argsort(ids)
    renumbered = dataclasses.replace(
        result,
        centroids=result.centroids[order],
        cluster_weight=result.cluster_weight[order],
        cluster_inertia=result.cluster_inertia[order],
    )
    return renumbered, _succession(distances[order], int((order != np.arange(len(order))).sum()))


def followed(result: FitResult, earlier: Assigner) -> Succession:
    """How far the centroids of a fit that went on from earlier ones have come."""
    return _succession(earlier.all_distances(result.centroids), 0)


def _succession(distances: np.ndarray, renumbered: int) -> Succession:
    """Of distances [k, k] from each centroid to every earlier one."""
    distance = distances.diagonal()
    return Succession(
        renumbered=renumbered,
        moved=int(np.count_nonzero(distance)),
        distance=tuple(distance.tolist()),
        mean_distance=float(distance.mean()),
        max_distance=float(distance.max()),
    )
