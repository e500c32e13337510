"""Silhouettes (Rousseeuw 1987): how much nearer rows are to their own cluster than to the next."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import squared_distances_to, squared_norms

_PAIRS_AT_ONCE = 1 << 22


def silhouette_samples(
    points: np.ndarray, labels: np.ndarray, scale: float, root: bool
) -> np.ndarray | None:
    """The silhouette of each point, float64 [n]; 0 for one that is alone in its cluster.

    Args:
      points: float64 [n, d].
      labels: int [n], of at least one cluster.
      scale: distance per squared difference.
      root: whether to compare the roots of distances, as Euclidean ones.

    Returns:
      None where all points are in one cluster: there is no other to compare with.
    """
    order = np.argsort(labels, kind='stable')
    points, clusters = points[order], np.unique(labels, return_inverse=True)[1][order]
    sizes = np.bincount(clusters)
    if len(sizes) < 2:
        return None
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    norms = squared_norms(points)
    found = np.empty(len(points))
    step = max(1, _PAIRS_AT_ONCE // len(points))
    for begin in range(0, len(points), step):
        block = slice(begin, begin + step)
        distances = scale * squared_distances_to(points, norms, points[block])
        if root:
            np.sqrt(distances, out=distances)
        sums = np.add.reduceat(distances, starts, axis=0).T
        found[block] = _of_sums(sums, clusters[block], sizes)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return found[back]


def _of_sums(sums: np.ndarray, own: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Silhouettes of points whose distances to each cluster's points sum up to [n, clusters]."""
    each = np.arange(len(own))
    company = sizes[own] - 1
    within = sums[each, own] / np.maximum(company, 1)
    means = sums / sizes
    means[each, own] = np.inf
    return np.where(company > 0, relative_gap(within, means.min(axis=1)), 0.0)


def relative_gap(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(other - own) / max(own, other), from -1 to 1; 0 where both are 0."""
    larger = np.maximum(own, other)
    return (other - own) / np.where(larger > 0, larger, 1.0)
