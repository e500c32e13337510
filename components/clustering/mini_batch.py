"""Mini-batch k-means (Sculley 2010), with the Estimator's meaning of steps and iterations."""

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
_STARVING = 0.01  # of the largest cluster's weight, as in scikit-learn's reassignment_ratio


def mini_batch(
    rows: WeightedRows,
    begun: Progress,
    frame: Frame,
    options: KMeansOptions,
    *,
    rng: np.random.Generator,
    on_progress: OnProgress,
) -> Progress:
    """Moves each centroid towards the rows of random batches, by 1 / (weight it has seen).

    An iteration is `mini_batch_steps_per_iteration` batches of `batch_size` rows, drawn with
    replacement and assigned to the centroids as they were when the iteration began. Clusters that
    starve (with less than 1% of the largest one's weight) start again from far rows of a batch.
    Stops when the running mean of the batches' inertia has not fallen by more than
    `relative_tolerance` of itself for ten iterations, or after `max_iterations`.
    """
    progress, state = begun, _State.begun(begun.centroids)
    if begun.previous is not None:
        state = _State.from_memory(begun.memory)
        rng.bit_generator.state = json.loads(str(begun.memory['rng']))
    while not progress.converged and len(progress.history) < options.max_iterations:
        began = time.perf_counter()
        centroids = state.iterate(rows, progress.centroids, frame, options, rng)
        seen = Iteration(state.inertia, None, time.perf_counter() - began)
        progress = Progress(
            centroids=centroids,
            history=(*progress.history, seen),
            converged=state.stale >= _PATIENCE,
            previous=progress.centroids,
            memory=state.to_memory(rng),
        )
        on_progress(progress)
    return progress


@dataclasses.dataclass
class _State:
    """What is known of all batches so far.

    Attributes:
      weights: float64 [k], of the rows that moved each centroid.
      unchecked: weight seen since starving clusters were last looked for.
      inertia: of the last iteration, scaled to all rows.
      smoothed: the running mean of that.
      least: the least of the running means that counted as an improvement.
      stale: iterations since then.
    """

    weights: np.ndarray
    unchecked: float = 0.0
    inertia: float = np.inf
    smoothed: float = np.inf
    least: float = np.inf
    stale: int = 0

    @classmethod
    def begun(cls, centroids: np.ndarray) -> _State:
        return cls(np.zeros(len(centroids)))

    @classmethod
    def from_memory(cls, memory: Mapping[str, np.ndarray]) -> _State:
        unchecked, inertia, smoothed, least, stale = memory['scalars'].tolist()
        return cls(memory['weights'].copy(), unchecked, inertia, smoothed, least, int(stale))

    def to_memory(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        scalars = (self.unchecked, self.inertia, self.smoothed, self.least, self.stale)
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
            self._revive(updated, batch, rng)
        share = min(1.0, 2.0 * options.mini_batch_steps_per_iteration * options.batch_size
                    / (len(rows) + 1))  # fmt: skip
        self._note(distance / weight * rows.total_weight if weight else 0.0, share, options)
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
        self.unchecked += float(weights.sum())

    def _revive(self, updated: np.ndarray, batch: _Batch, rng: np.random.Generator) -> None:
        """Sends starving clusters to rows of the batch, far ones with a higher chance."""
        if self.unchecked < 10 * len(updated) and self.weights.all():
            return
        self.unchecked = 0.0
        starving = np.flatnonzero(self.weights < _STARVING * self.weights.max())
        chances = batch.distances * batch.weights
        count = min(len(starving), np.count_nonzero(chances), len(chances) // 2)
        if count == 0:
            return
        hungriest = starving[np.argsort(self.weights[starving], kind='stable')][:count]
        taken = rng.choice(len(chances), count, replace=False, p=chances / chances.sum())
        updated[hungriest] = batch.rows[taken]
        fed = np.setdiff1d(np.arange(len(updated)), starving)
        self.weights[hungriest] = self.weights[fed].min()

    def _note(self, inertia: float, share: float, options: KMeansOptions) -> None:
        self.inertia = inertia
        if np.isinf(self.smoothed):
            self.smoothed = inertia
        self.smoothed += share * (inertia - self.smoothed)
        if self.smoothed < self.least * (1 - options.relative_tolerance):
            self.least, self.stale = self.smoothed, 0
        else:
            self.stale += 1


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Rows float32 [b, d], their weights, clusters and distances [b]."""

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
