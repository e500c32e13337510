"""Reads Parquet files, as ImportExampleGen writes them with payload_format FORMAT_PARQUET."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tfx_kmeans.data.block import Block, as_rows
from tfx_kmeans.data.feature_layout import FeatureLayout
from tfx_kmeans.errors import DataError

_ROWS_AT_ONCE = 16384


def parquet_feature_spec(path: str) -> dict[str, Any] | None:
    """Parsing specs of the columns of a file, by name, as for tf.Examples with the same values.

    A list has the length that it has in the first row. Returns None if the file has no rows.

    Raises:
      DataError: If the file cannot be read as Parquet.
    """
    with _SeekableFile(path) as file:
        opened = _opened(path, file)
        first = next(opened.iter_batches(batch_size=1), None)
        schema = opened.schema_arrow
    return None if first is None else {field.name: _spec(field, first) for field in schema}


def parquet_blocks(path: str, layout: FeatureLayout) -> Iterator[tuple[int, Block]]:
    """Decodes the rows of a file in order: the number of the first row of a block, and the block.

    Raises:
      DataError: If a value or the file is not valid; names the file, the row and the reason.
    """
    names = [feature.name for feature in layout.features]
    if layout.weight_feature is not None:
        names.append(layout.weight_feature)
    with _SeekableFile(path) as file:
        first = 0
        try:
            for batch in _opened(path, file).iter_batches(_ROWS_AT_ONCE, columns=names):
                yield first, _block(path, first, batch, layout)
                first += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f'{path}, row {first}: {error}') from error


def parquet_head(path: str, layout: FeatureLayout, count: int) -> dict[str, np.ndarray] | None:
    """Values of the layout's features in the first rows of a file, by name; None without rows.

    Raises the same errors as `parquet_blocks`.
    """
    with _SeekableFile(path) as file:
        names = [feature.name for feature in layout.features]
        batch = next(_opened(path, file).iter_batches(count, columns=names), None)
    if batch is None:
        return None
    return {
        feature.name: _values(path, 0, batch, feature.name, feature.width)
        for feature in layout.features
    }


class _SeekableFile(io.RawIOBase):
    """A file of TensorFlow's file layer with the interface that pyarrow needs."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = tf.io.gfile.GFile(path, 'rb')

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._file.read(size)
        return content

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


def _opened(path: str, file: io.RawIOBase) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError, tf.errors.OpError) as error:
        raise DataError(f'{path} cannot be read as Parquet: {error}') from error


def _spec(field: pa.Field, first: pa.RecordBatch) -> Any:
    kind, shape = field.type, []
    if _is_list(kind):
        values = first.column(field.name)[0].as_py()
        kind, shape = kind.value_type, [len(values or [])]
    if pa.types.is_integer(kind):
        return tf.io.FixedLenFeature(shape, tf.int64)
    if pa.types.is_floating(kind):
        return tf.io.FixedLenFeature(shape, tf.float32)
    return tf.io.FixedLenFeature(shape, tf.string)


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _block(path: str, first: int, batch: pa.RecordBatch, layout: FeatureLayout) -> Block:
    block = Block.empty(len(batch), layout)
    for feature in layout.features:
        values = _values(path, first, batch, feature.name, feature.width)
        block.rows[:, feature.columns] = as_rows(values, layout, feature)
    if block.weights is not None:
        block.weights[:] = _values(path, first, batch, str(layout.weight_feature), 1)[:, 0]
    return block


def _values(path: str, first: int, batch: pa.RecordBatch, name: str, width: int) -> np.ndarray:
    """The values of a column [n, width]."""
    if name not in batch.schema.names:
        raise DataError(f'{path} has no column {name!r}.')
    column = batch.column(name)
    _check_none_missing(path, first, column, name, 1)
    if _is_list(column.type):
        _check_lengths(path, first, column, name, width)
        column = column.flatten()
        _check_none_missing(path, first, column, name, width)
    elif width != 1:
        raise DataError(f'{path}: column {name!r} has 1 value per row, expected {width}.')
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DataError(f'{path}: column {name!r} has type {column.type}, which is not numeric.')
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values.reshape(len(batch), width)


def _check_none_missing(path: str, first: int, column: pa.Array, name: str, width: int) -> None:
    if column.null_count:
        row = int(np.asarray(column.is_null()).argmax()) // width
        raise DataError(f'{path}, row {first + row}: column {name!r} has a missing value.')


def _check_lengths(path: str, first: int, column: pa.Array, name: str, width: int) -> None:
    if pa.types.is_fixed_size_list(column.type):
        lengths = np.full(len(column), column.type.list_size)
    else:
        lengths = np.asarray(column.value_lengths())
    wrong = lengths != width
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f'{path}, row {first + row}: column {name!r} has length {lengths[row]}, expected '
            f'{width}.'
        )
