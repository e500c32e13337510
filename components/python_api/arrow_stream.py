"""Reads the columns of a stream by Arrow's C stream interface.

The interface is three C structures (https://arrow.apache.org/docs/format/CStreamInterface.html),
which an object with `__arrow_c_stream__` exports, for example a polars frame. They are read
directly, because older versions of pyarrow end the process at types that they do not support.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from tfx_kmeans.errors import DataError
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

_NUMBERS = {
    'c': 'i1', 'C': 'u1', 's': 'i2', 'S': 'u2', 'i': 'i4', 'I': 'u4', 'l': 'i8', 'L': 'u8',
    'e': 'f2', 'f': 'f4', 'g': 'f8',
}  # fmt: skip
_NULL, _BOOLEAN = 'n', 'b'
_TEXTS = {'u': 'string', 'U': 'large_string', 'vu': 'string_view'}
_TIMES = {'tt': 'time', 'td': 'date', 'ts': 'timestamp', 'tD': 'duration', 'ti': 'interval'}
_OTHERS = {'z': 'binary', 'Z': 'large_binary', 'vz': 'binary_view', '+s': 'struct', '+m': 'map'}


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_Schema._fields_ = [
    ('format', ctypes.c_char_p),
    ('name', ctypes.c_char_p),
    ('metadata', ctypes.c_void_p),
    ('flags', ctypes.c_int64),
    ('n_children', ctypes.c_int64),
    ('children', ctypes.POINTER(ctypes.POINTER(_Schema))),
    ('dictionary', ctypes.c_void_p),
    ('release', ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ('private_data', ctypes.c_void_p),
]
_Array._fields_ = [
    ('length', ctypes.c_int64),
    ('null_count', ctypes.c_int64),
    ('offset', ctypes.c_int64),
    ('n_buffers', ctypes.c_int64),
    ('n_children', ctypes.c_int64),
    ('buffers', ctypes.POINTER(ctypes.c_void_p)),
    ('children', ctypes.POINTER(ctypes.POINTER(_Array))),
    ('dictionary', ctypes.c_void_p),
    ('release', ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ('private_data', ctypes.c_void_p),
]
_Stream._fields_ = [
    (
        'get_schema',
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema)),
    ),
    ('get_next', ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ('get_last_error', ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ('release', ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ('private_data', ctypes.c_void_p),
]


def columns_of_stream(rows: Any) -> list[Column]:
    """Copies the columns of an object with `__arrow_c_stream__`.

    Raises:
      DataError: If the stream does not hold a table, or if reading it fails; gives the reason.
    """
    capsule = rows.__arrow_c_stream__()  # releases the stream when it is deleted
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, b'arrow_array_stream')
    stream = ctypes.cast(address, ctypes.POINTER(_Stream))
    schema = _Schema()
    _call(stream, stream.contents.get_schema, schema)
    try:
        if schema.format != b'+s':
            raise DataError(
                f'rows are a stream of single values of type {schema.format.decode()!r}, not of '
                'columns. Pass a data frame or a table.'
            )
        fields = [schema.children[index].contents for index in range(schema.n_children)]
        parts: list[list[np.ndarray | int]] = [[] for _ in fields]
        rows = 0
        while (length := _next_batch(stream, fields, parts)) is not None:
            rows += length
        return [_column(field, part, rows) for field, part in zip(fields, parts, strict=True)]
    finally:
        schema.release(ctypes.byref(schema))


def _next_batch(stream: Any, fields: list[Any], parts: list[list[np.ndarray | int]]) -> int | None:
    """Copies the values of the next batch; returns its length, or None at the end."""
    batch = _Array()
    _call(stream, stream.contents.get_next, batch)
    if not batch.release:
        return None
    try:
        for index, field in enumerate(fields):
            if _is_number(field):
                array = batch.children[index].contents
                first = batch.offset + array.offset
                parts[index].append(_values(field.format.decode(), array, first, batch.length))
    finally:
        batch.release(ctypes.byref(batch))
    return int(batch.length)


def _call(stream: Any, function: Any, result: Any) -> None:
    if function(stream, ctypes.byref(result)):
        reason = stream.contents.get_last_error(stream) or b'no reason given'
        raise DataError(f'rows cannot be read: {reason.decode(errors="replace")}.')


def _is_number(field: Any) -> bool:
    kind = field.format.decode()
    return not field.dictionary and (kind in _NUMBERS or kind in (_NULL, _BOOLEAN))


def _values(kind: str, array: Any, first: int, length: int) -> np.ndarray | int:
    """A copy of the values of a batch, or the number of missing ones if there are any."""
    missing = length if kind == _NULL else _missing(array, first, length)
    if missing:
        return missing
    if kind == _BOOLEAN:
        return _bits(array.buffers[1], first, length)
    dtype = np.dtype(_NUMBERS[kind])
    if not length:
        return np.empty(0, dtype)
    held = memory_at(array.buffers[1], (first + length) * dtype.itemsize)
    return held.view(dtype)[first:].copy()


def _missing(array: Any, first: int, length: int) -> int:
    if array.null_count == 0 or not array.buffers[0]:
        return 0
    return length - int(_bits(array.buffers[0], first, length).sum())


def _bits(address: int | None, first: int, length: int) -> np.ndarray:
    """Bits of a bitmap, the least significant of each byte first, as bool [length]."""
    if not length:
        return np.empty(0, np.bool_)
    assert address is not None, 'a bitmap with bits has an address'
    bits = np.unpackbits(memory_at(address, (first + length + 7) // 8), bitorder='little')
    return bits[first : first + length].astype(np.bool_)


def _column(field: Any, parts: list[np.ndarray | int], rows: int) -> Column:
    name, kind = (field.name or b'').decode(), field.format.decode()
    if not _is_number(field):
        return unusable_column(name, *_described(kind, bool(field.dictionary)))
    missing = sum(part for part in parts if isinstance(part, int))
    arrays = [part for part in parts if not isinstance(part, int)]
    if missing:
        return Column(name, _NUMBERS.get(kind, kind), missing=missing, rows=rows)
    return number_column(name, np.concatenate(arrays) if arrays else np.empty(0))


def _described(kind: str, is_dictionary: bool) -> tuple[str, str]:
    """Name of a type that does not hold numbers, and the kind of column."""
    if is_dictionary:
        return 'dictionary', CATEGORY
    if kind in _TEXTS:
        return _TEXTS[kind], TEXT
    if kind[:2] in _TIMES:
        return _TIMES[kind[:2]], TIME
    if kind.startswith('d:'):
        return f'decimal({kind[2:]})', NOT_NUMBERS
    return _OTHERS.get(kind, 'list' if kind.startswith('+') else kind), NOT_NUMBERS
