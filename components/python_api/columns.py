"""Columns of data frames and Arrow tables as NumPy arrays.

Neither pandas nor polars is imported: a frame is recognised by its methods and protocols, and
pyarrow's tables only if pyarrow has been imported already.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfx_kmeans.errors import DataError
from tfx_kmeans.python_api.column import (
    CATEGORY,
    NOT_NUMBERS,
    TEXT,
    TIME,
    Column,
    number_column,
    object_column,
    unusable_column,
)

_NUMPY_OF_KIND = {'b': np.bool_, 'i': np.int64, 'u': np.uint64, 'f': np.float64}


@dataclasses.dataclass(frozen=True)
class Table:
    """The columns of a data frame, in order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def in_order(self, names: Sequence[str]) -> Table:
        """The same columns in the order of their names, all of which must exist."""
        by_name = dict(zip(self.names, self.columns, strict=True))
        return Table(tuple(by_name[name] for name in names))


def as_table(rows: Any) -> Table | None:
    """The columns of a data frame or Arrow table; None if `rows` is not one.

    Accepts pandas frames, pyarrow's tables and record batches, and objects with the dataframe
    interchange protocol (`__dataframe__`) or the Arrow PyCapsule interface
    (`__arrow_c_stream__`), such as polars frames.
    """
    if isinstance(rows, Table):
        return rows
    reader = _reader_of(rows)
    return None if reader is None else Table(tuple(reader(rows)))


def is_table(rows: Any) -> bool:
    """Whether `as_table` accepts an object."""
    return isinstance(rows, Table) or _reader_of(rows) is not None


def refuse_repeated_names(names: Sequence[str]) -> None:
    """Checks that the names of a data frame's columns are distinct.

    Raises:
      DataError: If a name occurs twice; lists such names with their counts.
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        found = ', '.join(f'{name!r} ({names.count(name)} times)' for name in repeated)
        raise DataError(
            f'rows have several columns with the same name: {found}. Rename these columns, or '
            'leave out all but one of each.'
        )


def _reader_of(rows: Any) -> Callable[[Any], list[Column]] | None:
    if isinstance(rows, type) or getattr(rows, 'ndim', 2) != 2:
        return None
    if all(hasattr(rows, name) for name in ('iloc', 'columns', 'dtypes')):
        return _columns_of_pandas
    pyarrow = sys.modules.get('pyarrow')
    if pyarrow is not None and isinstance(rows, (pyarrow.Table, pyarrow.RecordBatch)):
        return _columns_of_pyarrow
    if hasattr(rows, '__arrow_c_stream__'):
        from tfx_kmeans.python_api.arrow_stream import columns_of_stream

        return columns_of_stream if _is_frame(rows) else None
    if not hasattr(rows, '__dataframe__'):
        return None
    from tfx_kmeans.python_api.interchange import columns_of_interchange

    return columns_of_interchange


def _is_frame(rows: Any) -> bool:
    """Whether a stream holds columns rather than the values of a single one.

    Polars and pyarrow give a Series or a ChunkedArray the same method as a frame.
    """
    return not (hasattr(rows, 'dtype') or hasattr(rows, 'chunks'))


def _columns_of_pandas(frame: Any) -> list[Column]:
    return [
        _pandas_column(str(name), frame.iloc[:, index]) for index, name in enumerate(frame.columns)
    ]


def _pandas_column(name: str, series: Any) -> Column:
    dtype = series.dtype
    kind, described = getattr(dtype, 'kind', 'O'), str(dtype)
    problem = _pandas_problem(kind, described)
    if problem is not None:
        return unusable_column(name, described, problem)
    if kind not in _NUMPY_OF_KIND:
        return object_column(name, series.to_numpy(object), described)
    if isinstance(dtype, np.dtype):
        return number_column(name, series.to_numpy())
    missing = int(series.isna().sum())
    if missing:
        return Column(name, described, missing=missing, rows=len(series))
    return number_column(name, series.to_numpy(dtype=_NUMPY_OF_KIND[kind]))


def _pandas_problem(kind: str, described: str) -> str | None:
    """Why a column of a type cannot be used; None if it can, or if that depends on its values."""
    if described == 'category':
        return CATEGORY
    if kind in 'mM' or described.startswith('period'):
        return TIME
    return NOT_NUMBERS if kind == 'c' else None


def _columns_of_pyarrow(table: Any) -> list[Column]:
    return [
        _pyarrow_column(name, table.column(index)) for index, name in enumerate(table.schema.names)
    ]


def _pyarrow_column(name: str, values: Any) -> Column:
    types, kind = sys.modules['pyarrow'].types, values.type
    described = str(kind)
    problem = _pyarrow_problem(types, kind)
    if problem is not None:
        return unusable_column(name, described, problem)
    missing = len(values) if types.is_null(kind) else values.null_count
    if missing:
        return Column(name, described, missing=missing, rows=len(values))
    if types.is_decimal(kind):
        return object_column(name, np.array(values.to_pylist(), object), described)
    chunks = getattr(values, 'chunks', [values])
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in chunks]
    return number_column(name, np.concatenate(parts) if parts else np.empty(0))


def _pyarrow_problem(types: Any, kind: Any) -> str | None:
    """Why a column of a type cannot be used; None if it can."""
    if types.is_temporal(kind):
        return TIME
    if types.is_dictionary(kind):
        return CATEGORY
    if types.is_string(kind) or types.is_large_string(kind):
        return TEXT
    usable = ('is_integer', 'is_floating', 'is_boolean', 'is_decimal', 'is_null')
    return None if any(getattr(types, name)(kind) for name in usable) else NOT_NUMBERS
