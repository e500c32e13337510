"""Rows together with their weights."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class WeightedRows:
    """Rows to cluster, and their weights.

    Attributes:
      values: Values of the rows, float32 [n, d], row-major.
      weights: Weights of the rows, float64 [n], finite and not negative; None for 1 each.
      offset: Vector that was subtracted before the rows were rounded to float32, float64 [d]; None
        if nothing was.
    """

    values: np.ndarray
    weights: np.ndarray | None = None
    offset: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        """Number of columns, d."""
        return int(self.values.shape[1])

    @property
    def total_weight(self) -> float:
        """Sum of the weights."""
        return float(len(self) if self.weights is None else self.weights.sum())

    def weights_in(self, part: slice) -> np.ndarray:
        """Weights of the rows in a slice, float64."""
        if self.weights is None:
            return np.ones(part.stop - part.start)
        return self.weights[part]
