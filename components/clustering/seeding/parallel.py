"""k-means||: draws candidates in a few passes and chooses among them by weight."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.seeding.local_search import local_search
from tfx_kmeans.clustering.seeding.plus_plus import kmeans_plus_plus, searched_plus_plus
from tfx_kmeans.clustering.seeding.potential import Potential
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_ROUNDS = 3
_OVERSAMPLING = 0.8
_CORESET = 8192


def kmeans_parallel(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray:
    """k-means|| (Bahmani et al. 2012, algorithm 2) with l = 0.8 k and 3 rounds, then local search.

    In each round, l rows become candidates, drawn with probability proportional to the weighted
    squared distances. The weight of a candidate is the total weight of the rows nearest to it.
    Greedy k-means++ chooses the centroids from the candidates, and local search improves them on
    a coreset of 8192 rows. So few candidates suffice, whose distances take less time than three
    passes over the rows with k centroids.

    Args:
      rows: Rows to choose from.
      num_clusters: Number of centroids to choose, k.
      candidates: Number of rows compared in each draw of k-means++.
      rng: Source of the draws.
      workers: Threads and kernels.

    Returns:
      Rows of `rows`, float32 [k, d].
    """
    potential = Potential(rows, workers)
    chosen = potential.draw(1, rng)
    potential.add(rows.values[chosen])
    for _ in range(_ROUNDS):
        if potential.total() == 0:
            break
        found = np.unique(potential.draw(max(1, round(_OVERSAMPLING * num_clusters)), rng))
        potential.add(rows.values[found])
        chosen = np.concatenate([chosen, found])
    masses = potential.masses()
    if np.count_nonzero(masses) < num_clusters:  # k-means++ chooses from all rows
        return searched_plus_plus(rows, num_clusters, candidates, rng, workers)
    weighted_candidates = WeightedRows(rows.values[chosen], masses)
    start = kmeans_plus_plus(weighted_candidates, num_clusters, candidates, rng, workers)
    coreset = rows if len(rows) <= _CORESET else potential.coreset(_CORESET, masses, rng)
    return local_search(coreset, start, rng, workers)
