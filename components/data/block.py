"""Blocks of decoded examples, the same for every file format."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.data.feature_layout import FeatureLayout
from tfx_kmeans.errors import DataError


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive examples of a file.

    Attributes:
      rows: Values of the clustered features, float32 [n, d].
      weights: Weights of the rows, float64 [n]; None if every weight is 1.
    """

    rows: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def empty(cls, count: int, layout: FeatureLayout) -> Block:
        """A block with uninitialised memory for `count` examples."""
        weighted = layout.weight_feature is not None
        return cls(
            np.empty((count, layout.width), np.float32),
            np.empty(count, np.float64) if weighted else None,
        )


def as_float32(path: str, numbers: np.ndarray, values: np.ndarray, name: str) -> np.ndarray:
    """Converts the values of a feature to float32.

    Args:
      path: Path of the file, for the error message.
      numbers: numbers of the records within the file, int [n].
      values: Values of the feature, floats or integers [n, width].
      name: Name of the feature, for the error message.

    Raises:
      DataError: If float32 cannot represent an integer exactly; names file, record and feature.
    """
    floats = values.astype(np.float32)
    if np.issubdtype(values.dtype, np.integer):
        with np.errstate(invalid='ignore'):  # 2**63 - 1 becomes a float beyond int64
            inexact = floats.astype(np.int64) != values
        if inexact.any():
            record = numbers[inexact.any(axis=1).argmax()]
            raise DataError(
                f'{path}, record {record}: feature {name!r} has the value {values[inexact][0]}, an '
                'integer that float32 cannot represent exactly. Scale the feature in Transform.'
            )
    return floats
