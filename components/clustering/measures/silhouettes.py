"""Silhouettes (Rousseeuw 1987): distances to the own cluster against those to the nearest other."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import squared_distances_to, squared_norms
from tfx_kmeans.clustering.metric import Metric

_PAIRS_AT_ONCE = 1 << 22


def silhouette_samples(
    points: np.ndarray, labels: np.ndarray, weights: np.ndarray, metric: Metric
) -> np.ndarray | None:
    """The silhouette of each point, float64 [n]; 0 if the point is alone in its cluster.

    Args:
      points: Points, float64 [n, d].
      labels: Cluster of each point, int [n]; n is at least 1.
      weights: Weights of the points in the mean distances of other points, float64 [n].
      metric: Distance metric; decides whether the square roots of distances are compared.

    Returns:
      The silhouettes; None if fewer than two clusters have weight, so that there is no other
      cluster to compare with.
    """
    order = np.argsort(labels, kind='stable')
    points, weights = points[order], weights[order]
    clusters = np.unique(labels, return_inverse=True)[1][order]
    counts, sizes = np.bincount(clusters), np.bincount(clusters, weights)
    if np.count_nonzero(sizes) < 2:
        return None
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    norms = squared_norms(points)
    silhouettes = np.empty(len(points))
    step = max(1, _PAIRS_AT_ONCE // len(points))
    for begin in range(0, len(points), step):
        block = slice(begin, begin + step)
        distances = metric.distance(squared_distances_to(points, norms, points[block]))
        if metric.compares_roots:
            np.sqrt(distances, out=distances)
        sums = np.add.reduceat(distances * weights[:, np.newaxis], starts, axis=0).T
        silhouettes[block] = _from_sums(sums, clusters[block], weights[block], sizes)
    original = np.empty_like(order)
    original[order] = np.arange(len(order))
    return silhouettes[original]


def _from_sums(
    sums: np.ndarray, own: np.ndarray, weights: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """Silhouettes of points, given their sums of weighted distances to clusters [n, clusters]."""
    each = np.arange(len(own))
    others = sizes[own] - weights
    alone = others <= 1e-9 * weights
    within = sums[each, own] / np.where(alone, 1.0, others)
    means = sums / np.where(sizes > 0, sizes, 1.0)
    means[:, sizes == 0] = np.inf
    means[each, own] = np.inf
    return np.where(alone, 0.0, relative_gap(within, means.min(axis=1)))


def relative_gap(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(other - own) / max(own, other), between -1 and 1; 0 if both are 0."""
    larger = np.maximum(own, other)
    return (other - own) / np.where(larger > 0, larger, 1.0)
