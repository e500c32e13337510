"""Complete fits of ours and of the peers from the same start; each measures its own time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import faiss
import numpy as np
from harness import seconds
from sklearn.cluster import KMeans
from sklearnex.cluster import KMeans as IntelKMeans
from threadpoolctl import threadpool_limits

from tfx_kmeans.clustering.fit_result import FitResult
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.segments import segments_of, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_PRODUCTS_AT_ONCE = 1 << 18  # floats in a product [block, k]: 1 MB, which fits in the cache


class Fitted(NamedTuple):
    """Duration of a fit in seconds, and the inertia of its centroids."""

    seconds: float
    inertia: float


Fit = Callable[[np.ndarray, np.ndarray, int], Fitted]
"""A fit of rows [n, d] from initial centroids [k, d], with a given number of iterations."""


def fit(rows: np.ndarray, start: np.ndarray, **options: Any) -> tuple[float, FitResult]:
    """Seconds and result of ours. The rows are copied before the clock starts."""
    copy = WeightedRows(rows.copy())
    all_options = KMeansOptions(num_clusters=len(start), **options)
    return seconds(lambda: fit_in_place(copy, all_options, start=start))


def ours(rows: np.ndarray, start: np.ndarray, iterations: int) -> Fitted:
    """Ours, as a `Fit`."""
    taken, result = fit(rows, start, max_iterations=iterations, relative_tolerance=0.0)
    return Fitted(taken, result.inertia)


def _lloyd(rows: np.ndarray, start: np.ndarray, iterations: int) -> Fitted:
    model = KMeans(len(start), init=start, n_init=1, max_iter=iterations, tol=0, algorithm='lloyd')
    return Fitted(seconds(lambda: model.fit(rows))[0], model.inertia_)


def _elkan(rows: np.ndarray, start: np.ndarray, iterations: int) -> Fitted:
    model = KMeans(len(start), init=start, n_init=1, max_iter=iterations, tol=0, algorithm='elkan')
    return Fitted(seconds(lambda: model.fit(rows))[0], model.inertia_)


def intelex(rows: np.ndarray, start: np.ndarray, iterations: int) -> Fitted:
    """scikit-learn-intelex, as a `Fit`."""
    model = intel_model(start, iterations)
    return Fitted(seconds(lambda: model.fit(rows))[0], model.inertia_)


def intel_model(start: np.ndarray, iterations: int) -> IntelKMeans:
    """A model of scikit-learn-intelex that runs exactly the given number of iterations."""
    return IntelKMeans(len(start), init=start, n_init=1, max_iter=iterations, tol=0)


def _faiss(rows: np.ndarray, start: np.ndarray, iterations: int) -> Fitted:
    """Without subsampling. The rows are assigned to the last centroids in a separate call."""
    model = faiss.Kmeans(
        rows.shape[1],
        len(start),
        niter=iterations,
        max_points_per_centroid=10**9,
        min_points_per_centroid=1,
    )

    def train_and_assign() -> np.ndarray:
        model.train(rows, init_centroids=start)
        return model.index.search(rows, 1)[0]

    taken, distances = seconds(train_and_assign)
    return Fitted(taken, float(distances.sum(dtype=np.float64)))


def _ours_by_default(rows: np.ndarray, clusters: int, seed: int) -> Fitted:
    copy = WeightedRows(rows.copy())
    options = KMeansOptions(num_clusters=clusters, seed=seed)
    taken, result = seconds(lambda: fit_in_place(copy, options))
    return Fitted(taken, result.inertia)


def _scikit_learn_by_default(rows: np.ndarray, clusters: int, seed: int) -> Fitted:
    model = KMeans(clusters, random_state=seed)
    return Fitted(seconds(lambda: model.fit(rows))[0], model.inertia_)


def _faiss_by_default(rows: np.ndarray, clusters: int, seed: int) -> Fitted:
    """Trains on at most 256 rows a cluster, and assigns all rows."""
    model = faiss.Kmeans(rows.shape[1], clusters, seed=seed + 1)

    def train_and_assign() -> np.ndarray:
        model.train(rows)
        return model.index.search(rows, 1)[0]

    taken, distances = seconds(train_and_assign)
    return Fitted(taken, float(distances.sum(dtype=np.float64)))


DEFAULTS: dict[str, Callable[[np.ndarray, int, int], Fitted]] = {
    'ours': _ours_by_default,
    'scikit-learn': _scikit_learn_by_default,
    'faiss': _faiss_by_default,
}
"""Seeding and fit of rows [n, d] in a number of clusters, with a seed and defaults otherwise."""

PEERS: dict[str, Fit] = {
    'scikit-learn lloyd': _lloyd,
    'scikit-learn elkan': _elkan,
    'scikit-learn-intelex': intelex,
    'faiss': _faiss,
}


def products(rows: np.ndarray, start: np.ndarray, passes: int) -> float:
    """Seconds of the float32 products of all rows with the centroids.

    Each core multiplies one block at a time, as the peers do; OpenBLAS's own threads lose time
    waiting for each other.
    """
    across = start.T
    rows_at_once = _PRODUCTS_AT_ONCE // len(start)

    def multiply(segment: slice) -> None:
        product = np.empty((rows_at_once, len(start)), np.float32)
        for first in range(segment.start, segment.stop, rows_at_once):
            block = rows[first : min(first + rows_at_once, segment.stop)]
            np.matmul(block, across, out=product[: len(block)])

    with worker_threads() as threads, threadpool_limits(limits=1, user_api='blas'):
        segments = passes * segments_of(len(rows), start.size)
        return seconds(lambda: list(threads.map(multiply, segments)))[0]
