"""Lloyd's algorithm (Lloyd 1982), independent of where the rows are stored."""

from __future__ import annotations

import time

import numpy as np

from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Iteration, OnProgress, Progress
from tfx_kmeans.clustering.steps.statistics import FarthestRows, SufficientStatistics
from tfx_kmeans.clustering.steps.step import Step


def lloyd(
    step: Step, progress: Progress, frame: Frame, options: KMeansOptions, on_progress: OnProgress
) -> Progress:
    """Iterates until convergence, from the beginning or from the progress of an earlier run.

    Stops when no centroid changes, when the inertia fell by at most `relative_tolerance` times its
    previous value while no cluster was empty, or after `max_iterations`.
    """
    if progress.previous is not None:
        step.resume(progress.previous, progress.memory)
    while not progress.converged and len(progress.history) < options.max_iterations:
        progress = _iterated(step, progress, frame, options.relative_tolerance)
        on_progress(progress)
    return progress


def _iterated(step: Step, progress: Progress, frame: Frame, relative_tolerance: float) -> Progress:
    started = time.perf_counter()
    centroids = progress.centroids
    statistics = step(centroids)
    updated = next_centroids(step, centroids, statistics, frame)
    seconds = time.perf_counter() - started
    iteration = Iteration(statistics.total_inertia, statistics.moved, seconds)
    history = (*progress.history, iteration)
    converged = np.array_equal(updated, centroids) or (
        bool(statistics.weights.all()) and _inertia_settled(history, relative_tolerance)
    )
    return Progress(
        centroids if converged else updated, history, converged, centroids, step.memory()
    )


def _inertia_settled(history: tuple[Iteration, ...], relative_tolerance: float) -> bool:
    if len(history) < 2:
        return False
    before, now = history[-2].inertia, history[-1].inertia
    return before - now <= relative_tolerance * before


def next_centroids(
    step: Step, centroids: np.ndarray, statistics: SufficientStatistics, frame: Frame
) -> np.ndarray:
    """The means of the clusters; each empty cluster gets one of the rows farthest from theirs."""
    empty = np.flatnonzero(statistics.weights == 0)
    if empty.size:
        fill_empty(statistics, empty, step.farthest(centroids, len(centroids)))
    return frame.means(statistics.sums, statistics.weights, centroids)


def without_empty(step: Step, centroids: np.ndarray) -> np.ndarray:
    """The centroids, of which those without rows are replaced by rows far from all others."""
    statistics = step(centroids)
    empty = np.flatnonzero(statistics.weights == 0)
    if empty.size:
        fill_empty(statistics, empty, step.farthest(centroids, len(centroids)))
    filled = empty[statistics.weights[empty] > 0]
    moved = centroids.copy()
    moved[filled] = statistics.sums[filled] / statistics.weights[filled, np.newaxis]
    return moved


def fill_empty(statistics: SufficientStatistics, empty: np.ndarray, farthest: FarthestRows) -> None:
    """Moves the farthest rows, in order, from their clusters to the empty ones, in place.

    Rows whose cluster would be left without weight are not moved. If there are too few rows to
    move, the remaining clusters stay empty.
    """
    vacancies = list(empty[::-1])
    far = zip(farthest.rows, farthest.weights, farthest.clusters, strict=True)
    for row, weight, donor in far:
        if not vacancies:
            return
        left = statistics.weights[donor] - weight
        if left <= 1e-9 * weight:
            continue
        receiver = vacancies.pop()
        statistics.weights[donor] = left
        statistics.sums[donor] -= weight * row.astype(np.float64)
        statistics.weights[receiver] = weight
        statistics.sums[receiver] = weight * row.astype(np.float64)
