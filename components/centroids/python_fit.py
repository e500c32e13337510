"""`tfx_kmeans.fit`: the trainer's clustering on rows that are in memory, without TFX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tfx_kmeans.centroids.base_model import BaseModel
from tfx_kmeans.centroids.checkpoints import CheckpointFolder
from tfx_kmeans.centroids.model import KMeansModel
from tfx_kmeans.centroids.payload import Columns
from tfx_kmeans.centroids.rows import columns_of, matrix_of, unnamed_columns, weighted_rows
from tfx_kmeans.centroids.training import Training
from tfx_kmeans.clustering.fit import OnIteration
from tfx_kmeans.clustering.options import (
    DEFAULT_RETRIES,
    KMEANS_PLUS_PLUS_INIT,
    SQUARED_EUCLIDEAN_DISTANCE,
    KMeansOptions,
)


def fit(
    rows: Any,
    num_clusters: int | None = None,
    *,
    sample_weight: Any | None = None,
    base_model: Any | None = None,
    align_clusters: bool = False,
    initial_clusters: str | Sequence[Sequence[float]] | Callable[..., Any] = KMEANS_PLUS_PLUS_INIT,
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE,
    use_mini_batch: bool = False,
    mini_batch_steps_per_iteration: int = 1,
    batch_size: int = 1024,
    kmeans_plus_plus_num_retries: int = DEFAULT_RETRIES,
    relative_tolerance: float = 1e-4,
    max_iterations: int = 300,
    num_restarts: int = 1,
    seed: int | None = 0,
    column_names: Sequence[str] | None = None,
    checkpoint_dir: str | None = None,
    callback: OnIteration | None = None,
) -> KMeansModel:
    """Clusters rows as KMeansTrainer does: the same options, the same bits.

    Args:
      rows: numbers [n, d]: an array, a data frame, or lists; they are copied as float32.
      num_clusters: k; may be left out where `initial_clusters` is a list of rows, or where there
        is a `base_model`.
      sample_weight: numbers [n], finite and not negative; None for 1 each.
      base_model: an earlier result (a `KMeansModel`, or what `KMeansModel.load` takes) to go on
        from in one run: with `max_iterations=1`, for example, an iteration at a time.
      align_clusters: start from `initial_clusters` instead, and give each cluster the id of the
        base model's nearest.
      initial_clusters: 'kmeans_plus_plus', 'kmeans_parallel', 'random', k rows, a function
        f(rows, left), or one's name as 'module:function'.
      distance_metric: 'squared_euclidean', or 'cosine' for 1 - cos.
      use_mini_batch: see `KMeansOptions`, as for all that is not said here.
      mini_batch_steps_per_iteration: of `use_mini_batch`.
      batch_size: of `use_mini_batch`, rows.
      kmeans_plus_plus_num_retries: additional candidates of a k-means++ draw.
      relative_tolerance: stop when the inertia falls by no more than this share.
      max_iterations: the most iterations of a restart.
      num_restarts: runs of which the one with the least inertia is kept.
      seed: of all that is random; None draws one, and the result records it.
      column_names: a name for each column; default: those of a data frame, those of the
        `base_model`, or features[i].
      checkpoint_dir: a folder for checkpoints of this fit alone; one that was killed goes on from
        there, to the same bits. They are removed at the end.
      callback: called as callback(restart, iteration, seen) after each iteration, both counted
        from 0, with an `Iteration` (inertia, moved, seconds).

    Raises:
      ValueError: naming the parameter, what was found and what is allowed; counting rows that are
        not finite.
    """
    if base_model is not None and not isinstance(base_model, KMeansModel):
        base_model = KMeansModel.load(base_model)
    if base_model is not None and num_clusters is None and isinstance(initial_clusters, str):
        num_clusters = base_model.metadata.num_clusters
    options = KMeansOptions(
        num_clusters=num_clusters,
        initial_clusters=initial_clusters,
        distance_metric=distance_metric,
        use_mini_batch=use_mini_batch,
        mini_batch_steps_per_iteration=mini_batch_steps_per_iteration,
        batch_size=batch_size,
        kmeans_plus_plus_num_retries=kmeans_plus_plus_num_retries,
        relative_tolerance=relative_tolerance,
        max_iterations=max_iterations,
        num_restarts=num_restarts,
        seed=seed,
    )
    if align_clusters and base_model is None:
        raise ValueError('align_clusters needs a base_model, whose ids the clusters are to take.')
    if base_model is not None and not align_clusters:
        _refuse_another_start(initial_clusters, num_restarts)
    columns = columns_of(rows, column_names)
    matrix = matrix_of(rows, None if columns is None else columns.column_names)
    checkpoints = None if checkpoint_dir is None else CheckpointFolder(checkpoint_dir)
    training = Training(
        columns=_checked(columns, matrix.shape[1], base_model),
        options=options,
        base_model=None if base_model is None else BaseModel(base_model.source, base_model.payload),
        align_clusters=align_clusters,
        checkpoints=checkpoints,
        on_iteration=callback,
    )
    payload = training.run(weighted_rows(matrix, sample_weight))
    if checkpoints is not None:
        checkpoints.remove()
    return KMeansModel(payload)


def _refuse_another_start(initial_clusters: Any, num_restarts: int) -> None:
    given = {'initial_clusters': initial_clusters, 'num_restarts': num_restarts}
    defaults = {'initial_clusters': KMEANS_PLUS_PLUS_INIT, 'num_restarts': 1}
    for name, value in given.items():
        if not (isinstance(value, (str, int)) and value == defaults[name]):
            raise ValueError(
                f'{name} has no effect with a base_model, where the one run starts: leave it out, '
                'or set align_clusters to start afresh.'
            )


def _checked(columns: Columns | None, width: int, base_model: KMeansModel | None) -> Columns:
    if columns is None:
        known = None if base_model is None else base_model.columns
        return known if known is not None and known.width == width else unnamed_columns(width)
    if columns.width != width:
        raise ValueError(f'column_names has {columns.width} names, but rows have {width} columns.')
    return columns
