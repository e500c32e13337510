"""Engines: implementations of the passes over the rows that a fit makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tfx_kmeans.clustering.kernels.compilation import compiling_pays
from tfx_kmeans.clustering.steps.numpy_step import NumpyStep
from tfx_kmeans.clustering.steps.step import Step
from tfx_kmeans.clustering.weighted_rows import WeightedRows

MakeStep = Callable[[WeightedRows, float, ThreadPoolExecutor], Step]
"""Makes a step from the rows in their frame, the distance per squared difference (see
`Frame.scale`), and the threads that process segments of rows."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """An implementation of the passes over the rows of one fit.

    Attributes:
      name: Name that checkpoints record. A fit can only be resumed with the engine that began it,
        because another one may round differently.
      make_step: Function that makes the step.
      compiled: Whether the passes before the first step (frame, seeding) use compiled code.
    """

    name: str
    make_step: MakeStep
    compiled: bool = False


NUMPY = Engine('numpy', NumpyStep)


def local_engine(num_rows: int, num_clusters: int, width: int) -> Engine:
    """The engine on this machine's cores that suits the size of the data.

    This is the one place that decides, by size alone, whether compiled code pays.
    """
    if not compiling_pays(num_rows, num_clusters, width):
        return NUMPY
    from tfx_kmeans.clustering.steps.bounded_step import BoundedStep

    return Engine('numba', BoundedStep, compiled=True)


def gpu_engine(num_rows: int, num_clusters: int, width: int) -> Engine:
    """The engine for a GPU that TensorFlow can use; making it imports TensorFlow."""
    from tfx_kmeans.clustering.steps.graph_step import GraphStep

    compiled = local_engine(num_rows, num_clusters, width).compiled
    return Engine('tensorflow', GraphStep, compiled)
