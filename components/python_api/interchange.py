"""Reads the columns of a data frame by the dataframe interchange protocol.

The protocol (https://data-apis.org/dataframe-protocol/latest/API.html) gives, for each column, its
type, the number of missing values, and the address of its values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfx_kmeans.python_api.column import (
    CATEGORY,
    NOT_NUMBERS,
    TEXT,
    TIME,
    Column,
    memory_at,
    number_column,
    unusable_column,
)

_LETTERS = {0: 'i', 1: 'u', 2: 'f'}
_BOOLEAN = 20
_OTHERS = {21: ('string', TEXT), 22: ('datetime', TIME), 23: ('categorical', CATEGORY)}
_NOT_NULLABLE, _NAN = 0, 1


def columns_of_interchange(rows: Any) -> list[Column]:
    """Copies the columns of an object with `__dataframe__`."""
    frame = rows.__dataframe__()
    names = [str(name) for name in frame.column_names()]
    parts: list[list[Column]] = [[] for _ in names]
    for chunk in frame.get_chunks():
        for index, name in enumerate(names):
            parts[index].append(_column(name, chunk.get_column(index)))
    return [_joined(name, columns) for name, columns in zip(names, parts, strict=True)]


def _column(name: str, column: Any) -> Column:
    try:
        kind, bits, _, _ = column.dtype
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return unusable_column(name, 'not in the interchange protocol', NOT_NUMBERS)
    kind = int(kind)
    if kind not in _LETTERS and kind != _BOOLEAN:
        return unusable_column(name, *_OTHERS.get(kind, (f'kind {kind}', NOT_NUMBERS)))
    size = _size(column)
    missing = 0 if int(column.describe_null[0]) in (_NOT_NULLABLE, _NAN) else column.null_count
    if missing is None:
        return unusable_column(name, 'unknown number of missing values', NOT_NUMBERS)
    if missing:
        return Column(name, f'{_LETTERS.get(kind, "bool")}{bits}', missing=int(missing), rows=size)
    return number_column(name, _values(column, kind, bits, size))


def _size(column: Any) -> int:
    """Number of values; a property in early versions of the protocol, and now a method."""
    return int(column.size() if callable(column.size) else column.size)


def _values(column: Any, kind: int, bits: int, size: int) -> np.ndarray:
    buffer, _ = column.get_buffers()['data']
    first = int(column.offset)
    if not size:
        return np.empty(0)
    held = memory_at(buffer.ptr, buffer.bufsize)
    if bits == 1:
        unpacked = np.unpackbits(held, bitorder='little')[first : first + size]
        return unpacked.astype(np.bool_)
    letter = _LETTERS.get(kind)
    dtype = np.dtype(np.bool_) if letter is None else np.dtype(f'{letter}{bits // 8}')
    whole = len(held) // dtype.itemsize * dtype.itemsize
    return held[:whole].view(dtype)[first : first + size].copy()


def _joined(name: str, parts: list[Column]) -> Column:
    """One column from those of all chunks."""
    unusable = [part for part in parts if part.problem is not None]
    if unusable:
        return unusable[0]
    missing, rows = sum(part.missing for part in parts), sum(part.rows for part in parts)
    if missing:
        return Column(name, parts[0].type_name, missing=missing, rows=rows)
    arrays = [part.values for part in parts if part.values is not None]
    return number_column(name, np.concatenate(arrays) if arrays else np.empty(0))
