"""Preprocessing of raw columns to one dense vector: imputation, then standardisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from tfx_kmeans.errors import ParameterError

VECTOR = 'features'
"""Name of the only output feature."""

_DRAGGED = 16.0  # interquartile ranges between mean and median
_RESOLUTION = {tf.float32: 2.0**-23, tf.int64: 2.0**-46}  # of values, and of sums in float64


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any] | None = None
) -> dict[str, tf.Tensor]:
    """Replaces missing numbers by the column's mean, then standardises each column.

    The result is the same as with scikit-learn's SimpleImputer and StandardScaler. A number is
    missing if its cell is empty or NaN. Infinite values are kept, so that the trainer refuses them.

    Args:
      inputs: Raw features by name, dense [n] or [n, 1], or sparse with at most one value per row.
      custom_config: `features`, names of the columns in the order of the vector (None for every
        numeric column, sorted by name); `exclude_features`, names of columns to leave out.

    Returns:
      {'features': float32 [n, d]}

    Raises:
      ParameterError: If features do not exist or are not numeric, naming them, or if none are left.
    """
    config = custom_config or {}
    chosen = chosen_features(inputs, config.get('features'), config.get('exclude_features') or ())
    columns = tf.stack([with_nan_for_missing(inputs[name]) for name in chosen], axis=1)
    resolution = [_RESOLUTION[inputs[name].dtype] for name in chosen]
    return {VECTOR: standardised(columns, resolution)}


def chosen_features(
    inputs: Mapping[str, Any], features: Sequence[str] | None, exclude_features: Sequence[str]
) -> list[str]:
    """Names of the features that form the vector, in order.

    Raises:
      ParameterError: If features do not exist or are not numeric, naming them, or if none are left.
    """
    numeric = sorted(name for name, value in inputs.items() if value.dtype != tf.string)
    unknown = sorted({*(features or ()), *exclude_features} - set(inputs))
    if unknown:
        raise ParameterError(
            f'The data has no feature {_listed(unknown)}. Existing features: '
            f'{_listed(sorted(inputs))}.'
        )
    strings = [name for name in features or () if name not in numeric]
    if strings:
        raise ParameterError(
            f'Feature {_listed(strings)} is not numeric, so it cannot be clustered by. Numeric '
            f'features: {_listed(numeric)}.'
        )
    chosen = [name for name in features or numeric if name not in exclude_features]
    if not chosen:
        raise ParameterError(
            f'No numeric feature is left to cluster by. Numeric features: {_listed(numeric)}; '
            f'excluded: {_listed(exclude_features)}.'
        )
    return chosen


def with_nan_for_missing(values: Any) -> tf.Tensor:
    """One column as float64 [n], with NaN for missing values; exact for integers up to 2^53.

    Args:
      values: Dense [n] or [n, 1], or sparse with at most one value per row.
    """
    if isinstance(values, tf.sparse.SparseTensor):
        single = tf.sparse.SparseTensor(
            values.indices, tf.cast(values.values, tf.float64), [values.dense_shape[0], 1]
        )
        values = tf.sparse.to_dense(single, default_value=tf.constant(np.nan, tf.float64))
    return tf.reshape(tf.cast(values, tf.float64), [-1])


def standardised(columns: tf.Tensor, resolution: Sequence[float]) -> tf.Tensor:
    """Columns [n, d] with missing numbers (NaN) replaced by the mean, then standardised.

    Everything up to the last step is computed in float64. If a few huge values (a sentinel such as
    999999999) drag the mean away from the bulk of the rows, the median is subtracted instead:
    distances are the same, and float32 keeps the digits of the bulk.

    Mean and standard deviation are those of the imputed columns, computed in one pass over the
    data: imputing the mean does not change the mean, and multiplies the variance by the share of
    numbers that are present. The analyzers ignore values that are not finite, so an infinite value
    does not affect other rows. A column without any number becomes NaN, so that the trainer refuses
    it by name instead of clustering a constant that hides values when the model is served.

    A standard deviation of at most `resolution` times the largest magnitude of the column is
    rounding: the column is constant, and is only shifted, not scaled.

    Args:
      columns: Float64 [n, d].
      resolution: Relative spacing of the numbers that each column can hold, d numbers.

    Returns:
      Float32 [n, d].
    """
    finite = tf.where(tf.math.is_finite(columns), columns, tf.constant(np.nan, tf.float64))
    mean = tft.mean(finite, reduce_instance_dims=False)
    present = tf.where(
        tf.math.is_inf(columns),
        tf.constant(np.nan, tf.float64),
        tf.cast(tf.math.is_finite(columns), tf.float64),
    )
    present_share = tft.mean(present, reduce_instance_dims=False)
    mean = tf.where(present_share > 0, mean, tf.constant(np.nan, tf.float64))  # tft.mean gives 0
    deviation = tf.sqrt(tft.var(finite, reduce_instance_dims=False) * present_share)
    largest = tft.max(tf.abs(finite), reduce_instance_dims=False)
    constant = deviation <= tf.constant(resolution, tf.float64) * largest
    scale = tf.where(constant, tf.ones_like(deviation), deviation)
    centre = _centres(finite, mean)
    filled = tf.where(tf.math.is_nan(columns), mean, columns)
    return tf.cast((filled - centre) / scale, tf.float32)


def _centres(columns: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """The mean of each column, or about the median if huge values drag the mean away; [d].

    The quartiles are float32, as `tft.quantiles` returns them: a median that differs from the mean
    only by their rounding is not used.
    """
    # The analyzer ignores NaN, but fails for a column without any number: give it one each.
    some = tf.concat([columns, tf.zeros_like(mean)[tf.newaxis]], axis=0)
    quartiles = tft.quantiles(some, num_buckets=4, epsilon=0.01, reduce_instance_dims=False)
    lower, median, upper = tf.unstack(tf.cast(quartiles, tf.float64), axis=1)
    usual = _DRAGGED * (upper - lower) + 2.0**-22 * tf.abs(median)
    return tf.where(tf.abs(mean - median) > usual, median, mean)


def _listed(names: Sequence[str]) -> str:
    return ', '.join(map(repr, names))
