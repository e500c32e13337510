"""Where Lloyd's algorithm starts: k-means++ (greedy), random rows, or rows that are given."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.distances import squared_distances_to, squared_norms
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.options import (
    KMEANS_PLUS_PLUS_INIT,
    KMeansOptions,
    start_rows,
)

_BLOCK = 8192


def start_centroids(
    rows: np.ndarray,
    weights: np.ndarray | None,
    frame: Frame,
    options: KMeansOptions,
    rng: np.random.Generator,
) -> np.ndarray:
    """The first centroids, float32 [k, d], in the frame of the rows (float32 [n, d]).

    Raises:
      ValueError: where rows of `initial_clusters` are not as wide as the data.
    """
    if not isinstance(options.initial_clusters, str):
        return _given(options.initial_clusters, rows.shape[1], frame)
    if options.initial_clusters == KMEANS_PLUS_PLUS_INIT:
        return kmeans_plus_plus(rows, weights, options.k, options.candidates_per_draw(), rng)
    return random_rows(rows, weights, options.k, rng)


def _given(initial_clusters: object, width: int, frame: Frame) -> np.ndarray:
    start = start_rows(initial_clusters)
    if start.shape[1] != width:
        raise ValueError(
            f'initial_clusters has rows of {start.shape[1]} values, but the data has {width} '
            'columns.'
        )
    try:
        frame.refuse_unusable(start)
    except ValueError as error:
        raise ValueError(f'initial_clusters: {error}') from error
    return frame.enter(start)


def random_rows(
    rows: np.ndarray, weights: np.ndarray | None, num_clusters: int, rng: np.random.Generator
) -> np.ndarray:
    """K different rows, a row's chance in proportion to its weight."""
    chances = None if weights is None else weights / weights.sum()
    return rows[np.sort(rng.choice(len(rows), num_clusters, replace=False, p=chances))]


def kmeans_plus_plus(
    rows: np.ndarray,
    weights: np.ndarray | None,
    num_clusters: int,
    candidates: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007, sections 2.2 and 5).

    Each draw takes `candidates` rows with a chance in proportion to weight times squared distance
    to the centroids so far, and keeps the one that leaves the least of that sum. Where fewer
    distinct rows than clusters exist, the rest is drawn by weight alone.

    Returns:
      float32 [k, d], rows of `rows`.
    """
    potential = _Potential(rows, weights)
    chosen = [int(potential.draw_by_weight(1, rng)[0])]
    potential.settle(chosen[0])
    while len(chosen) < num_clusters:
        drawn = potential.draw(candidates, rng)
        chosen.append(potential.settle_best(drawn))
    return rows[chosen]


class _Potential:
    """Each row's squared distance to the nearest row chosen so far."""

    def __init__(self, rows: np.ndarray, weights: np.ndarray | None) -> None:
        self._rows = rows
        self._norms = squared_norms(rows)
        self._weights = np.ones(len(rows)) if weights is None else weights
        self._closest = np.full(len(rows), np.inf)

    def draw_by_weight(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return _draw(self._weights, count, rng)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        chances = self._weights * self._closest
        return _draw(chances if chances.any() else self._weights, count, rng)

    def settle(self, index: int) -> None:
        self._closest = self._closest_with(np.array([index]))[:, 0]

    def settle_best(self, drawn: np.ndarray) -> int:
        closest = self._closest_with(drawn)
        best = int(np.argmin(self._weights @ closest))
        self._closest = closest[:, best].copy()
        return int(drawn[best])

    def _closest_with(self, indices: np.ndarray) -> np.ndarray:
        points = self._rows[indices]
        closest = np.empty((len(self._rows), len(indices)))
        for start in range(0, len(self._rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            distances = squared_distances_to(self._rows[block], self._norms[block], points)
            closest[block] = np.minimum(distances, self._closest[block, np.newaxis])
        return closest


def _draw(chances: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` indices, each with a chance in proportion to `chances` (never one of 0)."""
    cumulated = np.cumsum(chances)
    return np.searchsorted(cumulated, rng.random(count) * cumulated[-1], side='right')
