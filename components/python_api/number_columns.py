"""Joins columns to one matrix of numbers, and refuses those that cannot be used, by name."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfx_kmeans.data.finite import NonFiniteTally
from tfx_kmeans.errors import DataError
from tfx_kmeans.python_api.column import CATEGORY, NOT_NUMBERS, TEXT, TIME, Column

_MAX_NAMED = 10
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_PROBLEMS = {
    TEXT: (
        'holds text',
        'Leave text out, or encode it as numbers, for example with one column of 0 and 1 per '
        'value.',
    ),
    TIME: (
        'holds times',
        'Convert times to numbers, for example to seconds since the earliest one.',
    ),
    CATEGORY: (
        'holds categories',
        'Leave categories out, or encode them as numbers, for example with one column of 0 and 1 '
        'per category.',
    ),
    NOT_NUMBERS: (
        'does not hold plain numbers',
        'Leave such a column out, or convert it to float64.',
    ),
}


def joined(columns: Sequence[Column]) -> np.ndarray:
    """A new matrix of columns, int64, float32 or float64 [n, d].

    It is int64 if all columns are integers or booleans, float32 if all are float32 or float16, and
    float64 otherwise.

    Raises:
      DataError: If columns do not hold numbers, have missing values, or hold integers that float64
        would round; names these columns.
    """
    _refuse_unusable(columns)
    _refuse_missing(columns)
    arrays = [np.asarray(column.values) for column in columns]
    dtype = _common_dtype(arrays)
    matrix = np.empty((len(arrays[0]) if arrays else 0, len(arrays)), dtype)
    rounded: list[str] = []
    for index, (column, values) in enumerate(zip(columns, arrays, strict=True)):
        if dtype == np.float64 and values.dtype.kind in 'iuO':
            matrix[:, index], wrong = _as_float64(values)
            if wrong.any():
                example = int(values[wrong.argmax()])
                rounded.append(f'column {column.name!r}: {wrong.sum()}, for example {example}')
        else:
            with np.errstate(over='ignore'):
                matrix[:, index] = values
    if rounded:
        raise DataError(
            'rows have integers that neither int64 nor float64 can hold exactly '
            f'({_some(rounded, "; ")}). Leave such columns out, or subtract an offset first.'
        )
    return matrix


def plain(array: np.ndarray) -> np.ndarray:
    """An array of numbers [n, d] as int64, float32 or float64, not copied if it is that already.

    Raises:
      DataError: If there are unsigned integers that neither int64 nor float64 can hold.
    """
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == 'u' and size == 8 and array.size and array.max() > np.iinfo(np.int64).max:
        names = map(str, range(array.shape[1]))
        return joined([Column(name, 'uint64', array[:, int(name)]) for name in names])
    if kind != 'f':
        return array.astype(np.int64, copy=False)
    with np.errstate(over='ignore'):
        return array.astype(np.float32 if size <= 4 else np.float64, copy=False)


def refuse_not_finite(rows: np.ndarray, names: Sequence[str]) -> None:
    """Checks that all values are finite and that float32 can hold their magnitude.

    Raises:
      DataError: If values are NaN, infinite or too large; counts them by column.
    """
    if rows.dtype.kind != 'f' or not rows.size:
        return
    if _all_fit_float32(rows):
        return
    tally = NonFiniteTally(names)
    tally.look_at('rows', 0, rows)
    tally.refuse_any(len(rows), 'Remove these rows, or fill in other values.')
    large = np.abs(rows) > _FLOAT32_MAX
    found = [
        f'column {names[index]!r}: {large[:, index].sum()} of {len(rows)}, for example '
        f'{rows[large[:, index].argmax(), index]:g}'
        for index in np.flatnonzero(large.any(axis=0)).tolist()
    ]
    raise DataError(
        f'rows have values that are too large for float32, whose maximum is {_FLOAT32_MAX:.1e} '
        f'({_some(found, "; ")}). Scale these columns down, or remove such rows.'
    )


def _all_fit_float32(rows: np.ndarray) -> bool:
    if rows.dtype == np.float32:
        return bool(np.isfinite(rows).all())
    with np.errstate(invalid='ignore'):
        smallest, largest = rows.min(), rows.max()  # NaN if there is one
    return bool(smallest >= -_FLOAT32_MAX and largest <= _FLOAT32_MAX)


def _refuse_unusable(columns: Sequence[Column]) -> None:
    unusable = [column for column in columns if column.problem is not None]
    if not unusable:
        return
    found = [
        f'column {column.name!r} {_PROBLEMS[str(column.problem)][0]} ({column.type_name})'
        for column in unusable
    ]
    advice = dict.fromkeys(_PROBLEMS[str(column.problem)][1] for column in unusable)
    raise DataError(f'rows must be numbers, but {_some(found, ", ")}. {" ".join(advice)}')


def _refuse_missing(columns: Sequence[Column]) -> None:
    lacking = [column for column in columns if column.missing]
    if not lacking:
        return
    rows = max(column.rows for column in columns)
    found = [f'column {column.name!r}: {column.missing}' for column in lacking]
    raise DataError(
        f'rows have missing values, by column of {rows} values each: {_some(found, "; ")}. Remove '
        'such rows, or fill in the values, for example with the mean of the column.'
    )


def _some(found: Sequence[str], separator: str) -> str:
    rest = len(found) - _MAX_NAMED
    more = [f'and {rest} more columns'] if rest > 0 else []
    return separator.join([*found[:_MAX_NAMED], *more])


def _common_dtype(arrays: Sequence[np.ndarray]) -> Any:
    if all(_fits_int64(values) for values in arrays):
        return np.dtype(np.int64)
    small = all(values.dtype.kind == 'f' and values.dtype.itemsize <= 4 for values in arrays)
    return np.dtype(np.float32 if small else np.float64)


def _fits_int64(values: np.ndarray) -> bool:
    if values.dtype == np.uint64 and values.size:
        return bool(values.max() <= np.iinfo(np.int64).max)
    return values.dtype.kind in 'biu'


def _as_float64(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers or Python numbers as float64, and which of the integers are rounded, bool [n]."""
    if values.dtype.kind == 'O':
        floats = np.array([_float(value) for value in values], np.float64)
        wrong = [
            isinstance(value, numbers.Integral)
            and abs(rounded) <= _FLOAT32_MAX  # or else it is refused as too large
            and int(rounded) != int(value)
            for value, rounded in zip(values, floats, strict=True)
        ]
        return floats, np.array(wrong, np.bool_)
    floats = values.astype(np.float64)
    in_range = floats < 2.0 ** (64 if values.dtype.kind == 'u' else 63)
    back = np.where(in_range, floats, 0).astype(values.dtype)
    return floats, ~in_range | (back != values)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a Python integer beyond float64
        return float(np.finfo(np.float64).max) * (1 if value > 0 else -1)
