"""Decoded examples, as they come from any kind of file."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.features import FeatureLayout


@dataclasses.dataclass(frozen=True)
class Block:
    """Some examples of a file.

    Attributes:
      rows: float32 [n, d].
      weights: float64 [n], or None for 1 each.
    """

    rows: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def empty(cls, count: int, layout: FeatureLayout) -> Block:
        """Room for `count` examples, not yet filled."""
        weighted = layout.weight_feature is not None
        return cls(
            np.empty((count, layout.width), np.float32),
            np.empty(count, np.float64) if weighted else None,
        )


def as_float32(path: str, numbers: np.ndarray, values: np.ndarray, name: str) -> np.ndarray:
    """A feature's values [n, width] as float32.

    Args:
      path: of the file.
      numbers: int [n], of the records in it.
      values: floats or integers.
      name: of the feature.

    Raises:
      DataError: naming file, record and feature, for an integer that float32 cannot hold.
    """
    floats = values.astype(np.float32)
    if np.issubdtype(values.dtype, np.integer):
        with np.errstate(invalid='ignore'):  # 2**63 - 1 becomes a float beyond int64
            inexact = floats.astype(np.int64) != values
        if inexact.any():
            record = numbers[inexact.any(axis=1).argmax()]
            raise DataError(
                f'{path}, record {record}: feature {name!r} holds {values[inexact][0]}, an integer '
                'that float32 cannot hold exactly. Scale it in Transform.'
            )
    return floats
