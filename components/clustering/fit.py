"""A whole clustering: restarts, the best of them, and the final assignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tfx_kmeans.clustering.frame import Frame, enter_in_place
from tfx_kmeans.clustering.lloyd import Iteration, LloydResult, lloyd
from tfx_kmeans.clustering.local_step import LocalStep, worker_threads
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.seeding import start_centroids
from tfx_kmeans.clustering.statistics import SufficientStatistics

OnIteration = Callable[[int, int, Iteration], None]
"""Called with the restart, the iteration (both from 0) and what it has seen."""


@dataclasses.dataclass(frozen=True)
class Restart:
    """One run of Lloyd's algorithm: its final inertia and the iterations that led there."""

    inertia: float
    converged: bool
    history: tuple[Iteration, ...]


@dataclasses.dataclass(frozen=True)
class FitResult:
    """Centroids and what belongs to them.

    Attributes:
      centroids: float32 [k, d], in feature space.
      shift: float64 [d], what was subtracted before distances were computed.
      cluster_weight: float64 [k], the weight of the rows assigned to each.
      cluster_inertia: float64 [k], their weighted distances.
      rows: how many rows were clustered.
      seed: the one that was used.
      restarts: each of them.
      best_restart: the one whose centroids these are.
    """

    centroids: np.ndarray
    shift: np.ndarray
    cluster_weight: np.ndarray
    cluster_inertia: np.ndarray
    rows: int
    seed: int
    restarts: tuple[Restart, ...]
    best_restart: int

    @property
    def inertia(self) -> float:
        """The weighted sum of all distances."""
        return float(self.cluster_inertia.sum())

    @property
    def best(self) -> Restart:
        """The restart that was kept."""
        return self.restarts[self.best_restart]


def fit_in_place(
    rows: np.ndarray,
    weights: np.ndarray | None,
    options: KMeansOptions,
    on_iteration: OnIteration | None = None,
) -> FitResult:
    """Clusters rows (float32 [n, d], finite), and overwrites them with rows of their frame.

    Args:
      rows: row-major; what is left in them is of no use to the caller.
      weights: float64 [n], finite, not negative; None for 1 each.
      options: how.
      on_iteration: told of every iteration, as it ends.

    Raises:
      ValueError: where there are fewer rows with weight than clusters, zero rows under cosine,
        values that overflow, or initial clusters of another width.
    """
    _refuse_too_few_rows(rows, weights, options.k)
    frame = enter_in_place(rows, weights, options.distance_metric)
    seed = options.seed if options.seed is not None else _drawn_seed()
    outcomes = []
    # One BLAS thread each: the last bits of a product depend on how many share it.
    with worker_threads() as threads, threadpool_limits(limits=1, user_api='blas'):
        for index, child in enumerate(np.random.SeedSequence(seed).spawn(options.num_restarts)):
            start = start_centroids(rows, weights, frame, options, np.random.default_rng(child))
            step = LocalStep(rows, weights, frame.scale, threads)
            found = lloyd(step, start, frame, options, _of_restart(index, on_iteration))
            outcomes.append(_Outcome.of(step, found, frame))
    return _best_of(outcomes, frame, seed, len(rows))


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """A restart after its final assignment, to the very centroids that are returned."""

    centroids: np.ndarray
    final: SufficientStatistics
    found: LloydResult

    @classmethod
    def of(cls, step: LocalStep, found: LloydResult, frame: Frame) -> _Outcome:
        centroids = frame.leave(found.centroids)
        return cls(centroids, step(frame.enter(centroids)), found)

    def summary(self) -> Restart:
        return Restart(self.final.total_inertia, self.found.converged, self.found.history)


def _best_of(outcomes: list[_Outcome], frame: Frame, seed: int, rows: int) -> FitResult:
    restarts = tuple(outcome.summary() for outcome in outcomes)
    best = int(np.argmin([restart.inertia for restart in restarts]))
    kept = outcomes[best]
    return FitResult(
        centroids=kept.centroids,
        shift=frame.shift,
        cluster_weight=kept.final.weights,
        cluster_inertia=kept.final.inertia,
        rows=rows,
        seed=seed,
        restarts=restarts,
        best_restart=best,
    )


def _of_restart(
    restart: int, on_iteration: OnIteration | None
) -> Callable[[int, Iteration], None] | None:
    return None if on_iteration is None else partial(on_iteration, restart)


def _drawn_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])


def _refuse_too_few_rows(rows: np.ndarray, weights: np.ndarray | None, k: int) -> None:
    usable = len(rows) if weights is None else int(np.count_nonzero(weights))
    if usable < k:
        kind = 'rows' if weights is None else 'rows with a positive weight'
        raise ValueError(
            f'num_clusters is {k}, but there are only {usable} {kind}: use at most {usable} '
            'clusters, or more data.'
        )
