"""Checks rows and weights that a Python user passes, and converts them to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Any

import numpy as np

from tfx_kmeans.argument_checks import check_names
from tfx_kmeans.centroids.payload import Columns, PlacedFeature
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.errors import DataError
from tfx_kmeans.python_api.column import Column, number_column, object_column
from tfx_kmeans.python_api.columns import Table, as_table, refuse_repeated_names
from tfx_kmeans.python_api.number_columns import joined, plain, refuse_not_finite

FEATURES = 'features'
_NUMBERS = 'biuf'
_CONVERSIONS = {
    'M': 'Convert times to numbers, for example to seconds since the earliest one.',
    'm': 'Convert times to numbers, for example to seconds.',
}


def numbers_of(rows: Any, column_names: Sequence[str] | None = None) -> np.ndarray:
    """Rows as finite numbers in the precision that they have, int64, float32 or float64 [n, d].

    Booleans and integers become int64. A data frame with integers and floats becomes float64. The
    result may share memory with `rows`.

    Args:
      rows: Numbers [n, d]: an array, a data frame, a tensor, or lists.
      column_names: Names of the columns of an array, for error messages; None for their indices.
        The columns of a data frame are called by its own names.

    Raises:
      DataError: If the rows are not a dense matrix of numbers with at least one column, or if
        values are missing, NaN, infinite, too large for float32, or integers that float64 would
        round; counts such values by column.
    """
    table = as_table(rows)
    if table is None:
        found = _array_of(rows)
        names = _names(column_names, found.shape[1])
        if found.dtype.kind in _NUMBERS and not _is_masked(found):
            numbers = plain(found)
            refuse_not_finite(numbers, names)
            return numbers
        table = Table(tuple(starmap(_column_of, zip(names, found.T, strict=True))))
    numbers = joined(table.columns)
    _check_shape(numbers.shape)
    refuse_not_finite(numbers, table.names)
    return numbers


def _array_of(rows: Any) -> np.ndarray:
    """Rows as an array of numbers or of objects [n, d], which may be masked."""
    if hasattr(rows, 'tocsr') and hasattr(rows, 'toarray'):
        raise DataError(
            f'rows are a sparse matrix ({type(rows).__name__}), but clustering needs dense rows. '
            'Pass rows.toarray() if it fits into memory, or fewer columns.'
        )
    try:
        found = rows if isinstance(rows, np.ma.MaskedArray) else np.asarray(rows)
        if found.dtype.kind in 'US':  # one text makes all numbers of a list text
            found = np.array(rows, object)
        if found.dtype.name == 'bfloat16':
            found = found.astype(np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f'rows must be numbers [n, d]: {error}.') from error
    if found.dtype.kind == 'O' and found.ndim == 0:
        raise DataError(
            'rows must be numbers [n, d]: an array, a data frame, a tensor or lists; got '
            f'{type(rows).__name__}.'
        )
    _check_shape(found.shape)
    if found.dtype.kind not in f'{_NUMBERS}O':
        advice = _CONVERSIONS.get(found.dtype.kind, 'Convert them to float64.')
        raise DataError(f'rows must be numbers [n, d], but their type is {found.dtype}. {advice}')
    return found


def _column_of(name: str, values: np.ndarray) -> Column:
    if _is_masked(values):
        missing = int(np.count_nonzero(values.mask))  # type: ignore[attr-defined]
        if missing:
            return Column(name, str(values.dtype), missing=missing, rows=len(values))
    if values.dtype.kind == 'O':
        return object_column(name, np.asarray(values))
    return number_column(name, np.asarray(values))


def _is_masked(values: np.ndarray) -> bool:
    return isinstance(values, np.ma.MaskedArray) and bool(np.any(values.mask))


def _names(column_names: Sequence[str] | None, width: int) -> Sequence[str]:
    """The given names if there is one for each column, or else the indices of the columns."""
    if column_names is not None and len(column_names) == width:
        return column_names
    return [str(index) for index in range(width)]


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or shape[1] == 0:
        raise DataError(
            f'rows must have the shape [n, d], with d of at least 1; got {list(shape)}.'
        )


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
    """Columns with the given names or those of a data frame, each a feature; None without names.

    Args:
      rows: Rows; a data frame as a `Table`.
      column_names: Name of each column; None for those of a data frame.

    Raises:
      ParameterError: If `column_names` is not a list of distinct names.
      DataError: If a data frame has several columns with the same name.
    """
    if column_names is not None:
        is_text = isinstance(column_names, (str, bytes))
        check_names('column_names', column_names if is_text else list(map(str, column_names)))
        named = tuple(map(str, column_names))
    elif isinstance(rows, Table):
        refuse_repeated_names(rows.names)
        named = rows.names
    else:
        return None
    features = tuple(PlacedFeature(name, index, 1) for index, name in enumerate(named))
    return Columns(features, named)


def in_order_of(rows: Any, columns: Columns) -> Any:
    """The columns of a data frame in the order of a model; returns anything else unchanged.

    The columns keep their order if those of the model have no names.

    Raises:
      DataError: If a data frame does not have the columns of the model, or has several columns with
        the same name; names them.
    """
    table = as_table(rows)
    if table is None:
        return rows
    refuse_repeated_names(table.names)
    wanted, found = columns.column_names, table.names
    if sorted(found) == sorted(wanted):
        return table.in_order(wanted)
    if columns.features[0].width > 1 or columns == unnamed_columns(columns.width):
        return table
    missing = [repr(name) for name in wanted if name not in found]
    other = [repr(name) for name in found if name not in wanted]
    differences = [
        f'{", ".join(names)} {"is" if len(names) == 1 else "are"} {what}'
        for names, what in ((missing, 'missing'), (other, 'not in the model'))
        if names
    ]
    raise DataError(
        f'rows must have the columns of the model, {", ".join(wanted)}; got {", ".join(found)}: '
        f'{"; ".join(differences)}.'
    )


def unnamed_columns(width: int) -> Columns:
    """Columns without names: one feature that fills all of them."""
    names = tuple(f'{FEATURES}[{index}]' for index in range(width))
    return Columns((PlacedFeature(FEATURES, 0, width),), names)
