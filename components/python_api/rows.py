"""Checks rows and weights that a Python user passes, and converts them to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, PlacedFeature
from tfx_kmeans.clustering.frame import centre_of, residuals, subtracted
from tfx_kmeans.clustering.metric import Metric
from tfx_kmeans.clustering.rounding import RoundingTally, may_be_lost
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.finite import NonFiniteTally
from tfx_kmeans.errors import DataError

FEATURES = 'features'
_BLOCK = 8192


def numbers_of(rows: Any, column_names: Sequence[str] | None = None) -> np.ndarray:
    """Checks rows, and returns them as an array [n, d]: float32, or else float64 or int64.

    Args:
      rows: Numbers [n, d]: an array, a data frame, a tensor, or lists.
      column_names: Names of the columns for error messages; None for their indices.

    Raises:
      DataError: If the rows are not a matrix of numbers with at least one column, or are masked,
        or if values are NaN or infinite (counts them by column).
    """
    if isinstance(rows, np.ma.MaskedArray) and np.any(rows.mask):
        raise DataError(
            'rows are masked. Fill in the masked values, or omit the rows that have any.'
        )
    try:
        given = np.asarray(rows)
        if given.dtype.kind not in 'biufO':
            raise DataError(f'their type is {given.dtype}')
        if given.dtype != np.float32:
            given = given.astype(np.int64 if given.dtype.kind in 'biu' else np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f'rows must be numbers [n, d]: {error}.') from error
    if given.ndim != 2 or given.shape[1] == 0:
        raise DataError(
            f'rows must have the shape [n, d], with d of at least 1; got {list(given.shape)}.'
        )
    names = column_names or [str(index) for index in range(given.shape[1])]
    if len(names) == given.shape[1]:
        tally = NonFiniteTally(names)
        with np.errstate(over='ignore'):
            tally.look_at('rows', 0, given.astype(np.float32))
        tally.refuse_any(len(given))
    return given


def rows_to_cluster(numbers: np.ndarray, sample_weight: Any | None, metric: Metric) -> WeightedRows:
    """Copies numbers [n, d] to float32 rows, after a shift that keeps their digits.

    Raises the same errors as `weighted_rows`.
    """
    given = weighted_rows(numbers, sample_weight)
    if numbers.dtype == np.float32 or not metric.centred or not len(numbers):
        return WeightedRows(np.array(numbers, np.float32, order='C'), given.weights)
    offset = centre_of(numbers, given.weights)
    values = np.empty(numbers.shape, np.float32)
    for start in range(0, len(numbers), _BLOCK):
        values[start : start + _BLOCK] = subtracted(numbers[start : start + _BLOCK], offset)
    return WeightedRows(values, given.weights, offset)


def refuse_rounding(
    numbers: np.ndarray,
    weights: np.ndarray | None,
    payload: CentroidsPayload,
    largest: np.ndarray,
) -> None:
    """Checks that rounding numbers [n, d] to float32 has not changed their clustering.

    Args:
      numbers: Rows as they were given, float64 or int64.
      weights: Weights of the rows, float64 [n]; None for 1 each.
      payload: Their clustering.
      largest: Largest magnitude in each column of the rounded rows, [d].

    Raises:
      DataError: If it has, naming the column.
    """
    metadata = payload.metadata
    if not may_be_lost(largest, metadata.total_weight, metadata.inertia):
        return
    tally = RoundingTally(payload.shift, metadata.num_clusters)
    rows = WeightedRows(numbers, weights)
    for start in range(0, len(numbers), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(numbers)))
        labels, _ = payload.assigner.assign(numbers[part])
        tally.add(residuals(numbers[part], payload.shift), labels, rows.weights_in(part))
    tally.refuse_loss(metadata.inertia, metadata.column_names)


def weighted_rows(rows: np.ndarray, sample_weight: Any | None) -> WeightedRows:
    """Combines rows with their weights.

    Raises:
      DataError: If the weights are not one number for each row, or if they are negative, not
        finite, or all 0, or if their sum may overflow.
    """
    if sample_weight is None:
        return WeightedRows(rows)
    try:
        weights = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f'sample_weight must be numbers [n]: {error}.') from error
    if weights.shape != (len(rows),):
        raise DataError(
            f'sample_weight must have one number for each of the {len(rows)} rows; got an array of '
            f'shape {list(weights.shape)}.'
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise DataError(
            f'sample_weight must be finite and not negative: {int(bad.sum())} of {len(rows)} are '
            f'not, the first is {weights[bad][0]} at row {bad.argmax()}.'
        )
    if len(rows) and weights.max() > np.finfo(np.float64).max / len(rows):
        raise DataError('The sum of sample_weight may overflow. Scale the weights down.')
    if len(rows) and not weights.any():
        raise DataError(
            f'sample_weight is 0 for all {len(rows)} rows. At least one must be positive.'
        )
    return WeightedRows(rows, weights)


def columns_of(rows: Any, column_names: Sequence[str] | None) -> Columns | None:
    """Columns with the given names or those of a data frame, each a feature; None without names."""
    names = column_names if column_names is not None else getattr(rows, 'columns', None)
    if names is None:
        return None
    named = tuple(map(str, names))
    features = tuple(PlacedFeature(name, index, 1) for index, name in enumerate(named))
    return Columns(features, named)


def in_order_of(rows: Any, columns: Columns) -> Any:
    """Reorders the columns of a data frame to match a model; returns anything else unchanged.

    A data frame is also unchanged if the columns of the model have no names.

    Raises:
      DataError: If a data frame does not have the columns of the model.
    """
    unnamed = columns.features[0].width > 1 or columns == unnamed_columns(columns.width)
    if unnamed or not hasattr(rows, 'columns'):
        return rows
    found = [str(name) for name in rows.columns]
    if sorted(found) != sorted(columns.column_names):
        raise DataError(
            f'rows must have the columns of the model, {", ".join(columns.column_names)}; got '
            f'{", ".join(found)}.'
        )
    return rows.iloc[:, [found.index(name) for name in columns.column_names]]


def unnamed_columns(width: int) -> Columns:
    """Columns without names: one feature that fills all of them."""
    names = tuple(f'{FEATURES}[{index}]' for index in range(width))
    return Columns((PlacedFeature(FEATURES, 0, width),), names)
