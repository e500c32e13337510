"""Raw columns to one dense vector: missing numbers imputed, each column standardised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

VECTOR = 'features'
"""The one feature that is put out."""


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any] | None = None
) -> dict[str, tf.Tensor]:
    """Imputes missing numbers by the column's mean and z-scores each column.

    What scikit-learn does with SimpleImputer and StandardScaler. A missing number is an empty
    cell or a NaN; an infinity is left for the trainer to refuse.

    Args:
      inputs: raw features by name, dense [n] or [n, 1], or sparse with at most one value a row.
      custom_config: `features`, names of the columns in the order of the vector (None: every
        numeric column, by name); `exclude_features`, names to leave out.

    Returns:
      {'features': float32 [n, d]}

    Raises:
      ValueError: naming features that are not there or not numeric.
    """
    config = custom_config or {}
    chosen = chosen_features(inputs, config.get('features'), config.get('exclude_features') or ())
    columns = tf.stack([with_nan_for_missing(inputs[name]) for name in chosen], axis=1)
    return {VECTOR: standardised(columns)}


def chosen_features(
    inputs: Mapping[str, Any], features: Sequence[str] | None, exclude_features: Sequence[str]
) -> list[str]:
    """The names of the columns of the vector, in order."""
    numeric = sorted(name for name, value in inputs.items() if value.dtype != tf.string)
    unknown = sorted({*(features or ()), *exclude_features} - set(inputs))
    if unknown:
        raise ValueError(
            f'There is no feature {_listed(unknown)} in the data. It has {_listed(sorted(inputs))}.'
        )
    strings = [name for name in features or () if name not in numeric]
    if strings:
        raise ValueError(
            f'Feature {_listed(strings)} is not numeric, so it cannot be clustered by. Numeric '
            f'features: {_listed(numeric)}.'
        )
    chosen = [name for name in features or numeric if name not in exclude_features]
    if not chosen:
        raise ValueError(f'No numeric feature is left. Excluded: {_listed(exclude_features)}.')
    return chosen


def with_nan_for_missing(values: Any) -> tf.Tensor:
    """One column as float32 [n], from dense [n] or [n, 1], or sparse with gaps."""
    if isinstance(values, tf.sparse.SparseTensor):
        single = tf.sparse.SparseTensor(
            values.indices, tf.cast(values.values, tf.float32), [values.dense_shape[0], 1]
        )
        values = tf.sparse.to_dense(single, default_value=float('nan'))
    return tf.reshape(tf.cast(values, tf.float32), [-1])


def standardised(columns: tf.Tensor) -> tf.Tensor:
    """Columns [n, d]: the mean where a number is missing (NaN), then (x - mean) / deviation.

    The moments are those of the imputed columns, yet from one pass over the data: filling in the
    mean leaves the mean as it is and scales the variance by the share of numbers present.
    Analyzers pass over what is not finite, so an infinity spoils no other row.
    """
    mean = tft.mean(columns, reduce_instance_dims=False)
    present = tf.where(
        tf.math.is_inf(columns), float('nan'), tf.cast(tf.math.is_finite(columns), tf.float32)
    )
    present_share = tft.mean(present, reduce_instance_dims=False)
    deviation = tf.sqrt(tft.var(columns, reduce_instance_dims=False) * present_share)
    filled = tf.where(tf.math.is_nan(columns), mean, columns)
    return (filled - mean) / tf.where(deviation > 0, deviation, tf.ones_like(deviation))


def _listed(names: Sequence[str]) -> str:
    return ', '.join(map(repr, names))
