"""Draws distinct rows at random."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.weighted_rows import WeightedRows


def random_rows(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,  # noqa: ARG001  # every seeding takes the same arguments
    rng: np.random.Generator,
    workers: Workers,  # noqa: ARG001
) -> np.ndarray:
    """Draws k distinct rows with probability proportional to their weights, float32 [k, d]."""
    chances = None if rows.weights is None else rows.weights / rows.weights.sum()
    return rows.values[np.sort(rng.choice(len(rows), num_clusters, replace=False, p=chances))]
