"""Groups of centroids that share a lower bound (Ding et al. 2015, Yinyang k-means)."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import nearest

_LEAST_CLUSTERS = 128  # with fewer, one bound a row is the quickest
_SIZE = 16
_MOST = 32
_ROUNDS = 5


def groups_of(centroids: np.ndarray) -> np.ndarray:
    """The group of each centroid (float32 [k, d]), int64 [k]: 0..t - 1, none of them empty.

    A few rounds of k-means on the centroids themselves; one group up to 127 clusters, beyond that
    one for 16 and at most 32.
    """
    k = len(centroids)
    if k < _LEAST_CLUSTERS:
        return np.zeros(k, np.int64)
    count = min(_MOST, k // _SIZE)
    centers = centroids[np.linspace(0, k - 1, count).astype(int)]
    group = nearest(centroids, centers)
    for _ in range(_ROUNDS):
        present, group = np.unique(group, return_inverse=True)
        centers = np.stack([centroids[group == g].mean(axis=0) for g in range(len(present))])
        group = nearest(centroids, centers)
    return np.unique(group, return_inverse=True)[1]
