"""Rows and their weights, as they travel together."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class WeightedRows:
    """What is clustered.

    Attributes:
      values: float32 [n, d], row-major.
      weights: float64 [n], finite and not negative, or None for 1 each.
    """

    values: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        """D, the number of columns."""
        return int(self.values.shape[1])

    @property
    def total_weight(self) -> float:
        """The sum of the weights."""
        return float(len(self) if self.weights is None else self.weights.sum())

    def weights_in(self, part: slice) -> np.ndarray:
        """The weights of some rows, float64."""
        if self.weights is None:
            return np.ones(part.stop - part.start)
        return self.weights[part]
