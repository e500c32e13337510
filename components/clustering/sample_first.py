"""A start from a sample: seeding and the early iterations do not need all rows."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.engine import Engine
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.lloyd import lloyd
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Progress
from tfx_kmeans.clustering.seeding.local_search import local_search
from tfx_kmeans.clustering.seeding.potential import Potential
from tfx_kmeans.clustering.seeding.registry import Choose
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_ROWS_PER_CLUSTER = 200
_MIN_ROWS = 1 << 15
_TIMES = 3  # how many times as many rows make a sample pay
_MIN_CORESET, _CORESET_PER_CLUSTER = 8192, 32


def sample_size(num_clusters: int) -> int:
    """Number of rows in the sample: 200 for each cluster, but at least 32,768."""
    return max(_MIN_ROWS, _ROWS_PER_CLUSTER * num_clusters)


def sample_pays(rows: WeightedRows, num_clusters: int) -> bool:
    """Whether at least three times as many rows as in the sample have a positive weight."""
    return rows.num_usable >= _TIMES * sample_size(num_clusters)


def start_from_sample(  # noqa: PLR0917
    rows: WeightedRows,
    options: KMeansOptions,
    choose: Choose,
    frame: Frame,
    engine: Engine,
    rng: np.random.Generator,
    workers: Workers,
) -> np.ndarray:
    """Clusters a sample of the rows, and returns its centroids as a start for all rows.

    A cluster that is too rare for the sample is not lost: one pass over all rows draws a coreset,
    in proportion to the distances to the centroids of the sample, and local search exchanges
    centroids for its rows where that lowers the inertia.

    Args:
      rows: All rows, in their frame.
      options: Options of the clustering.
      choose: Seeding, called with the sample.
      frame: Frame of the rows.
      engine: Engine of the iterations on the sample.
      rng: Source of the draws.
      workers: Threads and kernels.

    Returns:
      The centroids, float32 [k, d], in the frame.
    """
    sample = rows.sample(sample_size(options.k), rng)
    start = choose(sample, options.k, options.candidates_per_draw(), rng, workers)
    step = engine.make_step(sample, frame.scale, workers)
    centroids = lloyd(step, Progress(start), frame, options, lambda _: None).centroids
    potential = Potential(rows, workers)
    potential.add(centroids)
    size = max(_MIN_CORESET, _CORESET_PER_CLUSTER * options.k)
    coreset = potential.coreset(size, potential.masses(), rng)
    return local_search(coreset, centroids, rng, workers)
