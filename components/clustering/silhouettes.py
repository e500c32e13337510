"""Silhouettes (Rousseeuw 1987): how much nearer rows are to their own cluster than to the next."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import squared_distances_to, squared_norms

_PAIRS_AT_ONCE = 1 << 22


def silhouette_samples(
    points: np.ndarray, labels: np.ndarray, weights: np.ndarray, scale: float, root: bool
) -> np.ndarray | None:
    """The silhouette of each point, float64 [n]; 0 for one that is alone in its cluster.

    Args:
      points: float64 [n, d].
      labels: int [n], of at least one cluster.
      weights: float64 [n], how much each point counts in the mean distances of others.
      scale: distance per squared difference.
      root: whether to compare the roots of distances, as Euclidean ones.

    Returns:
      None where all points are in one cluster: there is no other to compare with.
    """
    order = np.argsort(labels, kind='stable')
    points, weights = points[order], weights[order]
    clusters = np.unique(labels, return_inverse=True)[1][order]
    counts, sizes = np.bincount(clusters), np.bincount(clusters, weights)
    if np.count_nonzero(sizes) < 2:
        return None
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    norms = squared_norms(points)
    found = np.empty(len(points))
    step = max(1, _PAIRS_AT_ONCE // len(points))
    for begin in range(0, len(points), step):
        block = slice(begin, begin + step)
        distances = scale * squared_distances_to(points, norms, points[block])
        if root:
            np.sqrt(distances, out=distances)
        sums = np.add.reduceat(distances * weights[:, np.newaxis], starts, axis=0).T
        found[block] = _of_sums(sums, clusters[block], weights[block], sizes)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return found[back]


def _of_sums(
    sums: np.ndarray, own: np.ndarray, weights: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """Silhouettes of points whose weighted distances to clusters sum up to [n, clusters]."""
    each = np.arange(len(own))
    company = sizes[own] - weights
    alone = company <= 1e-9 * weights
    within = sums[each, own] / np.where(alone, 1.0, company)
    means = sums / np.where(sizes > 0, sizes, 1.0)
    means[:, sizes == 0] = np.inf
    means[each, own] = np.inf
    return np.where(alone, 0.0, relative_gap(within, means.min(axis=1)))


def relative_gap(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(other - own) / max(own, other), from -1 to 1; 0 where both are 0."""
    larger = np.maximum(own, other)
    return (other - own) / np.where(larger > 0, larger, 1.0)
