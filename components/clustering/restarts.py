"""A complete clustering: runs the restarts with their final assignments, and keeps the best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tfx_kmeans.clustering.checkpoint import Checkpoint, Checkpoints, fingerprint_of
from tfx_kmeans.clustering.engine import Engine, local_engine
from tfx_kmeans.clustering.fit_result import FinalAssignment, FitResult, Restart
from tfx_kmeans.clustering.frame import Frame, enter_in_place
from tfx_kmeans.clustering.lloyd import lloyd, without_empty
from tfx_kmeans.clustering.metric import metric_of
from tfx_kmeans.clustering.options import KMeansOptions, start_rows
from tfx_kmeans.clustering.progress import Iteration, OnProgress, Progress
from tfx_kmeans.clustering.sample_first import sample_pays, start_from_sample
from tfx_kmeans.clustering.seeding.given import chosen_rows, entered
from tfx_kmeans.clustering.seeding.registry import SEEDINGS
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.errors import DataError

_NEGLIGIBLE = 1e-6  # of the inertia: what rounding centroids to float32 may add

OnIteration = Callable[[int, int, Iteration], None]
"""Called with the restart, the iteration (both numbered from 0) and the iteration's record."""


def fit_in_place(
    rows: WeightedRows,
    options: KMeansOptions,
    *,
    start: np.ndarray | None = None,
    on_iteration: OnIteration | None = None,
    checkpoints: Checkpoints | None = None,
    engine: Engine | None = None,
) -> FitResult:
    """Clusters rows and overwrites them in the process.

    Args:
      rows: Rows with finite values. Afterwards they hold coordinates of the frame, which
        the caller must not use.
      options: Options of the clustering.
      start: Centroids in feature space to start from instead of `initial_clusters`, float32 [k, d].
        There is only one run then, and `num_restarts` is ignored.
      on_iteration: Function that is called after each iteration.
      checkpoints: Storage of checkpoints to resume from and to write; None for no checkpoints.
      engine: Engine that computes the passes over the rows; None for the local engine.

    Raises:
      DataError: If there are fewer rows with a positive weight than clusters, if there are rows of
        zeros under cosine, or if squared distances overflow.
      ParameterError: If the initial clusters have the wrong width or no distance to the rows, or
        if the function in `initial_clusters` returns something invalid.
      CheckpointError: If the checkpoints belong to another fit.
    """
    _refuse_too_few_rows(rows, options.k)
    engine = engine or local_engine()
    state = _initial_state(rows, options, start, engine.name, checkpoints)
    starts = _starts(rows, options, start)
    with worker_threads() as threads:
        metric = metric_of(options.distance_metric)
        workers = Workers(threads, engine.kernels)
        frame = enter_in_place(rows, metric, workers)
        run = _Run(rows, options, frame, engine, workers)
        for index in range(len(state.restarts), len(starts)):
            on_progress = _progress_handler(state, index, on_iteration, checkpoints)
            progress, final = run.restart(index, starts[index], state, on_progress)
            state = _with_restart(state, progress, final)
            if checkpoints is not None:
                checkpoints.save(state)
    return _result(state, frame, rows)


@dataclasses.dataclass(frozen=True)
class _Run:
    """Everything that all restarts have in common."""

    rows: WeightedRows
    options: KMeansOptions
    frame: Frame
    engine: Engine
    workers: Workers

    def restart(
        self, index: int, start: np.ndarray | None, state: Checkpoint, on_progress: OnProgress
    ) -> tuple[Progress, FinalAssignment]:
        """Runs one restart, from its beginning or from the progress in the checkpoint."""
        rng = np.random.default_rng(_seed_sequence(state.seed, index))
        progress = state.progress or Progress(self._start(start, rng))
        step = self.engine.make_step(self.rows, self.frame.scale, self.workers)
        if self.options.use_mini_batch and start is not None and progress.previous is None:
            progress = Progress(without_empty(step, progress.centroids))
        if self.options.use_mini_batch:
            from tfx_kmeans.clustering.mini_batch import mini_batch

            progress = mini_batch(
                self.rows, progress, self.frame, self.options,
                rng=rng, kernels=self.workers.kernels, on_progress=on_progress,
            )  # fmt: skip
        else:
            progress = lloyd(step, progress, self.frame, self.options, on_progress)
        centroids, points = self._returned(progress)
        final = step.final(self.frame.enter(centroids) if points is None else points)
        return progress, FinalAssignment(index, centroids, final.weights, final.inertia, points)

    def _returned(self, progress: Progress) -> tuple[np.ndarray, np.ndarray | None]:
        """Centroids in feature space, and in the frame if float32 rounds them in feature space."""
        centroids = self.frame.leave(progress.centroids)
        error = self.frame.enter(centroids) - progress.centroids
        if self.frame.metric.normalised or not error.any():
            return centroids, None
        loss = self.rows.total_weight * float(np.square(error).sum(axis=1).max())
        inertia = progress.history[-1].inertia
        return centroids, None if loss <= _NEGLIGIBLE * inertia else progress.centroids

    def _start(self, start: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        if start is not None:
            return entered(start, self.frame)
        choose = SEEDINGS[str(self.options.initial_clusters)].choose
        if self.options.sample_first and sample_pays(self.rows, self.options.k):
            return start_from_sample(
                self.rows, self.options, choose, self.frame, self.engine, rng, self.workers
            )
        candidates = self.options.candidates_per_draw()
        return choose(self.rows, self.options.k, candidates, rng, self.workers)


def _initial_state(
    rows: WeightedRows,
    options: KMeansOptions,
    start: np.ndarray | None,
    engine: str,
    checkpoints: Checkpoints | None,
) -> Checkpoint:
    seed = options.seed if options.seed is not None else _drawn_seed()
    if checkpoints is None:
        return Checkpoint({}, seed)
    fingerprint = fingerprint_of(rows, options, start, engine)
    return checkpoints.load(fingerprint) or Checkpoint(fingerprint, seed)


def _starts(
    rows: WeightedRows, options: KMeansOptions, start: np.ndarray | None
) -> list[np.ndarray | None]:
    """The given centroids of each restart, in feature space; None if a seeding chooses them."""
    if start is not None:
        return [start]
    chooser = options.chooser()
    if chooser is not None:
        return [chosen_rows(chooser, rows, options.k) for _ in range(options.num_restarts)]
    if isinstance(options.initial_clusters, str):
        return [None] * options.num_restarts
    return [start_rows(options.initial_clusters)]


def _progress_handler(
    state: Checkpoint,
    restart: int,
    on_iteration: OnIteration | None,
    checkpoints: Checkpoints | None,
) -> OnProgress:
    def handle(progress: Progress) -> None:
        if on_iteration is not None:
            on_iteration(restart, len(progress.history) - 1, progress.history[-1])
        if checkpoints is not None:
            checkpoints.save(dataclasses.replace(state, progress=progress))

    return handle


def _with_restart(state: Checkpoint, progress: Progress, final: FinalAssignment) -> Checkpoint:
    restart = Restart(final.inertia, progress.converged, progress.history)
    best = state.best
    if best is None or final.inertia < best.inertia:
        best = final
    return dataclasses.replace(state, restarts=(*state.restarts, restart), best=best, progress=None)


def _result(state: Checkpoint, frame: Frame, rows: WeightedRows) -> FitResult:
    best = state.best
    assert best is not None, 'there is at least one restart'
    return FitResult(
        centroids=best.centroids,
        points=best.points,
        shift=frame.shift,
        cluster_weight=best.cluster_weight,
        cluster_inertia=best.cluster_inertia,
        rows=len(rows),
        total_weight=rows.total_weight,
        seed=state.seed,
        restarts=state.restarts,
        best_restart=best.restart,
        distance_metric=frame.metric.name,
    )


def _seed_sequence(seed: int, restart: int) -> np.random.SeedSequence:
    """The child of `SeedSequence(seed)` that `spawn` creates at the index of the restart."""
    return np.random.SeedSequence(seed, spawn_key=(restart,))


def _drawn_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])


def _refuse_too_few_rows(rows: WeightedRows, k: int) -> None:
    usable = rows.num_usable
    if usable < k:
        kind = 'rows' if rows.weights is None else 'rows with a positive weight'
        raise DataError(
            f'num_clusters is {k}, but there are only {usable} {kind}. Use at most {usable} '
            'clusters, or more data.'
        )
