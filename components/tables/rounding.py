"""What becomes of numbers that are stored with fewer digits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

_TOLERATED = 1e-2  # rounding, as a share of the standard deviation
Rounded = Callable[[np.ndarray], np.ndarray]


def to_float32(values: np.ndarray) -> np.ndarray:
    """Numbers as tf.Examples hold decimal numbers."""
    return values.astype(np.float32).astype(np.float64)


@dataclasses.dataclass
class Rounding:
    """Compares the rounding of a column's numbers with their standard deviation.

    Attributes:
      count: Number of finite numbers so far.
      largest: The largest magnitude so far.
    """

    count: int = 0
    largest: float = 0.0
    _origin: float = 0.0
    _total: float = 0.0
    _squares: float = 0.0
    _squared_errors: float = 0.0
    _worst: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def add(self, values: np.ndarray, rounded: np.ndarray) -> None:
        """Adds finite numbers, and what they are rounded to.

        Args:
          values: Numbers, int64 or float64 [n].
          rounded: The same numbers, rounded, float64 [n].
        """
        if not len(values):
            return
        if not self.count:
            self._origin = float(values[0])
        with np.errstate(over='ignore', invalid='ignore'):
            errors = (values - rounded.astype(values.dtype, copy=False)).astype(np.float64)
            offsets = values - self._origin
        self.count += len(values)
        self.largest = max(self.largest, float(values.max()), -float(values.min()))
        self._total += float(offsets.sum())
        self._squares += float(offsets @ offsets)
        self._squared_errors += float(errors @ errors)
        if max(errors.max(), -errors.min()) > self._worst[0]:
            place = np.abs(errors).argmax()
            self._worst = (float(abs(errors[place])), values[place], rounded[place])

    def loss(self) -> str:
        """What is lost, if rounding is not small against the standard deviation; else ''."""
        if not self.count:
            return ''
        variance = self._squares / self.count - (self._total / self.count) ** 2
        if self._squared_errors / self.count <= _TOLERATED**2 * variance or not variance > 0:
            return ''
        return f'{self._worst[1]:.17g} becomes {self._worst[2]:.17g}'
