"""Rows that an earlier model has clustered, to start from or to match clusters by.

An earlier clustering may have other columns, another scale or another metric, so that its centroids
cannot be compared with new rows. How it groups the rows can.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.frame import Frame, normalised
from tfx_kmeans.clustering.metric import Metric
from tfx_kmeans.errors import DataError


@dataclasses.dataclass(frozen=True)
class AnsweredRows:
    """A block of rows and the clusters that the earlier model has assigned them to.

    Attributes:
      rows: Rows in the feature space of the new clustering, float64 [n, d]. Rows that are not
        finite, or that are zero under cosine, have no cluster in the new clustering.
      weights: Weights of the rows, float64 [n].
      earlier: Clusters that the earlier model has answered, int64 [n]; -1 for no cluster.
    """

    rows: np.ndarray
    weights: np.ndarray
    earlier: np.ndarray

    def usable(self, metric: Metric) -> np.ndarray:
        """Which rows have a positive weight and can be clustered by the metric: bool [n]."""
        found: np.ndarray = np.isfinite(self.rows).all(axis=1) & (self.weights > 0)
        return found & self.rows.any(axis=1) if metric.normalised else found


Answered = Callable[[], Iterator[AnsweredRows]]
"""Returns the blocks of all rows; may be called repeatedly, and returns the same blocks."""


@dataclasses.dataclass(frozen=True)
class SharedWeight:
    """Weight of the rows that clusters of two clusterings share.

    Attributes:
      between: Weight of the rows in each pair of a new and an earlier cluster, float64
        [k, k of the earlier clustering].
      total: Weight of all rows that at least one of the two clusterings has assigned to a cluster.
    """

    between: np.ndarray
    total: float

    def moved_share(self, ids: np.ndarray) -> float:
        """Share of the weight outside the pairs of new cluster i and earlier cluster `ids[i]`."""
        kept = self.between[np.arange(len(ids)), ids].sum()
        return float(max(1 - kept / self.total, 0.0)) if self.total else 0.0


def earlier_means(answered: Answered, num_clusters: int, metric: Metric) -> np.ndarray:
    """Weighted means of the rows of each earlier cluster, float64 [num_clusters, d].

    An earlier cluster without rows gets, instead of a mean, one of the rows that are farthest from
    all means.

    Raises:
      DataError: If no earlier cluster has rows with a positive weight.
    """
    sums, weights = _sums(answered, num_clusters, metric)
    with np.errstate(divide='ignore', invalid='ignore'):
        lengths = np.linalg.norm(sums, axis=1) if metric.normalised else weights
        means: np.ndarray = sums / lengths[:, np.newaxis]
    empty = ~((weights > 0) & np.isfinite(means).all(axis=1))
    if empty.all():
        raise DataError(
            'None of the raw_examples that the base_model assigns to a cluster has a positive '
            'weight and finite values, so that there is nothing to start from or to compare with. '
            'Train without raw_examples or without base_model.'
        )
    if empty.any():
        means[empty] = _farthest_rows(answered, means[~empty], int(empty.sum()), metric)
    return means


def shared_weight(answered: Answered, assigner: Assigner, num_earlier: int) -> SharedWeight:
    """Weight that each new cluster shares with each earlier one.

    Args:
      answered: Rows with their earlier clusters.
      assigner: Centroids of the new clustering.
      num_earlier: Number of clusters of the earlier clustering.
    """
    between = np.zeros((len(assigner.centroids), num_earlier))
    total = 0.0
    for block in answered():
        ours = np.full(len(block.rows), -1)
        usable = block.usable(assigner.frame.metric)
        ours[usable], _ = assigner.assign(block.rows[usable])
        both = (ours >= 0) & (block.earlier >= 0)
        pairs = ours[both] * num_earlier + block.earlier[both]
        between += np.bincount(pairs, block.weights[both], between.size).reshape(between.shape)
        total += float(block.weights[(ours >= 0) | (block.earlier >= 0)].sum())
    return SharedWeight(between, total)


def _sums(answered: Answered, num_clusters: int, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums of points [k, d] and weights [k] of the earlier clusters, float64."""
    from tfx_kmeans.clustering.sums import sums_by_label  # imports SciPy

    sums, weights = np.zeros((num_clusters, 1)), np.zeros(num_clusters)
    for block in answered():
        known = block.usable(metric) & (block.earlier >= 0)
        rows, cluster, weight = block.rows[known], block.earlier[known], block.weights[known]
        points = normalised(rows) if metric.normalised else rows.astype(np.float64)
        sums = sums + sums_by_label(points, cluster, weight, num_clusters)
        weights += np.bincount(cluster, weight, num_clusters)
    return sums, weights


def _farthest_rows(answered: Answered, means: np.ndarray, count: int, metric: Metric) -> np.ndarray:
    """The rows with the largest distances from the nearest of some means, float64 [count, d]."""
    shift = means.mean(axis=0) if metric.centred else np.zeros(means.shape[1])
    nearest = Assigner(means, Frame(metric, shift))
    chosen, reach = means[:0], np.zeros(0)
    for block in answered():
        rows = block.rows[block.usable(metric)]
        chosen = np.concatenate([chosen, rows])
        reach = np.concatenate([reach, nearest.assign(rows)[1]])
        order = np.argsort(-reach, kind='stable')[:count]
        chosen, reach = chosen[order], reach[order]
    return np.resize(chosen, (count, means.shape[1]))
