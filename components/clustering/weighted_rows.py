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

    @property
    def num_usable(self) -> int:
        """Number of rows with a positive weight."""
        return len(self) if self.weights is None else int(np.count_nonzero(self.weights))

    def usable(self) -> np.ndarray | None:
        """Indices of the rows with a positive weight, int64; None if all have one."""
        if self.weights is None or self.weights.all():
            return None
        return np.flatnonzero(self.weights)

    def sample(self, size: int, rng: np.random.Generator) -> WeightedRows:
        """Some of the rows with a positive weight, in their order.

        One row is drawn from each of `size` parts with equally many of them.
        """
        usable = self.usable()
        count = len(self) if usable is None else len(usable)
        index = ((np.arange(size) + rng.random(size)) * (count / size)).astype(np.int64)
        index = np.minimum(index, count - 1)
        if usable is not None:
            index = usable[index]
        weights = None if self.weights is None else self.weights[index]
        return WeightedRows(self.values[index], weights, self.offset)

    def drawn(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of rows drawn with replacement, with probability proportional to their weight."""
        if self.weights is None:
            return rng.integers(len(self), size=count)
        cumulative = np.cumsum(self.weights)
        found = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side='right')
        return np.minimum(found, np.flatnonzero(self.weights)[-1])

    def weights_in(self, part: slice) -> np.ndarray:
        """Weights of the rows in a slice, float64."""
        if self.weights is None:
            return np.ones(part.stop - part.start)
        return self.weights[part]

    def given_weights(self, part: slice) -> np.ndarray | None:
        """Weights of the rows in a slice, float64; None for 1 each."""
        return None if self.weights is None else self.weights[part]
