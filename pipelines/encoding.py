"""Raw features as the columns of a float64 matrix, in which NaN stands for a missing value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.pipelines.column_options import ColumnOptions

_NAN = np.float64(np.nan)


def numbers(inputs: Mapping[str, Any], names: Sequence[str], options: ColumnOptions) -> tf.Tensor:
    """Numeric columns after clipping and logarithm.

    Args:
      inputs: Raw features by name.
      names: Names of the columns: those of scalar features, or of values in vector features.
      options: Vectors, bounds and logarithms.

    Returns:
      Float64 [n, m], in the order of the names.
    """
    scalars = [name for name in names if name in inputs and name not in options.vectors]
    blocks, found = [], list(scalars)
    if scalars:
        blocks.append(tf.stack([with_nan_for_missing(inputs[name]) for name in scalars], axis=1))
    for vector, columns in options.vectors.items():
        chosen = sorted(set(columns) & set(names), key=columns.index)
        if chosen:
            values = vector_values(vector, inputs[vector], len(columns))
            positions = [columns.index(name) for name in chosen]
            blocks.append(tf.gather(values, positions, axis=1))
            found += chosen
    columns = tf.gather(tf.concat(blocks, axis=1), [found.index(name) for name in names], axis=1)
    return logged(clipped(columns, [options.clip.get(name) for name in names]), names, options.log)


def clipped(columns: tf.Tensor, bounds: Sequence[Sequence[float | None] | None]) -> tf.Tensor:
    """Columns [n, m] with numbers beyond a bound replaced by the bound; NaN stays.

    Args:
      columns: Float64 [n, m].
      bounds: Lower and upper bound of each column, each None without one.
    """
    if not any(bounds):
        return columns
    pairs = [pair or (None, None) for pair in bounds]
    low = tf.constant([-np.inf if pair[0] is None else pair[0] for pair in pairs], tf.float64)
    high = tf.constant([np.inf if pair[1] is None else pair[1] for pair in pairs], tf.float64)
    columns = tf.where(columns < low, low, columns)
    return tf.where(columns > high, high, columns)


def logged(columns: tf.Tensor, names: Sequence[str], log: Sequence[str]) -> tf.Tensor:
    """Columns [n, m], of which those named in `log` become sign(x) log(1 + |x|)."""
    if not log:
        return columns
    chosen = tf.constant([name in log for name in names])
    return tf.where(chosen, tf.sign(columns) * tf.math.log1p(tf.abs(columns)), columns)


def with_nan_for_missing(values: Any) -> tf.Tensor:
    """One column as float64 [n], with NaN for missing values; exact for integers up to 2^53.

    Args:
      values: Dense [n] or [n, 1], or sparse with at most one value per row.
    """
    if isinstance(values, tf.sparse.SparseTensor):
        values = _dense(values, tf.cast(values.values, tf.float64), _NAN)
    return tf.reshape(tf.cast(values, tf.float64), [-1])


def vector_values(name: str, values: Any, width: int) -> tf.Tensor:
    """A feature of several numbers as float64 [n, width]; NaN for a value that a row does not have.

    A row may have no values at all. Rows with too few values are an error only if no row of the
    batch has all of them: the signature `raw` leaves out NaN, so that a row whose last values are
    missing cannot be told from one that is too short.

    Args:
      name: Name of the feature, for the error message.
      values: Dense [n, width], or sparse with at most `width` values in a row.
      width: Number of values.

    Raises:
      InvalidArgumentError: When the graph runs, if a row has too many values, or all have too few;
        contains the name of the feature and the width.
    """
    if isinstance(values, tf.sparse.SparseTensor):
        rows, found = values.dense_shape[0], values.dense_shape[1]
        resized = tf.sparse.SparseTensor(
            values.indices,
            tf.cast(values.values, tf.float64),
            [rows, tf.where(found == 0, tf.constant(width, tf.int64), found)],
        )
        values = tf.sparse.to_dense(resized, default_value=_NAN)
    # Unlike tf.debugging.assert_equal, this is part of the model, which is cut out of the graph
    # along the flow of data.
    label = f'vector_{re.sub(r"[^A-Za-z0-9_]", "_", name)}_must_have_{width}_values'
    return tf.ensure_shape(tf.cast(values, tf.float64), [None, width], name=label)


def one_hot(values: Any, categories: Sequence[str | int | None]) -> tf.Tensor:
    """A categorical column as a column of zeros and ones for each category.

    Args:
      values: Strings or int64, dense [n] or [n, 1], or sparse with at most one value per row. The
        empty string is a missing value.
      categories: Values of the column; None as the last one for all values that are not listed.

    Returns:
      Float64 [n, number of categories]; NaN in every column of a row whose value is missing.
    """
    found, present = _single_values(values)
    listed = [
        value.encode() if isinstance(value, str) else value
        for value in categories
        if value is not None
    ]
    equal = found[:, tf.newaxis] == tf.constant(listed, found.dtype)
    columns = tf.cast(equal, tf.float64)
    if len(listed) < len(categories):
        rest = 1 - tf.reduce_sum(columns, axis=1, keepdims=True)
        columns = tf.concat([columns, rest], axis=1)
    return tf.where(present[:, tf.newaxis], columns, tf.constant(_NAN))


def _single_values(values: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The value of each row [n], and whether it has one, bool [n]."""
    present = None
    if isinstance(values, tf.sparse.SparseTensor):
        present = tf.reshape(_dense(values, tf.ones_like(values.indices[:, 0]), 0), [-1]) > 0
        values = _dense(values, values.values, '' if values.dtype == tf.string else 0)
    found = tf.reshape(values, [-1])
    if found.dtype == tf.string:
        return found, found != ''
    return found, tf.ones_like(found, tf.bool) if present is None else present


def _dense(sparse: Any, values: tf.Tensor, default: Any) -> tf.Tensor:
    """At most one value per row, as [n, 1]."""
    single = tf.sparse.SparseTensor(sparse.indices, values, [sparse.dense_shape[0], 1])
    return tf.sparse.to_dense(single, default_value=tf.constant(default, values.dtype))
