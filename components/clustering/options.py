"""What a user can ask of a clustering run, validated when it is written down."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SQUARED_EUCLIDEAN_DISTANCE = 'squared_euclidean'
COSINE_DISTANCE = 'cosine'
DISTANCE_METRICS = (SQUARED_EUCLIDEAN_DISTANCE, COSINE_DISTANCE)

RANDOM_INIT = 'random'
KMEANS_PLUS_PLUS_INIT = 'kmeans_plus_plus'
SEEDINGS = (KMEANS_PLUS_PLUS_INIT, RANDOM_INIT)


def check_integer(name: str, value: object, minimum: int | None = None) -> None:
    """Raises ValueError, naming the parameter, unless `value` is an int of at least `minimum`."""
    allowed = 'an integer' if minimum is None else f'an integer of at least {minimum}'
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if is_integer and value >= 2**63:  # type: ignore[operator]
        raise ValueError(f'{name} must fit in 64 bits, got {value!r}.')
    if not is_integer or (minimum is not None and value < minimum):  # type: ignore[operator]
        raise ValueError(f'{name} must be {allowed}, got {value!r}.')


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raises ValueError, naming the parameter and the choices, unless `value` is one of them."""
    if value not in allowed:
        raise ValueError(f'{name} must be one of {", ".join(map(repr, allowed))}, got {value!r}.')


def check_fraction(name: str, value: object) -> None:
    """Raises ValueError, naming the parameter, unless `value` is a finite number of at least 0."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:  # type: ignore[arg-type, operator]
        raise ValueError(f'{name} must be a finite number of at least 0, got {value!r}.')


@dataclasses.dataclass(frozen=True)
class KMeansOptions:
    """How to cluster. Names and meanings follow `tf.compat.v1.estimator.experimental.KMeans`.

    Attributes:
      num_clusters: k. May be left out where `initial_clusters` is a list of rows.
      initial_clusters: 'kmeans_plus_plus', 'random', or k rows of numbers to start from.
      distance_metric: 'squared_euclidean', or 'cosine' for 1 - cos (spherical k-means).
      kmeans_plus_plus_num_retries: additional candidates that each k-means++ draw weighs up;
        negative: as many as the O(log k) rule gives, 2 + floor(ln k) in all.
      relative_tolerance: stop when the inertia falls by no more than this share of itself.
      max_iterations: the most Lloyd iterations of one restart.
      num_restarts: runs from different seeds, of which the one with the least inertia is kept.
      seed: of all that is random; None draws one, and the result records it.

    Raises:
      ValueError: naming the parameter, what was given and what is allowed.
    """

    num_clusters: int | None = None
    initial_clusters: str | Sequence[Sequence[float]] = KMEANS_PLUS_PLUS_INIT
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE
    kmeans_plus_plus_num_retries: int = 2
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
        self._check_initial_clusters()

    def _check_initial_clusters(self) -> None:
        if isinstance(self.initial_clusters, str):
            check_choice('initial_clusters', self.initial_clusters, SEEDINGS)
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

    @property
    def k(self) -> int:
        """The number of clusters, wherever it was given."""
        if self.num_clusters is not None:
            return self.num_clusters
        return len(self.initial_clusters)

    def candidates_per_draw(self) -> int:
        """How many rows each k-means++ draw weighs up (Arthur & Vassilvitskii 2007, section 5)."""
        if self.kmeans_plus_plus_num_retries < 0:
            return 2 + int(math.log(self.k))
        return 1 + self.kmeans_plus_plus_num_retries


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
            f'{", ".join(map(repr, SEEDINGS))}, or a list of rows of finite numbers, '
            f'all of one width; got {initial_clusters!r}.'
        )
    return rows
