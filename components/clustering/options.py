"""What a user can ask of a clustering run, validated when it is written down."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfx_kmeans.checking import (
    check_choice,
    check_flag,
    check_fraction,
    check_integer,
    imported_function,
)

SQUARED_EUCLIDEAN_DISTANCE = 'squared_euclidean'
COSINE_DISTANCE = 'cosine'
DISTANCE_METRICS = (SQUARED_EUCLIDEAN_DISTANCE, COSINE_DISTANCE)

RANDOM_INIT = 'random'
DEFAULT_RETRIES = 2
KMEANS_PLUS_PLUS_INIT = 'kmeans_plus_plus'
KMEANS_PARALLEL_INIT = 'kmeans_parallel'
_PLUS_PLUS_INITS = (KMEANS_PLUS_PLUS_INIT, KMEANS_PARALLEL_INIT)
SEEDINGS = (KMEANS_PLUS_PLUS_INIT, KMEANS_PARALLEL_INIT, RANDOM_INIT)


@dataclasses.dataclass(frozen=True)
class KMeansOptions:
    """How to cluster. Names and meanings follow `tf.compat.v1.estimator.experimental.KMeans`.

    Attributes:
      num_clusters: k. May be left out where `initial_clusters` is a list of rows.
      initial_clusters: 'kmeans_plus_plus', 'kmeans_parallel', 'random', k rows of numbers to start
        from, or 'module:function', which is (or, in Python, a function may be given itself) called
        as f(rows, left) with one block of rows after another, float32 [b, d], and how many
        centroids are left to choose, until all are; it returns 0 to `left` rows.
      distance_metric: 'squared_euclidean', or 'cosine' for 1 - cos (spherical k-means).
      use_mini_batch: whether each step sees `batch_size` random rows (Sculley 2010) instead of
        all of them.
      mini_batch_steps_per_iteration: steps between two updates of the centroids that rows are
        assigned to.
      batch_size: rows of a mini-batch step.
      kmeans_plus_plus_num_retries: additional candidates that each k-means++ draw weighs up;
        negative: as many as the O(log k) rule gives, 2 + floor(ln k) in all.
      relative_tolerance: stop when the inertia falls by no more than this share of itself (with
        mini-batches: its running mean, over ten iterations).
      max_iterations: the most iterations of one restart.
      num_restarts: runs from different seeds, of which the one with the least inertia is kept.
      seed: of all that is random; None draws one, and the result records it.

    Raises:
      ValueError: naming the parameter, what was given and what is allowed.
    """

    num_clusters: int | None = None
    initial_clusters: str | Sequence[Sequence[float]] | Callable[..., Any] = KMEANS_PLUS_PLUS_INIT
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE
    use_mini_batch: bool = False
    mini_batch_steps_per_iteration: int = 1
    batch_size: int = 1024
    kmeans_plus_plus_num_retries: int = DEFAULT_RETRIES
    relative_tolerance: float = 1e-4
    max_iterations: int = 300
    num_restarts: int = 1
    seed: int | None = 0

    def __post_init__(self) -> None:
        check_choice('distance_metric', self.distance_metric, DISTANCE_METRICS)
        check_integer('kmeans_plus_plus_num_retries', self.kmeans_plus_plus_num_retries)
        check_fraction('relative_tolerance', self.relative_tolerance)
        check_integer('max_iterations', self.max_iterations, minimum=1)
        check_integer('num_restarts', self.num_restarts, minimum=1)
        if self.seed is not None:
            check_integer('seed', self.seed, minimum=0)
        if self.num_clusters is not None:
            check_integer('num_clusters', self.num_clusters, minimum=1)
        self._check_mini_batch()
        self._check_initial_clusters()
        self._check_retries()

    def _check_mini_batch(self) -> None:
        check_flag('use_mini_batch', self.use_mini_batch)
        for name, default in (('mini_batch_steps_per_iteration', 1), ('batch_size', 1024)):
            value = getattr(self, name)
            check_integer(name, value, minimum=1)
            if value != default and not self.use_mini_batch:
                raise ValueError(
                    f'{name} is {value}, but use_mini_batch is False: every step sees all rows. '
                    f'Set use_mini_batch, or leave {name} out.'
                )

    def _check_retries(self) -> None:
        if self.kmeans_plus_plus_num_retries == DEFAULT_RETRIES:
            return
        if not isinstance(self.initial_clusters, str) or (
            self.initial_clusters not in _PLUS_PLUS_INITS
        ):
            raise ValueError(
                f'kmeans_plus_plus_num_retries is {self.kmeans_plus_plus_num_retries}, but '
                f'initial_clusters is none of {", ".join(map(repr, _PLUS_PLUS_INITS))}.'
            )

    def _check_initial_clusters(self) -> None:
        if isinstance(self.initial_clusters, str) or callable(self.initial_clusters):
            self._check_named_start()
            if self.num_clusters is None:
                raise ValueError('num_clusters is missing: give an integer of at least 1.')
            return
        rows = start_rows(self.initial_clusters)
        if self.num_clusters not in (None, len(rows)):
            raise ValueError(
                f'num_clusters is {self.num_clusters}, but initial_clusters has {len(rows)} rows.'
            )
        if self.num_restarts > 1:
            raise ValueError(
                f'num_restarts is {self.num_restarts}, but initial_clusters is a list of rows: '
                'every restart would be the same run. Leave num_restarts at 1.'
            )

    def _check_named_start(self) -> None:
        if self.chooser() is None:
            check_choice('initial_clusters', self.initial_clusters, SEEDINGS)

    @property
    def k(self) -> int:
        """The number of clusters, wherever it was given."""
        if self.num_clusters is not None:
            return self.num_clusters
        return len(self.initial_clusters)  # type: ignore[arg-type]  # a list, by the checks above

    def chooser(self) -> Callable[..., Any] | None:
        """The function that chooses the first centroids, where one was given or named.

        Raises:
          ValueError: where 'module:function' cannot be imported, or is no function.
        """
        if not isinstance(self.initial_clusters, str):
            return self.initial_clusters if callable(self.initial_clusters) else None
        if ':' not in self.initial_clusters:
            return None
        return imported_function('initial_clusters', self.initial_clusters)

    def to_json(self) -> dict[str, Any]:
        """All options by name, in types that JSON knows."""
        return {
            field.name: _json_like(getattr(self, field.name)) for field in dataclasses.fields(self)
        }

    def candidates_per_draw(self) -> int:
        """How many rows each k-means++ draw weighs up (Arthur & Vassilvitskii 2007, section 5)."""
        if self.kmeans_plus_plus_num_retries < 0:
            return 2 + int(math.log(self.k))
        return 1 + self.kmeans_plus_plus_num_retries


def _json_like(value: Any) -> Any:
    if callable(value):
        named = value if hasattr(value, '__qualname__') else type(value)
        return f'{named.__module__}:{named.__qualname__}'
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_json_like(one) for one in value]
    return value


def start_rows(initial_clusters: Any) -> np.ndarray:
    """`initial_clusters` given as rows, as a float32 array [k, d].

    Raises:
      ValueError: where they are no non-empty rectangle of finite numbers.
    """
    try:
        rows = np.asarray(initial_clusters, dtype=np.float32)
    except (TypeError, ValueError):
        rows = np.empty(0, dtype=np.float32)
    if rows.ndim != 2 or rows.size == 0 or not np.isfinite(rows).all():
        raise ValueError(
            'initial_clusters must be one of '
            f"{', '.join(map(repr, SEEDINGS))}, 'module:function', or a list of rows of finite "
            f'numbers, all of one width; got {initial_clusters!r}.'
        )
    return rows
