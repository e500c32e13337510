"""Mini-batch k-means (Sculley 2010), with steps and iterations as the Estimator defines them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping

import numpy as np

from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.kernels.interface import Kernels, Points
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Iteration, OnProgress, Progress
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_PATIENCE = 10  # iterations without an improvement, as in scikit-learn's max_no_improvement


def mini_batch(
    rows: WeightedRows,
    progress: Progress,
    frame: Frame,
    options: KMeansOptions,
    *,
    rng: np.random.Generator,
    kernels: Kernels,
    on_progress: OnProgress,
) -> Progress:
    """Moves each centroid towards its rows in random batches, at the rate 1 / (weight it has seen).

    An iteration has `mini_batch_steps_per_iteration` steps. Each step draws a batch of `batch_size`
    rows with a positive weight, with replacement, and assigns them to the centroids as they were at
    the beginning of the iteration. A cluster keeps its centroid while batches have no row of it:
    heavy tails need small clusters far from the others, and no batch shows what they are worth.
    Stops when the running mean of the batches' inertia has not fallen by more than
    `relative_tolerance` times its value for ten iterations, or after `max_iterations`. Continues
    from the given progress, which may be that of an earlier run.
    """
    state, usable = _State.initial(progress.centroids), rows.usable()
    if progress.previous is not None:
        state = _State.from_memory(progress.memory)
        rng.bit_generator.state = json.loads(str(progress.memory['rng']))
    while not progress.converged and len(progress.history) < options.max_iterations:
        started = time.perf_counter()
        centroids = state.iterate(rows, usable, progress.centroids, frame, options, rng, kernels)
        iteration = Iteration(state.inertia, None, time.perf_counter() - started)
        progress = Progress(
            centroids=centroids,
            history=(*progress.history, iteration),
            converged=state.without_improvement >= _PATIENCE,
            previous=progress.centroids,
            memory=state.to_memory(rng),
        )
        on_progress(progress)
    return progress


@dataclasses.dataclass
class _State:
    """State that is carried from batch to batch.

    Attributes:
      weights: Total weight of the rows that have moved each centroid, float64 [k].
      inertia: Inertia of the last iteration's batches, scaled to all rows.
      smoothed: Running mean of `inertia`.
      best_smoothed: Running mean at the last improvement.
      without_improvement: Number of iterations since then.
    """

    weights: np.ndarray
    inertia: float = np.inf
    smoothed: float = np.inf
    best_smoothed: float = np.inf
    without_improvement: int = 0

    @classmethod
    def initial(cls, centroids: np.ndarray) -> _State:
        return cls(np.zeros(len(centroids)))

    @classmethod
    def from_memory(cls, memory: Mapping[str, np.ndarray]) -> _State:
        inertia, smoothed, best, count = memory['scalars'].tolist()
        return cls(memory['weights'].copy(), inertia, smoothed, best, int(count))

    def to_memory(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        scalars = (
            self.inertia,
            self.smoothed,
            self.best_smoothed,
            self.without_improvement,
        )
        state = json.dumps(rng.bit_generator.state)
        return {
            'weights': self.weights.copy(), 'scalars': np.array(scalars), 'rng': np.array(state)
        }  # fmt: skip

    def iterate(  # noqa: PLR0917
        self,
        rows: WeightedRows,
        usable: np.ndarray | None,
        centroids: np.ndarray,
        frame: Frame,
        options: KMeansOptions,
        rng: np.random.Generator,
        kernels: Kernels,
    ) -> np.ndarray:
        """The centroids after one iteration, float32 [k, d]."""
        updated, points = centroids.astype(np.float64), Points.of(centroids)
        distance = weight = 0.0
        for _ in range(options.mini_batch_steps_per_iteration):
            batch = _Batch.drawn(
                rows, usable, points, options.batch_size, frame.scale, rng, kernels
            )
            self._move(updated, batch)
            distance += float((batch.distances * batch.weights).sum())
            weight += float(batch.weights.sum())
        share = min(1.0, 2.0 * options.mini_batch_steps_per_iteration * options.batch_size
                    / (len(rows) + 1))  # fmt: skip
        self._record(distance / weight * rows.total_weight if weight else 0.0, share, options)
        return frame.means(updated, np.ones(len(updated)), centroids)

    def _move(self, updated: np.ndarray, batch: _Batch) -> None:
        k = len(updated)
        weights = np.bincount(batch.labels, batch.weights, k)
        sums = np.zeros_like(updated)
        np.add.at(sums, batch.labels, batch.rows * batch.weights[:, np.newaxis])
        seen = weights > 0
        self.weights += weights
        step = (sums[seen] - weights[seen, np.newaxis] * updated[seen]) / self.weights[seen, None]
        updated[seen] += step

    def _record(self, inertia: float, share: float, options: KMeansOptions) -> None:
        self.inertia = inertia
        if np.isinf(self.smoothed):
            self.smoothed = inertia
        self.smoothed += share * (inertia - self.smoothed)
        if self.smoothed < self.best_smoothed * (1 - options.relative_tolerance):
            self.best_smoothed, self.without_improvement = self.smoothed, 0
        else:
            self.without_improvement += 1


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Rows of a batch, float32 [b, d], and their weights, clusters and distances, each [b]."""

    rows: np.ndarray
    weights: np.ndarray
    labels: np.ndarray
    distances: np.ndarray

    @classmethod
    def drawn(  # noqa: PLR0917
        cls,
        rows: WeightedRows,
        usable: np.ndarray | None,
        points: Points,
        size: int,
        scale: float,
        rng: np.random.Generator,
        kernels: Kernels,
    ) -> _Batch:
        index = np.sort(rng.integers(len(rows) if usable is None else len(usable), size=size))
        if usable is not None:  # a batch of rows without weight would say nothing
            index = usable[index]
        found = rows.values[index]
        labels, squared = kernels.nearest(found, points)
        distances = scale * squared
        weights = np.ones(size) if rows.weights is None else rows.weights[index]
        return cls(found, weights, labels, distances)
