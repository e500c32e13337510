"""All seedings, by their names as values of `initial_clusters`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tfx_kmeans.clustering.seeding.parallel import kmeans_parallel
from tfx_kmeans.clustering.seeding.plus_plus import searched_plus_plus
from tfx_kmeans.clustering.seeding.random import random_rows
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.weighted_rows import WeightedRows

RANDOM_INIT = 'random'
KMEANS_PLUS_PLUS_INIT = 'kmeans_plus_plus'
KMEANS_PARALLEL_INIT = 'kmeans_parallel'

Choose = Callable[[WeightedRows, int, int, np.random.Generator, Workers], np.ndarray]
"""Takes rows, k, candidates per draw, rng and workers; returns centroids, float32 [k, d], in the
frame of the rows."""


@dataclasses.dataclass(frozen=True)
class Seeding:
    """A way to choose the initial centroids.

    Attributes:
      choose: Function that chooses the centroids.
      draws_candidates: Whether the function compares several candidates in each draw, so that
        `kmeans_plus_plus_num_retries` has an effect.
    """

    choose: Choose
    draws_candidates: bool


SEEDINGS = {
    KMEANS_PLUS_PLUS_INIT: Seeding(searched_plus_plus, draws_candidates=True),
    KMEANS_PARALLEL_INIT: Seeding(kmeans_parallel, draws_candidates=True),
    RANDOM_INIT: Seeding(random_rows, draws_candidates=False),
}
