"""Rows as a Python user has them, checked and turned into what is clustered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfx_kmeans.centroids.payload import Columns, PlacedFeature
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.finite import NonFiniteTally

FEATURES = 'features'


def matrix_of(rows: Any, column_names: Sequence[str] | None = None) -> np.ndarray:
    """Rows as a new array, float32 [n, d].

    Args:
      rows: numbers [n, d]: an array, a data frame, a tensor, or lists of them.
      column_names: of their columns, for the message.

    Raises:
      ValueError: where they are no such numbers, or counting those that are NaN or infinite.
    """
    if isinstance(rows, np.ma.MaskedArray) and np.any(rows.mask):
        raise ValueError('rows are masked: fill in the masked values, or leave out their rows.')
    try:
        given = np.asarray(rows)
        if given.dtype.kind not in 'biufO':
            raise ValueError(f'they are of type {given.dtype}')
        with np.errstate(over='ignore'):
            matrix = np.array(given, np.float32, order='C')
    except (TypeError, ValueError) as error:
        raise ValueError(f'rows must be numbers [n, d]: {error}.') from error
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError(
            f'rows must have the shape [n, d], with d of at least 1; got {list(matrix.shape)}.'
        )
    names = column_names or [str(index) for index in range(matrix.shape[1])]
    if len(names) == matrix.shape[1]:
        tally = NonFiniteTally(names)
        tally.look_at('rows', 0, matrix)
        tally.refuse_any(len(matrix))
    return matrix


def weighted_rows(rows: np.ndarray, sample_weight: Any | None) -> WeightedRows:
    """Rows and their weights.

    Raises:
      ValueError: where the weights are not one finite, not negative number for each row, or all 0.
    """
    if sample_weight is None:
        return WeightedRows(rows)
    try:
        weights = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f'sample_weight must be numbers [n]: {error}.') from error
    if weights.shape != (len(rows),):
        raise ValueError(
            f'sample_weight must have one number for each of the {len(rows)} rows; got the shape '
            f'{list(weights.shape)}.'
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise ValueError(
            f'sample_weight must be finite and not negative: {int(bad.sum())} of {len(rows)} are '
            f'not, the first is {weights[bad][0]} of row {bad.argmax()}.'
        )
    if len(rows) and weights.max() > np.finfo(np.float64).max / len(rows):
        raise ValueError('sample_weight has a sum that may overflow: scale the weights down.')
    if len(rows) and not weights.any():
        raise ValueError(f'sample_weight is 0 for all {len(rows)} rows.')
    return WeightedRows(rows, weights)


def columns_of(rows: Any, column_names: Sequence[str] | None) -> Columns | None:
    """Names of the columns where they are given, or a data frame has them; each is a feature."""
    names = column_names if column_names is not None else getattr(rows, 'columns', None)
    if names is None:
        return None
    named = tuple(map(str, names))
    features = tuple(PlacedFeature(name, index, 1) for index, name in enumerate(named))
    return Columns(features, named)


def in_order_of(rows: Any, columns: Columns) -> Any:
    """A data frame with its columns in the order of a model's; anything else as it is.

    Raises:
      ValueError: where a frame has other columns than a model whose columns have names.
    """
    unnamed = columns.features[0].width > 1 or columns == unnamed_columns(columns.width)
    if unnamed or not hasattr(rows, 'columns'):
        return rows
    found = [str(name) for name in rows.columns]
    if sorted(found) != sorted(columns.column_names):
        raise ValueError(
            f'rows must have the columns {", ".join(columns.column_names)}, as the clusters have; '
            f'got {", ".join(found)}.'
        )
    return rows.iloc[:, [found.index(name) for name in columns.column_names]]


def unnamed_columns(width: int) -> Columns:
    """One feature that fills all columns."""
    names = tuple(f'{FEATURES}[{index}]' for index in range(width))
    return Columns((PlacedFeature(FEATURES, 0, width),), names)
