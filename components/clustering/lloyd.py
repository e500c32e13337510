"""Lloyd's algorithm (Lloyd 1982), knowing nothing of where the rows are."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.statistics import FarthestRows, Step, SufficientStatistics


@dataclasses.dataclass(frozen=True)
class Iteration:
    """What one iteration has seen.

    Attributes:
      inertia: of the centroids that the iteration started from.
      moved: how many rows changed their cluster.
      seconds: how long it took.
    """

    inertia: float
    moved: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class LloydResult:
    """Centroids float32 [k, d] in the rows' frame, and how they were reached."""

    centroids: np.ndarray
    history: tuple[Iteration, ...]
    converged: bool


def lloyd(
    step: Step,
    start: np.ndarray,
    frame: Frame,
    options: KMeansOptions,
    on_iteration: Callable[[int, Iteration], None] | None = None,
) -> LloydResult:
    """Steps from `start` (float32 [k, d]) until the inertia falls no further.

    Stops when no centroid changes, when the inertia fell by no more than `relative_tolerance` of
    itself while no cluster was empty, or after `max_iterations`.
    """
    history: list[Iteration] = []
    centroids, converged = start, False
    while not converged and len(history) < options.max_iterations:
        began = time.perf_counter()
        statistics = step(centroids)
        updated = next_centroids(step, centroids, statistics, frame)
        history.append(
            Iteration(statistics.total_inertia, statistics.moved, time.perf_counter() - began)
        )
        if on_iteration is not None:
            on_iteration(len(history) - 1, history[-1])
        converged = np.array_equal(updated, centroids) or (
            bool(statistics.weights.all()) and _settled(history, options.relative_tolerance)
        )
        centroids = centroids if converged else updated
    return LloydResult(centroids, tuple(history), converged)


def _settled(history: list[Iteration], relative_tolerance: float) -> bool:
    if len(history) < 2:
        return False
    before, now = history[-2].inertia, history[-1].inertia
    return before - now <= relative_tolerance * before


def next_centroids(
    step: Step, centroids: np.ndarray, statistics: SufficientStatistics, frame: Frame
) -> np.ndarray:
    """The clusters' means; an empty cluster takes the row that lies farthest from its centroid."""
    empty = np.flatnonzero(statistics.weights == 0)
    if empty.size:
        fill_empty(statistics, empty, step.farthest(centroids, len(centroids)))
    return frame.means(statistics.sums, statistics.weights, centroids)


def fill_empty(statistics: SufficientStatistics, empty: np.ndarray, farthest: FarthestRows) -> None:
    """Moves far rows, in order, from their clusters into the empty ones, in place.

    A cluster is never left without weight by this; where rows run out, clusters stay empty.
    """
    vacancies = list(empty[::-1])
    far = zip(farthest.rows, farthest.weights, farthest.clusters, strict=True)
    for row, weight, donor in far:
        if not vacancies:
            return
        left = statistics.weights[donor] - weight
        if left <= 1e-9 * weight:
            continue
        taker = vacancies.pop()
        statistics.weights[donor] = left
        statistics.sums[donor] -= weight * row.astype(np.float64)
        statistics.weights[taker] = weight
        statistics.sums[taker] = weight * row.astype(np.float64)
