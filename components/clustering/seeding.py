"""Where k-means starts: k-means++ (greedy), k-means||, random rows, or given ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.local_search import local_search
from tfx_kmeans.clustering.options import (
    KMEANS_PARALLEL_INIT,
    KMEANS_PLUS_PLUS_INIT,
    RANDOM_INIT,
    KMeansOptions,
)
from tfx_kmeans.clustering.potential import Potential
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 1 << 16
_ROUNDS = 5
_OVERSAMPLING = 2


def start_centroids(
    rows: WeightedRows,
    options: KMeansOptions,
    rng: np.random.Generator,
    threads: ThreadPoolExecutor,
) -> np.ndarray:
    """The first centroids, float32 [k, d], by the seeding that `initial_clusters` names."""
    if options.initial_clusters == RANDOM_INIT:
        return random_rows(rows, options.k, rng)
    seeds = {KMEANS_PLUS_PLUS_INIT: searched_plus_plus, KMEANS_PARALLEL_INIT: kmeans_parallel}
    seed = seeds[str(options.initial_clusters)]
    return seed(rows, options.k, options.candidates_per_draw(), rng, threads)


def entered(start: np.ndarray, frame: Frame) -> np.ndarray:
    """Given centroids, feature space [k, d], in the rows' frame.

    Raises:
      ValueError: where they are not as wide as the data, or have no place in the frame.
    """
    if start.shape[1] != len(frame.shift):
        raise ValueError(
            f'initial_clusters has rows of {start.shape[1]} values, but the data has '
            f'{len(frame.shift)} columns.'
        )
    try:
        frame.refuse_unusable(start)
    except ValueError as error:
        raise ValueError(f'initial_clusters: {error}') from error
    return frame.enter(start)


def random_rows(rows: WeightedRows, num_clusters: int, rng: np.random.Generator) -> np.ndarray:
    """K different rows, a row's chance in proportion to its weight."""
    chances = None if rows.weights is None else rows.weights / rows.weights.sum()
    return rows.values[np.sort(rng.choice(len(rows), num_clusters, replace=False, p=chances))]


def kmeans_plus_plus(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
    threads: ThreadPoolExecutor,
) -> np.ndarray:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007, sections 2.2 and 5).

    Each draw takes `candidates` rows with a chance in proportion to weight times squared distance
    to the centroids so far, and keeps the one that leaves the least of that sum. Where fewer
    distinct rows than clusters exist, the rest is drawn by weight alone.

    Returns:
      float32 [k, d], rows of `rows`.
    """
    potential = Potential(rows, num_clusters, threads)
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
    threads: ThreadPoolExecutor,
) -> np.ndarray:
    """Greedy k-means++, improved by local search; see `kmeans_plus_plus` and `local_search`."""
    start = kmeans_plus_plus(rows, num_clusters, candidates, rng, threads)
    return local_search(rows, start, rng, threads)


def kmeans_parallel(
    rows: WeightedRows,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
    threads: ThreadPoolExecutor,
) -> np.ndarray:
    """k-means|| (Bahmani et al. 2012, algorithm 2) with l = 2 k and 5 rounds.

    In each round every row is a candidate with the chance l times its share of the weighted
    squared distances. Each candidate then weighs as much as the rows that are nearest to it, and
    greedy k-means++ (`candidates` at a draw) with local search chooses from them.

    Returns:
      float32 [k, d], rows of `rows`.
    """
    potential = Potential(rows, num_clusters, threads)
    chosen = potential.draw(1, rng)
    potential.add(rows.values[chosen])
    for _ in range(_ROUNDS):
        found = _sampled(potential, len(rows), _OVERSAMPLING * num_clusters, rng)
        if found.size:
            potential.add(rows.values[found])
            chosen = np.concatenate([chosen, found])
    if len(chosen) < num_clusters:  # hardly any distinct rows: let k-means++ see them all
        return searched_plus_plus(rows, num_clusters, candidates, rng, threads)
    masses = np.bincount(potential.nearest, rows.weights, len(chosen)).astype(np.float64)
    weighed = WeightedRows(rows.values[chosen], masses)
    return searched_plus_plus(weighed, num_clusters, candidates, rng, threads)


def _sampled(
    potential: Potential, num_rows: int, expected: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows that are drawn independently, about `expected` of them."""
    total = potential.total()
    if total == 0:
        return np.empty(0, np.int64)
    found = []
    for start in range(0, num_rows, _BLOCK):
        block = slice(start, min(start + _BLOCK, num_rows))
        chances = potential.chances_in(block) * (expected / total)
        found.append(start + np.flatnonzero(rng.random(len(chances)) < chances))
    return np.concatenate(found)
