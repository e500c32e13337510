"""Mini-batch k-means (Sculley 2010), with steps and iterations as the Estimator defines them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping

import numpy as np

from tfx_kmeans.clustering.distances import nearest, paired_squared_distances
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Iteration, OnProgress, Progress
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_PATIENCE = 10  # iterations without an improvement, as in scikit-learn's max_no_improvement
_REASSIGNMENT_RATIO = 0.01  # share of the largest cluster's weight, as in scikit-learn


def mini_batch(
    rows: WeightedRows,
    progress: Progress,
    frame: Frame,
    options: KMeansOptions,
    *,
    rng: np.random.Generator,
    on_progress: OnProgress,
) -> Progress:
    """Moves each centroid towards its rows in random batches, at the rate 1 / (weight it has seen).

    An iteration has `mini_batch_steps_per_iteration` steps. Each step draws a batch of `batch_size`
    rows with replacement and assigns them to the centroids as they were at the beginning of the
    iteration. Clusters with less than 1% of the largest cluster's weight are moved to distant rows
    of a batch. Stops when the running mean of the batches' inertia has not fallen by more than
    `relative_tolerance` times its value for ten iterations, or after `max_iterations`. Continues
    from the given progress, which may be that of an earlier run.
    """
    state = _State.initial(progress.centroids)
    if progress.previous is not None:
        state = _State.from_memory(progress.memory)
        rng.bit_generator.state = json.loads(str(progress.memory['rng']))
    while not progress.converged and len(progress.history) < options.max_iterations:
        started = time.perf_counter()
        centroids = state.iterate(rows, progress.centroids, frame, options, rng)
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
      weight_since_check: Weight seen since the last check for clusters of low weight.
      inertia: Inertia of the last iteration's batches, scaled to all rows.
      smoothed: Running mean of `inertia`.
      best_smoothed: Running mean at the last improvement.
      without_improvement: Number of iterations since then.
    """

    weights: np.ndarray
    weight_since_check: float = 0.0
    inertia: float = np.inf
    smoothed: float = np.inf
    best_smoothed: float = np.inf
    without_improvement: int = 0

    @classmethod
    def initial(cls, centroids: np.ndarray) -> _State:
        return cls(np.zeros(len(centroids)))

    @classmethod
    def from_memory(cls, memory: Mapping[str, np.ndarray]) -> _State:
        since_check, inertia, smoothed, best, count = memory['scalars'].tolist()
        return cls(memory['weights'].copy(), since_check, inertia, smoothed, best, int(count))

    def to_memory(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        scalars = (
            self.weight_since_check,
            self.inertia,
            self.smoothed,
            self.best_smoothed,
            self.without_improvement,
        )
        state = json.dumps(rng.bit_generator.state)
        return {
            'weights': self.weights.copy(), 'scalars': np.array(scalars), 'rng': np.array(state)
        }  # fmt: skip

    def iterate(
        self,
        rows: WeightedRows,
        centroids: np.ndarray,
        frame: Frame,
        options: KMeansOptions,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The centroids after one iteration, float32 [k, d]."""
        updated = centroids.astype(np.float64)
        distance = weight = 0.0
        for _ in range(options.mini_batch_steps_per_iteration):
            batch = _Batch.drawn(rows, centroids, options.batch_size, frame.scale, rng)
            self._move(updated, batch)
            distance += float(batch.distances @ batch.weights)
            weight += float(batch.weights.sum())
            self._reassign(updated, batch, rng)
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
        self.weight_since_check += float(weights.sum())

    def _reassign(self, updated: np.ndarray, batch: _Batch, rng: np.random.Generator) -> None:
        """Moves the centroids of clusters with low weight to rows of the batch.

        The rows are drawn with probability proportional to weight times distance.
        """
        if self.weight_since_check < 10 * len(updated) and self.weights.all():
            return
        self.weight_since_check = 0.0
        light = np.flatnonzero(self.weights < _REASSIGNMENT_RATIO * self.weights.max())
        chances = batch.distances * batch.weights
        count = min(len(light), np.count_nonzero(chances), len(chances) // 2)
        if count == 0:
            return
        lightest = light[np.argsort(self.weights[light], kind='stable')][:count]
        drawn = rng.choice(len(chances), count, replace=False, p=chances / chances.sum())
        updated[lightest] = batch.rows[drawn]
        others = np.setdiff1d(np.arange(len(updated)), light)
        self.weights[lightest] = self.weights[others].min()

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
    def drawn(
        cls,
        rows: WeightedRows,
        centroids: np.ndarray,
        size: int,
        scale: float,
        rng: np.random.Generator,
    ) -> _Batch:
        index = np.sort(rng.integers(len(rows), size=size))
        found = rows.values[index]
        labels = nearest(found, centroids)
        distances = scale * paired_squared_distances(found, centroids[labels])
        weights = np.ones(size) if rows.weights is None else rows.weights[index]
        return cls(found, weights, labels, distances)
