"""Where a run of k-means stands: enough to go on from, with the same bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Iteration:
    """What one iteration has seen.

    Attributes:
      inertia: of the centroids that the iteration started from; of a mini-batch iteration, what
        its rows let expect for all.
      moved: how many rows changed their cluster; None of a mini-batch iteration, which cannot
        know.
      seconds: how long it took.
    """

    inertia: float
    moved: int | None
    seconds: float


@dataclasses.dataclass(frozen=True)
class Progress:
    """A run between two iterations.

    Attributes:
      centroids: float32 [k, d] in the rows' frame, where the next iteration starts.
      history: the iterations so far.
      converged: whether there is no need for another.
      previous: float32 [k, d], where the last iteration started; None before the first.
      memory: what else the algorithm remembers, by name.
    """

    centroids: np.ndarray
    history: tuple[Iteration, ...] = ()
    converged: bool = False
    previous: np.ndarray | None = None
    memory: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


OnProgress = Callable[[Progress], None]
"""Told of a run's progress after each iteration."""
