"""Imputation and standardisation of the columns of a matrix, in one phase of analyzers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

_DRAGGED = 16.0  # interquartile ranges between mean and median


def standardised(
    columns: tf.Tensor, groups: Sequence[int], resolution: Sequence[float | None]
) -> tf.Tensor:
    """Columns [n, d] with missing values (NaN) replaced by the mean, then standardised.

    Everything up to the last step is computed in float64. If a few huge numbers (a sentinel such as
    999999999) drag the mean away from the bulk of the rows, the median is subtracted instead:
    distances are the same, and float32 keeps the digits of the bulk.

    Mean and standard deviation are those of the imputed columns, computed in one pass over the
    data: imputing the mean does not change the mean, and multiplies the variance by the share of
    values that are present. The analyzers ignore values that are not finite, so an infinite value
    does not affect other rows. A column without any value becomes NaN, so that the trainer refuses
    it by name instead of clustering a constant that hides values when the model is served.

    The columns of a group are divided by the square root of the sum of their variances. If it is at
    most `resolution` times the largest magnitude in the group, it is rounding: the group is
    constant, and is only shifted, not scaled.

    Args:
      columns: Float64 [n, d].
      groups: Number of columns of each group, d columns in all.
      resolution: Relative spacing of the numbers that each column can hold, d numbers; None for the
        zeros and ones of a category, from which the mean is always subtracted.

    Returns:
      Float32 [n, d].
    """
    finite = tf.where(tf.math.is_finite(columns), columns, tf.constant(np.nan, tf.float64))
    mean, present_share = _means(columns, finite)
    variance = tft.var(finite, reduce_instance_dims=False) * present_share
    deviation = tf.sqrt(_by_group(tf.math.segment_sum, variance, groups))
    largest = tft.max(tf.abs(finite), reduce_instance_dims=False)
    largest = _by_group(tf.math.segment_max, largest, groups)
    spacing = [2.0**-23 if one is None else one for one in resolution]
    constant = deviation <= tf.constant(spacing, tf.float64) * largest
    scale = tf.where(constant, tf.ones_like(deviation), deviation)
    is_number = [one is not None for one in resolution]
    centre = tf.where(is_number, _centres(finite, mean), mean) if any(is_number) else mean
    filled = tf.where(tf.math.is_nan(columns), mean, columns)
    return tf.cast((filled - centre) / scale, tf.float32)


def _means(columns: tf.Tensor, finite: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean of each column [d], NaN without any value, and the share of values that are present."""
    mean = tft.mean(finite, reduce_instance_dims=False)
    present = tf.where(
        tf.math.is_inf(columns),
        tf.constant(np.nan, tf.float64),
        tf.cast(tf.math.is_finite(columns), tf.float64),
    )
    share = tft.mean(present, reduce_instance_dims=False)
    return tf.where(share > 0, mean, tf.constant(np.nan, tf.float64)), share  # tft.mean gives 0


def _by_group(reduce: Callable[..., tf.Tensor], values: tf.Tensor, groups: Sequence[int]) -> Any:
    """One number for each group, repeated for each of its columns; [d]."""
    if set(groups) == {1}:
        return values
    of_column = np.repeat(np.arange(len(groups)), groups)
    return tf.gather(reduce(values, tf.constant(of_column)), of_column)


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
