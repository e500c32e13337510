"""Options of a clustering, validated when they are created."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfx_kmeans.argument_checks import (
    check_choice,
    check_flag,
    check_integer,
    check_non_negative,
    imported_function,
    use_python_scalars,
)
from tfx_kmeans.clustering.metric import SQUARED_EUCLIDEAN_DISTANCE, metric_of
from tfx_kmeans.clustering.seeding.registry import KMEANS_PLUS_PLUS_INIT, SEEDINGS
from tfx_kmeans.errors import ParameterError


@dataclasses.dataclass(frozen=True)
class KMeansOptions:
    """Options of a clustering, named as in `tf.compat.v1.estimator.experimental.KMeans`.

    Attributes:
      num_clusters: Number of clusters, k. May be omitted if `initial_clusters` is a list of rows.
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

    NumPy integers, floats and booleans are accepted for numbers and flags, and stored as Python's.

    Raises:
      ParameterError: If a value is invalid; names the parameter, the value and what is allowed.
    """

    num_clusters: int | None = None
    initial_clusters: str | Sequence[Sequence[float]] | Callable[..., Any] = KMEANS_PLUS_PLUS_INIT
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE
    use_mini_batch: bool = False
    mini_batch_steps_per_iteration: int = 1
    batch_size: int = 1024
    kmeans_plus_plus_num_retries: int = 2
    sample_first: bool = True
    relative_tolerance: float = 1e-4
    max_iterations: int = 300
    num_restarts: int = 1
    seed: int | None = 0

    def __post_init__(self) -> None:
        use_python_scalars(self)
        metric_of(self.distance_metric)
        check_integer('kmeans_plus_plus_num_retries', self.kmeans_plus_plus_num_retries)
        check_non_negative('relative_tolerance', self.relative_tolerance)
        check_integer('max_iterations', self.max_iterations, minimum=1)
        check_integer('num_restarts', self.num_restarts, minimum=1)
        if self.seed is not None:
            check_integer('seed', self.seed, minimum=0)
        if self.num_clusters is not None:
            check_integer('num_clusters', self.num_clusters, minimum=1)
        self._check_mini_batch()
        check_flag('sample_first', self.sample_first)
        self._check_initial_clusters()
        self._check_retries()
        self._check_sample_first()

    def _check_mini_batch(self) -> None:
        check_flag('use_mini_batch', self.use_mini_batch)
        for name in ('mini_batch_steps_per_iteration', 'batch_size'):
            value = getattr(self, name)
            check_integer(name, value, minimum=1)
            if value != default_of(name) and not self.use_mini_batch:
                raise ParameterError(
                    f'{name} is {value}, but use_mini_batch is False, so that every step uses all '
                    f'rows. Set use_mini_batch to True, or omit {name}.'
                )

    def _check_retries(self) -> None:
        retries = self.kmeans_plus_plus_num_retries
        drawing = [name for name, seeding in SEEDINGS.items() if seeding.draws_candidates]
        named = isinstance(self.initial_clusters, str) and self.initial_clusters in drawing
        if retries != default_of('kmeans_plus_plus_num_retries') and not named:
            raise ParameterError(
                f'kmeans_plus_plus_num_retries is {retries}, but it only has an effect if '
                f'initial_clusters is {" or ".join(map(repr, drawing))}. Omit it, or use one of '
                'these.'
            )

    def _check_sample_first(self) -> None:
        named = isinstance(self.initial_clusters, str) and self.initial_clusters in SEEDINGS
        if not self.sample_first and not named:
            raise ParameterError(
                'sample_first is False, but it only has an effect if initial_clusters is one of '
                f'{", ".join(map(repr, SEEDINGS))}. Omit it, or use one of these.'
            )

    def _check_initial_clusters(self) -> None:
        if isinstance(self.initial_clusters, str) or callable(self.initial_clusters):
            self._check_named_start()
            if self.num_clusters is None:
                raise ParameterError(
                    'num_clusters is missing: it must be an integer of at least 1.'
                )
            return
        rows = start_rows(self.initial_clusters)
        if self.num_clusters not in (None, len(rows)):
            raise ParameterError(
                f'num_clusters is {self.num_clusters}, but initial_clusters has {len(rows)} rows.'
            )
        if self.num_restarts > 1:
            raise ParameterError(
                f'num_restarts is {self.num_restarts}, but initial_clusters is a list of rows: '
                'every restart would be the same run. Set num_restarts to 1, or omit it.'
            )

    def _check_named_start(self) -> None:
        if self.chooser() is None:
            check_choice('initial_clusters', self.initial_clusters, tuple(SEEDINGS))

    @property
    def k(self) -> int:
        """Number of clusters, from `num_clusters` or else from the rows of `initial_clusters`."""
        if self.num_clusters is not None:
            return self.num_clusters
        return len(self.initial_clusters)  # type: ignore[arg-type]  # a list, by the checks above

    def chooser(self) -> Callable[..., Any] | None:
        """The function that chooses the initial centroids; None if `initial_clusters` is not one.

        Raises:
          ParameterError: If 'module:function' cannot be imported or is not a function.
        """
        if not isinstance(self.initial_clusters, str):
            return self.initial_clusters if callable(self.initial_clusters) else None
        if ':' not in self.initial_clusters:
            return None
        return imported_function('initial_clusters', self.initial_clusters)

    def to_json(self) -> dict[str, Any]:
        """All options by name, as values that JSON can represent."""
        return {
            field.name: _json_like(getattr(self, field.name)) for field in dataclasses.fields(self)
        }

    def candidates_per_draw(self) -> int:
        """Number of candidates in each k-means++ draw (Arthur & Vassilvitskii 2007, section 5)."""
        if self.kmeans_plus_plus_num_retries < 0:
            return 2 + int(math.log(self.k))
        return 1 + self.kmeans_plus_plus_num_retries


def default_of(name: str) -> Any:
    """Default value of a field of `KMeansOptions`."""
    return getattr(KMeansOptions, name)


def _json_like(value: Any) -> Any:
    if callable(value):
        function = value if hasattr(value, '__qualname__') else type(value)
        return f'{function.__module__}:{function.__qualname__}'
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_json_like(element) for element in value]
    return value


def start_rows(initial_clusters: Any) -> np.ndarray:
    """Converts `initial_clusters`, given as rows, to an array, float32 [k, d].

    Raises:
      ParameterError: If there are no rows, or rows of different widths, or values that are not
        finite numbers.
    """
    try:
        rows = np.asarray(initial_clusters, dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.ndim != 2 or rows.size == 0 or not np.isfinite(rows).all():
        raise ParameterError(
            'initial_clusters must be one of '
            f"{', '.join(map(repr, SEEDINGS))}, 'module:function', or a list of rows of finite "
            f'numbers, all of the same width; got {initial_clusters!r}.'
        )
    return rows
