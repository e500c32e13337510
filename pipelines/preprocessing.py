"""Preprocessing of raw columns to one dense vector: encoding, imputation, then standardisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.pipelines.column_choice import chosen_columns, column_kinds, column_options
from tfx_kmeans.pipelines.column_options import ColumnOptions
from tfx_kmeans.pipelines.encoding import numbers, one_hot
from tfx_kmeans.pipelines.standardisation import standardised

VECTOR = 'features'
"""Name of the only output feature."""

_RESOLUTION = {tf.float32: 2.0**-23, tf.int64: 2.0**-46}  # of values, and of sums in float64


def preprocessing_fn(
    inputs: Mapping[str, Any], custom_config: Mapping[str, Any] | None = None
) -> dict[str, tf.Tensor]:
    """Replaces missing numbers by the column's mean, then standardises each column.

    For numbers, the result is the same as with scikit-learn's SimpleImputer and StandardScaler,
    after np.clip and log1p if these are asked for. A number is missing if its cell is empty or NaN.
    Infinite values are kept unless they are clipped, so that the trainer refuses them.

    A categorical column becomes a column of zeros and ones for each category, as with
    scikit-learn's OneHotEncoder. A missing category, an empty cell, is replaced by the mean of each
    of these columns. They are centred and all divided by the square root of the sum of their
    variances: so the categorical column has a total variance of 1, as much as one number, whatever
    the number of its categories. With two categories, distances are those of one column of zeros
    and ones that is standardised as a number.

    Args:
      inputs: Raw features by name, dense [n] or [n, 1], or sparse with at most one value per row;
        vectors are dense [n, width], or sparse with that number of values in a row, or none.
      custom_config: Fields of `ColumnOptions`. The vector has the order of `features`, or that of
        the sorted names if it is None. Without `features`, all numeric columns are used, and the
        categorical ones. Other keys are ignored.

    Returns:
      {'features': float32 [n, d]}

    Raises:
      ParameterError: If columns do not exist or have a type that does not suit, naming them, or if
        none are left.
    """
    options = column_options(custom_config or {})
    kinds = column_kinds(inputs, options.vectors)
    chosen = chosen_columns(kinds, options)
    encoded = encode(inputs, kinds, chosen, options)
    rows = standardised(encoded.columns, encoded.groups, encoded.resolution)
    return {VECTOR: tf.gather(rows, encoded.order, axis=1)}


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Columns before standardisation: first all numbers, then all categories.

    Attributes:
      columns: Values, NaN if they are missing, float64 [n, d].
      groups: Columns of each number (one) or categorical column (one for each category).
      resolution: Relative spacing of the numbers that each column can hold; None for categories.
      order: Positions of the columns of the vector, d numbers.
    """

    columns: tf.Tensor
    groups: Sequence[int]
    resolution: Sequence[float | None]
    order: Sequence[int]


def encode(
    inputs: Mapping[str, Any],
    kinds: Mapping[str, tf.DType],
    chosen: Sequence[str],
    options: ColumnOptions,
) -> Encoded:
    """The chosen columns as one matrix.

    Args:
      inputs: Raw features by name.
      kinds: Type of each column by name.
      chosen: Names of the columns, in the order of the vector.
      options: What to do with which columns.
    """
    numeric = [name for name in chosen if name not in options.categorical]
    categorical = [name for name in chosen if name in options.categorical]
    blocks = [numbers(inputs, numeric, options)] if numeric else []
    blocks += [one_hot(inputs[name], options.categorical[name]) for name in categorical]
    widths = [1] * len(numeric) + [len(options.categorical[name]) for name in categorical]
    firsts = np.cumsum([0, *widths])
    placed = dict(zip([*numeric, *categorical], zip(firsts, widths, strict=False), strict=True))
    return Encoded(
        tf.concat(blocks, axis=1),
        widths,
        [_RESOLUTION[kinds[name]] for name in numeric] + [None] * sum(widths[len(numeric) :]),
        [int(placed[name][0]) + part for name in chosen for part in range(placed[name][1])],
    )
