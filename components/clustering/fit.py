"""A whole clustering: restarts, the best of them, and the final assignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tfx_kmeans.clustering.checkpoint import Checkpoint, Checkpoints, fingerprint_of
from tfx_kmeans.clustering.chosen import chosen_rows
from tfx_kmeans.clustering.compilation import compiling_pays
from tfx_kmeans.clustering.frame import Frame, enter_in_place
from tfx_kmeans.clustering.lloyd import lloyd
from tfx_kmeans.clustering.local_step import LocalStep
from tfx_kmeans.clustering.mini_batch import mini_batch
from tfx_kmeans.clustering.options import KMeansOptions, start_rows
from tfx_kmeans.clustering.outcome import FitResult, Outcome, Restart
from tfx_kmeans.clustering.progress import Iteration, OnProgress, Progress
from tfx_kmeans.clustering.seeding import entered, start_centroids
from tfx_kmeans.clustering.segments import worker_threads
from tfx_kmeans.clustering.statistics import Step
from tfx_kmeans.clustering.weighted_rows import WeightedRows

OnIteration = Callable[[int, int, Iteration], None]
"""Called with the restart, the iteration (both from 0) and what it has seen."""

MakeStep = Callable[[WeightedRows, KMeansOptions, float, ThreadPoolExecutor], Step]
"""Makes a step over rows of a frame: see `local_step`."""


def fit_in_place(
    rows: WeightedRows,
    options: KMeansOptions,
    *,
    start: np.ndarray | None = None,
    on_iteration: OnIteration | None = None,
    checkpoints: Checkpoints | None = None,
    make_step: MakeStep | None = None,
) -> FitResult:
    """Clusters rows (finite), and overwrites them with rows of their frame.

    Args:
      rows: what is left in them is of no use to the caller.
      options: how.
      start: float32 [k, d] in feature space, to go on from instead of `initial_clusters`; there
        is one run then, whatever `num_restarts` says.
      on_iteration: told of every iteration, as it ends.
      checkpoints: where to go on from, and what to keep on the way.
      make_step: another way to pass over the rows than this process's cores.

    Raises:
      ValueError: where there are fewer rows with weight than clusters, zero rows under cosine,
        values that overflow, or initial clusters of another width.
    """
    _refuse_too_few_rows(rows, options.k)
    compiled = compiling_pays(len(rows), options.k, rows.width)
    engine = 'numba' if compiled else 'numpy'
    if make_step not in (None, local_step):
        engine = 'tensorflow'
    state = _begun(rows, options, start, engine, checkpoints)
    starts = _starts(rows, options, start)
    # One BLAS thread each: the last bits of a product depend on how many share it.
    with worker_threads() as threads, threadpool_limits(limits=1, user_api='blas'):
        frame = enter_in_place(rows, options.distance_metric, threads, compiled)
        run = _Run(rows, options, frame, make_step or local_step, threads)
        for index in range(len(state.restarts), len(starts)):
            watch = _watching(state, index, on_iteration, checkpoints)
            progress, outcome = run.of(index, starts[index], state, watch)
            state = _with_outcome(state, progress, outcome)
            if checkpoints is not None:
                checkpoints.save(state)
    return _result(state, frame, rows)


def local_step(
    rows: WeightedRows, options: KMeansOptions, scale: float, threads: ThreadPoolExecutor
) -> Step:
    """The step that suits the size of the data: compiled and with bounds, or plain NumPy."""
    if compiling_pays(len(rows), options.k, rows.width):
        from tfx_kmeans.clustering.bounded_step import BoundedStep

        return BoundedStep(rows, scale, threads)
    return LocalStep(rows, scale, threads)


@dataclasses.dataclass(frozen=True)
class _Run:
    """What all restarts share."""

    rows: WeightedRows
    options: KMeansOptions
    frame: Frame
    make_step: MakeStep
    threads: ThreadPoolExecutor

    def of(
        self, index: int, start: np.ndarray | None, state: Checkpoint, watch: OnProgress
    ) -> tuple[Progress, Outcome]:
        """One restart, from its start or from where the checkpoint left it."""
        rng = np.random.default_rng(_child(state.seed, index))
        progress = state.progress or Progress(self._start(start, rng))
        step = self.make_step(self.rows, self.options, self.frame.scale, self.threads)
        if self.options.use_mini_batch:
            progress = mini_batch(
                self.rows, progress, self.frame, self.options, rng=rng, on_progress=watch
            )
        else:
            progress = lloyd(step, progress, self.frame, self.options, watch)
        centroids = self.frame.leave(progress.centroids)
        final = step.final(self.frame.enter(centroids))
        return progress, Outcome(index, centroids, final.weights, final.inertia)

    def _start(self, start: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        if start is not None:
            return entered(start, self.frame)
        return start_centroids(self.rows, self.options, rng, self.threads)


def _begun(
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
    """Where each restart begins, in feature space; None: where its seeding says."""
    if start is not None:
        return [start]
    chooser = options.chooser()
    if chooser is not None:
        return [chosen_rows(chooser, rows.values, options.k) for _ in range(options.num_restarts)]
    if isinstance(options.initial_clusters, str):
        return [None] * options.num_restarts
    return [start_rows(options.initial_clusters)]


def _watching(
    state: Checkpoint,
    restart: int,
    on_iteration: OnIteration | None,
    checkpoints: Checkpoints | None,
) -> OnProgress:
    def watch(progress: Progress) -> None:
        if on_iteration is not None:
            on_iteration(restart, len(progress.history) - 1, progress.history[-1])
        if checkpoints is not None:
            checkpoints.save(dataclasses.replace(state, progress=progress))

    return watch


def _with_outcome(state: Checkpoint, progress: Progress, outcome: Outcome) -> Checkpoint:
    done = Restart(outcome.inertia, progress.converged, progress.history)
    best = state.best
    if best is None or outcome.inertia < best.inertia:
        best = outcome
    return dataclasses.replace(state, restarts=(*state.restarts, done), best=best, progress=None)


def _result(state: Checkpoint, frame: Frame, rows: WeightedRows) -> FitResult:
    best = state.best
    assert best is not None, 'there is at least one restart'
    return FitResult(
        centroids=best.centroids,
        shift=frame.shift,
        cluster_weight=best.cluster_weight,
        cluster_inertia=best.cluster_inertia,
        rows=len(rows),
        total_weight=rows.total_weight,
        seed=state.seed,
        restarts=state.restarts,
        best_restart=best.restart,
        distance_metric=frame.metric,
    )


def _child(seed: int, restart: int) -> np.random.SeedSequence:
    """What `SeedSequence(seed).spawn` gives as its child of that index."""
    return np.random.SeedSequence(seed, spawn_key=(restart,))


def _drawn_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])


def _refuse_too_few_rows(rows: WeightedRows, k: int) -> None:
    usable = len(rows) if rows.weights is None else int(np.count_nonzero(rows.weights))
    if usable < k:
        kind = 'rows' if rows.weights is None else 'rows with a positive weight'
        raise ValueError(
            f'num_clusters is {k}, but there are only {usable} {kind}: use at most {usable} '
            'clusters, or more data.'
        )
