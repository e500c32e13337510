"""Engines: implementations of the passes over the rows that a fit makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tfx_kmeans.clustering.kernels.choice import default_kernels
from tfx_kmeans.clustering.kernels.interface import Kernels
from tfx_kmeans.clustering.segments import Workers
from tfx_kmeans.clustering.steps.kernel_step import KernelStep
from tfx_kmeans.clustering.steps.step import Step
from tfx_kmeans.clustering.weighted_rows import WeightedRows

MakeStep = Callable[[WeightedRows, float, Workers], Step]
"""Makes a step from the rows in their frame, the distance per squared difference (see
`Frame.scale`), and the workers that process segments of rows."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """An implementation of the passes over the rows of one fit.

    Attributes:
      name: Name that checkpoints record. A fit can only be resumed with the engine that began it,
        because another one may round differently.
      make_step: Function that makes the step.
      kernels: Kernels of the passes before the first step (frame, seeding), and of the step.
    """

    name: str
    make_step: MakeStep
    kernels: Kernels


def local_engine() -> Engine:
    """The engine on this machine's cores, with the fastest kernels.

    All compiled kernels have the same name here, because their results have the same bits.
    """
    kernels = default_kernels()
    return Engine('numpy' if kernels.name == 'numpy' else 'compiled', KernelStep, kernels)


def gpu_engine() -> Engine:
    """The engine for a GPU that TensorFlow can use; making it imports TensorFlow."""
    from tfx_kmeans.clustering.steps.graph_step import GraphStep

    return Engine('tensorflow', GraphStep, default_kernels())
