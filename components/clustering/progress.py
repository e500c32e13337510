"""The state of one run of k-means, complete enough to continue it with bit-identical results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Iteration:
    """Record of one iteration.

    Attributes:
      inertia: Inertia of the centroids that the iteration started from. In a mini-batch iteration,
        an estimate for all rows from the rows in its batches.
      moved: Number of rows that changed cluster; None in a mini-batch iteration, where it is
        unknown.
      seconds: Duration of the iteration in seconds.
    """

    inertia: float
    moved: int | None
    seconds: float


@dataclasses.dataclass(frozen=True)
class Progress:
    """State of a run between two iterations.

    Attributes:
      centroids: Centroids that the next iteration starts from, in the rows' frame, float32 [k, d].
      history: Iterations so far.
      converged: Whether the run has converged, so that no further iteration is needed.
      previous: Centroids that the last iteration started from, float32 [k, d]; None before the
        first iteration.
      memory: Further state of the algorithm, as arrays by name.
    """

    centroids: np.ndarray
    history: tuple[Iteration, ...] = ()
    converged: bool = False
    previous: np.ndarray | None = None
    memory: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


OnProgress = Callable[[Progress], None]
"""Called with the progress of a run after each iteration."""
