"""Greedy k-means++, followed by local search."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.seeding.local_search import local_search
from tfx_kmeans.clustering.seeding.potential import Potential
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.weighted_rows import WeightedRows


def kmeans_plus_plus(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007, sections 2.2 and 5).

    Each draw takes `candidates` rows with probability proportional to weight times squared
    distance to the centroids chosen so far, and keeps the one that leaves the smallest total. If
    there are fewer distinct rows than clusters, the remaining ones are drawn by weight alone.

    Args:
      rows: Rows to choose from.
      num_clusters: Number of centroids to choose, k.
      candidates: Number of rows compared in each draw.
      rng: Source of the draws.
      workers: Threads and kernels.

    Returns:
      Rows of `rows`, float32 [k, d].
    """
    potential = Potential(rows, workers)
    chosen: list[int] = []
    while len(chosen) < num_clusters:
        drawn = potential.draw(candidates if chosen else 1, rng)
        chosen.append(int(drawn[potential.add_best(rows.values[drawn])]))
    return rows.values[chosen]


def searched_plus_plus(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray:
    """Greedy k-means++ followed by local search; see `kmeans_plus_plus` and `local_search`."""
    start = kmeans_plus_plus(rows, num_clusters, candidates, rng, workers)
    return local_search(rows, start, rng, workers)
