"""`tfx_kmeans.fit`: clusters rows in memory as KMeansTrainer does, without TFX."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tfx_kmeans.argument_checks import check_flag
from tfx_kmeans.centroids.base_model import BaseModel
from tfx_kmeans.centroids.payload import Columns
from tfx_kmeans.centroids.training import Training
from tfx_kmeans.clustering.distinct import too_few_distinct_rows
from tfx_kmeans.clustering.metric import metric_of
from tfx_kmeans.clustering.options import KMeansOptions, default_of
from tfx_kmeans.clustering.restarts import OnIteration
from tfx_kmeans.clustering.rounding import largest_values
from tfx_kmeans.errors import ParameterError
from tfx_kmeans.python_api.columns import as_table
from tfx_kmeans.python_api.model import KMeansModel
from tfx_kmeans.python_api.rounded_rows import refuse_rounding, rows_to_cluster
from tfx_kmeans.python_api.rows import columns_of, numbers_of, unnamed_columns

if TYPE_CHECKING:
    from tfx_kmeans.centroids.checkpoint_folder import CheckpointFolder


class EmptyClustersWarning(UserWarning):
    """There are fewer distinct rows than clusters, so that some clusters are empty."""


def fit(
    rows: Any,
    num_clusters: int | None = None,
    *,
    sample_weight: Any | None = None,
    base_model: Any | None = None,
    align_clusters: bool = False,
    initial_clusters: str
    | Sequence[Sequence[float]]
    | Callable[..., Any] = KMeansOptions.initial_clusters,
    distance_metric: str = KMeansOptions.distance_metric,
    use_mini_batch: bool = KMeansOptions.use_mini_batch,
    mini_batch_steps_per_iteration: int = KMeansOptions.mini_batch_steps_per_iteration,
    batch_size: int = KMeansOptions.batch_size,
    kmeans_plus_plus_num_retries: int = KMeansOptions.kmeans_plus_plus_num_retries,
    sample_first: bool = KMeansOptions.sample_first,
    relative_tolerance: float = KMeansOptions.relative_tolerance,
    max_iterations: int = KMeansOptions.max_iterations,
    num_restarts: int = KMeansOptions.num_restarts,
    seed: int | None = KMeansOptions.seed,
    column_names: Sequence[str] | None = None,
    checkpoint_dir: str | None = None,
    callback: OnIteration | None = None,
) -> KMeansModel:
    """Clusters rows with the options of KMeansTrainer, and with bit-identical results.

    Args:
      rows: Rows, numbers [n, d]: an array, a data frame (pandas, polars, pyarrow, or any other with
        the dataframe interchange protocol or the Arrow PyCapsule interface), a tensor, or lists.
        They are copied as float32.
      num_clusters: Number of clusters, k. May be omitted if `initial_clusters` is a list of rows,
        or if there is a `base_model`.
      sample_weight: Weights of the rows, numbers [n], finite and not negative; None for 1 each.
      base_model: Earlier result to start from in one run, a `KMeansModel` or anything that
        `KMeansModel.load` accepts. With `max_iterations=1`, for example, each call runs one more
        iteration.
      align_clusters: Whether to start from `initial_clusters` even with a base model, and then give
        each cluster the id of the base model's cluster that it is matched with, one to one.
      initial_clusters: Initial centroids: 'kmeans_plus_plus', 'kmeans_parallel', 'random', a list
        of k rows, or a function, given as 'module:function' or as a Python object. The function is
        called as f(rows, left) with one block of rows after another (float32 [b, d]) and the number
        of centroids left to choose, until all are chosen. It returns 0 to `left` rows.
      distance_metric: Distance metric: 'squared_euclidean', or 'cosine' for 1 - cos (spherical
        k-means).
      use_mini_batch: Whether each step uses `batch_size` random rows (Sculley 2010) instead of all
        rows.
      mini_batch_steps_per_iteration: Number of mini-batch steps between two updates of the
        centroids that rows are assigned to.
      batch_size: Number of rows in a mini-batch step.
      kmeans_plus_plus_num_retries: Number of additional candidates in each k-means++ draw. If
        negative, the O(log k) rule applies: 2 + floor(ln k) candidates in total.
      sample_first: Whether seeding and the first iterations run on a sample, if there are at
        least three times as many rows as it has: 200 for each cluster, at least 32,768. One pass
        over all rows then looks for clusters that the sample has missed.
      relative_tolerance: Relative decrease of the inertia at or below which iterations stop. With
        mini-batches, it applies to the running mean of the inertia over ten iterations.
      max_iterations: Maximum number of iterations in each restart.
      num_restarts: Number of runs from different seeds; the one with the smallest inertia is kept.
      seed: Random seed; None draws one, and the result records it.
      column_names: Name of each column. None for those of a data frame, or else those of the
        `base_model`, or else `features[i]`.
      checkpoint_dir: Folder for checkpoints of this clustering alone. A run that was killed resumes
        from them when it is started again, with bit-identical results. They are removed at the end.
        None for no checkpoints.
      callback: Function that is called as callback(restart, iteration, record) after each
        iteration, with two indices from 0 and an `Iteration` (inertia, moved, seconds).

    Returns:
      The clustering.

    Raises:
      ParameterError: If a parameter is invalid; names the parameter, the value and what is allowed.
      DataError: If rows or weights cannot be clustered, for example because values are not finite;
        gives the number of such rows or values by column, and names columns that do not hold
        numbers or share a name.
      CentroidsError: If `base_model` is a folder without centroids.
      CheckpointError: If `checkpoint_dir` cannot be used.

    Warns:
      EmptyClustersWarning: If there are fewer distinct rows than clusters; gives both numbers.

    Example:
      >>> import numpy as np
      >>> import tfx_kmeans
      >>> rows = np.array([[0.0, 0.0], [0.0, 2.0], [9.0, 0.0], [9.0, 2.0]])
      >>> model = tfx_kmeans.fit(rows, initial_clusters=[[1.0, 1.0], [8.0, 1.0]])
      >>> model.cluster_centers().tolist()
      [[0.0, 1.0], [9.0, 1.0]]
      >>> model.inertia
      4.0
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
        sample_first=sample_first,
        relative_tolerance=relative_tolerance,
        max_iterations=max_iterations,
        num_restarts=num_restarts,
        seed=seed,
    )
    check_flag('align_clusters', align_clusters)
    if align_clusters and base_model is None:
        raise ParameterError(
            'align_clusters requires a base_model: the clusters take its ids. Pass a base_model, '
            'or omit align_clusters.'
        )
    if base_model is not None and not align_clusters:
        _refuse_another_start(initial_clusters, options.num_restarts)
    table = as_table(rows)
    rows = rows if table is None else table
    columns = columns_of(rows, column_names)
    numbers = numbers_of(rows, None if columns is None else columns.column_names)
    checkpoints = None if checkpoint_dir is None else _checkpoint_folder(checkpoint_dir)
    training = Training(
        columns=_matching_columns(columns, numbers.shape[1], base_model),
        options=options,
        base_model=None if base_model is None else BaseModel(base_model.source, base_model.payload),
        align_clusters=align_clusters,
        checkpoints=checkpoints,
        on_iteration=callback,
    )
    found = rows_to_cluster(numbers, sample_weight, metric_of(distance_metric))
    largest = None if found.offset is None else largest_values(found.values)
    payload = training.run(found)
    if largest is not None:
        refuse_rounding(numbers, found.weights, payload, largest)
    warning = too_few_distinct_rows(found, payload.cluster_weight)
    if warning is not None:
        warnings.warn(warning, EmptyClustersWarning, stacklevel=2)
    if checkpoints is not None:
        checkpoints.remove()
    return KMeansModel(payload)


def _checkpoint_folder(path: str) -> CheckpointFolder:
    from tfx_kmeans.centroids.checkpoint_folder import CheckpointFolder  # rarely needed

    return CheckpointFolder(path)


def _refuse_another_start(initial_clusters: Any, num_restarts: int) -> None:
    given = {'initial_clusters': initial_clusters, 'num_restarts': num_restarts}
    for name, value in given.items():
        if not (isinstance(value, (str, int)) and value == default_of(name)):
            raise ParameterError(
                f'{name} has no effect with a base_model, because the only run starts from it. '
                f'Omit {name}, or set align_clusters to start from initial_clusters.'
            )


def _matching_columns(
    columns: Columns | None, width: int, base_model: KMeansModel | None
) -> Columns:
    if columns is None:
        known = None if base_model is None else base_model.columns
        return known if known is not None and known.width == width else unnamed_columns(width)
    if columns.width != width:
        raise ParameterError(
            f'column_names has {columns.width} names, but rows have {width} columns. Give one name '
            'for each column.'
        )
    return columns
