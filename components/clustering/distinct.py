"""Finds out whether clusters are empty because there are fewer distinct rows than clusters."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 8192


def too_few_distinct_rows(rows: WeightedRows, cluster_weight: np.ndarray) -> str | None:
    """A warning for the user if there are more clusters than distinct rows; None otherwise.

    Equal rows belong to the same cluster, so that some clusters are empty in that case. Rows are
    counted only then, and only until there are as many distinct ones as clusters.

    Args:
      rows: Rows that were clustered, in any coordinates.
      cluster_weight: Weight of the rows in each cluster, float64 [k].
    """
    if cluster_weight.all():
        return None
    num_clusters = len(cluster_weight)
    distinct = count_distinct(rows, num_clusters)
    if distinct == num_clusters:
        return None
    return (
        f'num_clusters is {num_clusters}, but the data has only {distinct} distinct rows, so that '
        f'{np.count_nonzero(cluster_weight == 0)} clusters are empty. Use at most {distinct} '
        'clusters, or data with more different rows.'
    )


def count_distinct(rows: WeightedRows, limit: int) -> int:
    """Number of distinct rows with a positive weight, or `limit` if there are more."""
    seen = np.empty((0, rows.width), rows.values.dtype)
    for start in range(0, len(rows), _BLOCK):
        block = rows.values[start : start + _BLOCK]
        if rows.weights is not None:
            block = block[rows.weights[start : start + _BLOCK] > 0]
        seen = np.unique(np.concatenate([seen, block]), axis=0)
        if len(seen) >= limit:
            return limit
    return len(seen)
