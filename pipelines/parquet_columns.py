"""Columns of Parquet files as the values of tf.Examples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfx_kmeans.errors import DataError


def as_feature_lists(table: pa.RecordBatch) -> pa.RecordBatch:
    """Converts each column to lists of the three types that tf.Examples have.

    Booleans and integers become int64, floats and decimals float32, strings and bytes binary. A
    value becomes a list of one value, and a missing value a missing list. Lists of numbers become
    lists of float32 of the same length, in which a missing value is NaN. Columns of the type null
    have no value and are left out.

    Args:
      table: Rows of a Parquet file, n rows.

    Returns:
      The columns as lists, n rows.

    Raises:
      DataError: If a column has another type; names the column and its type.
    """
    kept = [field.name for field in table.schema if not pa.types.is_null(field.type)]
    columns = {name: _lists(name, table.column(name)) for name in kept}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _lists(name: str, column: pa.Array) -> pa.LargeListArray:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is_list(column.type):
        values = _converted(name, column.type, column.drop_null())
        return _list_array(values, pc.cast(column.is_valid(), pa.int64()), column.is_null())
    values = _converted(name, column.type, column.flatten(), pa.float32()).fill_null(np.nan)
    return _list_array(values, pc.list_value_length(column).fill_null(0), column.is_null())


def _list_array(values: pa.Array, lengths: pa.Array, missing: pa.Array) -> pa.LargeListArray:
    """Lists of the given lengths; a list whose offset is null is missing."""
    offsets = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))])
    no_list = np.append(missing.to_numpy(zero_copy_only=False), False)
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64(), mask=no_list), values)


def _converted(
    name: str, kind: pa.DataType, values: pa.Array, wanted: pa.DataType | None = None
) -> pa.Array:
    """Values in their type of tf.Examples, or in the type that is wanted.

    Args:
      name: Name of the column, for the error message.
      kind: Type of the column, for the error message.
      values: Values of the column, or the values in its lists.
      wanted: The only type that is allowed; None for all three.

    Raises:
      DataError: If the values have no such type.
    """
    target = _target(values.type)
    numbers_wanted = wanted is not None and target in (pa.int64(), pa.float32())
    if target is None or (wanted is not None and not numbers_wanted):
        raise DataError(
            f'Column {name!r} has the type {kind}, which tf.Examples cannot hold. Supported are '
            'booleans, integers that fit in int64, float32, float64, decimals, strings and lists '
            'of numbers: convert the column to one of these, or remove it.'
        )
    if pa.types.is_decimal(values.type):  # which is only cast to float32 through float64
        values = values.cast(pa.float64())
    return values.cast(wanted or target, safe=False)


def _target(kind: pa.DataType) -> pa.DataType | None:
    """The type of tf.Examples that holds the values of a type; None if there is none."""
    if pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and kind != pa.uint64()):
        return pa.int64()
    if kind in (pa.float32(), pa.float64()) or pa.types.is_decimal(kind):
        return pa.float32()
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return pa.large_binary() if is_text or is_bytes else None


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
