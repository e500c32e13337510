"""Blocks of decoded examples, the same for every file format."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfx_kmeans.clustering.frame import residuals
from tfx_kmeans.data.feature_layout import Feature, FeatureLayout


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive examples of a file.

    Attributes:
      rows: Values of the clustered features less the layout's offset, [n, d] of the layout's dtype.
      weights: Weights of the rows, float64 [n]; None if every weight is 1.
    """

    rows: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def empty(cls, count: int, layout: FeatureLayout) -> Block:
        """A block with uninitialised memory for `count` examples."""
        weighted = layout.weight_feature is not None
        return cls(
            np.empty((count, layout.width), layout.dtype),
            np.empty(count, np.float64) if weighted else None,
        )


def as_rows(values: np.ndarray, layout: FeatureLayout, feature: Feature) -> np.ndarray:
    """The values of a feature [n, width] as a part of the rows, less the layout's offset.

    Integers are subtracted as integers, and only the difference is rounded to float32.
    """
    if layout.offset is None:
        return values.astype(layout.dtype)
    return residuals(values, layout.offset[feature.columns]).astype(layout.dtype)
