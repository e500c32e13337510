"""One column of rows: its numbers, or the reason why it has none."""

from __future__ import annotations

import ctypes
import dataclasses
import datetime
import numbers
from typing import Any

import numpy as np

TEXT, TIME, CATEGORY, NOT_NUMBERS = 'text', 'time', 'category', 'not numbers'
"""Kinds of columns that cannot be used."""

_MISSING_TYPES = ('NAType', 'NaTType', 'NullType', 'MaskedConstant')


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a data frame or of an array of objects.

    Attributes:
      name: Name of the column.
      type_name: Type of the values, as the library that they come from names it.
      values: Numbers, bool, integer or float [n]; None if the column is unusable or lacks values.
      missing: Number of missing values. NaN counts as a number, unless the library says otherwise.
      rows: Number of rows.
      problem: Kind of column if it does not hold numbers, such as TEXT; None if it does.
    """

    name: str
    type_name: str
    values: np.ndarray | None = None
    missing: int = 0
    rows: int = 0
    problem: str | None = None


def number_column(name: str, values: np.ndarray) -> Column:
    """A column of numbers."""
    return Column(name, str(values.dtype), values, rows=len(values))


def unusable_column(name: str, type_name: str, problem: str) -> Column:
    """A column that does not hold numbers."""
    return Column(name, type_name, problem=problem)


def object_column(name: str, cells: np.ndarray, type_name: str = 'object') -> Column:
    """A column of Python objects: numbers, or None, NA and the like for missing values.

    Args:
      name: Name of the column.
      cells: Values, objects [n].
      type_name: Type of the column.
    """
    present = [cell for cell in cells if not _is_missing(cell)]
    other = next((cell for cell in present if not _is_number(cell)), None)
    if other is not None:
        described = type_name if type_name != 'object' else type(other).__name__
        return unusable_column(name, described, _problem_of(other))
    if len(present) < len(cells):
        return Column(name, type_name, missing=len(cells) - len(present), rows=len(cells))
    return number_column(name, _array_of(present))


def memory_at(address: int, size: int) -> np.ndarray:
    """The bytes at an address, uint8 [size], not copied."""
    return np.frombuffer(memoryview((ctypes.c_uint8 * size).from_address(address)), np.uint8)


def _is_missing(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in _MISSING_TYPES


def _is_number(cell: Any) -> bool:
    if isinstance(cell, np.generic):
        return cell.dtype.kind in 'biuf'
    if isinstance(cell, (int, float)):
        return True
    return (
        hasattr(cell, '__float__')
        and getattr(cell, 'ndim', 0) == 0
        and not isinstance(cell, complex)
    )


def _problem_of(cell: Any) -> str:
    if isinstance(cell, (str, bytes)):
        return TEXT
    is_time = isinstance(cell, (datetime.date, datetime.time, datetime.timedelta, np.datetime64))
    return TIME if is_time or isinstance(cell, np.timedelta64) else NOT_NUMBERS


def _array_of(cells: list[Any]) -> np.ndarray:
    """Numbers as int64, or as uint64 or objects if larger; float64 if one is not an integer."""
    if cells and all(isinstance(cell, (numbers.Integral, np.bool_)) for cell in cells):
        plain = [int(cell) for cell in cells]
        for dtype in (np.int64, np.uint64):
            try:
                return np.array(plain, dtype)
            except OverflowError:
                continue
        return np.array(plain, object)
    if any(isinstance(cell, numbers.Integral) and abs(int(cell)) > 2**53 for cell in cells):
        return np.array(cells, object)
    return np.array([float(cell) for cell in cells], np.float64)
