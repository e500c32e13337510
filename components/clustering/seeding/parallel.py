"""k-means||: draws many candidates in a few passes and chooses among them by weight."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.seeding.plus_plus import searched_plus_plus
from tfx_kmeans.clustering.seeding.potential import Potential
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 1 << 16
_ROUNDS = 5
_OVERSAMPLING = 2


def kmeans_parallel(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray:
    """k-means|| (Bahmani et al. 2012, algorithm 2) with l = 2 k and 5 rounds.

    In each round, every row becomes a candidate with a probability of l times its share of the
    weighted squared distances. The weight of a candidate is the total weight of the rows nearest to
    it. Greedy k-means++ with local search then chooses the centroids from the candidates.

    Args:
      rows: Rows to choose from.
      num_clusters: Number of centroids to choose, k.
      candidates: Number of rows compared in each draw of k-means++.
      rng: Source of the draws.
      workers: Threads, and whether to use compiled passes.

    Returns:
      Rows of `rows`, float32 [k, d].
    """
    potential = Potential(rows, workers)
    chosen = potential.draw(1, rng)
    potential.add(rows.values[chosen])
    for _ in range(_ROUNDS):
        found = _sampled(potential, len(rows), _OVERSAMPLING * num_clusters, rng)
        if found.size:
            potential.add(rows.values[found])
            chosen = np.concatenate([chosen, found])
    if len(chosen) < num_clusters:  # too few distinct rows: k-means++ chooses from all rows
        return searched_plus_plus(rows, num_clusters, candidates, rng, workers)
    masses = np.bincount(potential.nearest, rows.weights, len(chosen)).astype(np.float64)
    weighted_candidates = WeightedRows(rows.values[chosen], masses)
    return searched_plus_plus(weighted_candidates, num_clusters, candidates, rng, workers)


def _sampled(
    potential: Potential, num_rows: int, expected: int, rng: np.random.Generator
) -> np.ndarray:
    """Indices of rows that are drawn independently; `expected` is the mean of their number."""
    total = potential.total()
    if total == 0:
        return np.empty(0, np.int64)
    found = []
    for start in range(0, num_rows, _BLOCK):
        block = slice(start, min(start + _BLOCK, num_rows))
        chances = potential.chances_in(block) * (expected / total)
        found.append(start + np.flatnonzero(rng.random(len(chances)) < chances))
    return np.concatenate(found)
