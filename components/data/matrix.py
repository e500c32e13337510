"""tf.Examples decoded, once, to a matrix of float32 rows with optional weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.features import Feature, FeatureLayout
from tfx_kmeans.data.records import record_batches, record_files


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Rows as they were decoded; whoever reads a matrix owns it and may write to it.

    Attributes:
      rows: float32 [n, d], row-major, finite.
      weights: float64 [n], finite and not negative, or None for 1 each.
    """

    rows: np.ndarray
    weights: np.ndarray | None

    @property
    def total_weight(self) -> float:
        """The sum of the weights."""
        return float(len(self.rows) if self.weights is None else self.weights.sum())


def read_matrix(folders: Sequence[str], layout: FeatureLayout) -> Matrix:
    """Decodes all tf.Examples of the folders' files, in the order of the files' names.

    Raises:
      DataError: naming the file that cannot be read or decoded; counting rows with NaN or
        infinity, with their columns; where there are no rows or no weight.
    """
    blocks = list(_decoded_blocks(record_files(folders), layout))
    if not blocks:
        raise DataError(f'There are no examples in {", ".join(folders)}.')
    rows = np.concatenate([rows for rows, _ in blocks])
    _refuse_non_finite(rows, layout.column_names, folders)
    if layout.weight_feature is None:
        return Matrix(rows, None)
    weights = np.concatenate([weights for _, weights in blocks if weights is not None])
    _refuse_bad_weights(weights, layout.weight_feature)
    return Matrix(rows, weights)


def _decoded_blocks(
    files: Sequence[str], layout: FeatureLayout
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    spec = layout.parsing_spec()
    for path in files:
        for records in record_batches(path):
            try:
                parsed = tf.io.parse_example(tf.constant(records), spec)
            except tf.errors.InvalidArgumentError as error:
                raise DataError(f'{path} cannot be decoded: {error.message}') from error
            yield rows_of(parsed, layout.features), _weights_of(parsed, layout.weight_feature)


def rows_of(parsed: Mapping[str, tf.Tensor], features: Sequence[Feature]) -> np.ndarray:
    """Parsed dense features side by side, float32 [n, d].

    Raises:
      DataError: naming the feature whose int64 values float32 cannot hold exactly.
    """
    columns = [_as_float32(parsed[feature.name].numpy(), feature) for feature in features]
    return np.concatenate(columns, axis=1)


def _as_float32(values: np.ndarray, feature: Feature) -> np.ndarray:
    columns = values.reshape(len(values), feature.width)
    floats = columns.astype(np.float32)
    if feature.dtype == 'int64':
        inexact = floats.astype(np.float64) != columns
        if inexact.any():
            raise DataError(
                f'Feature {feature.name!r} has {np.count_nonzero(inexact)} integers that float32 '
                f'cannot hold exactly, the first is {columns[inexact][0]}. Scale it in Transform.'
            )
    return floats


def _weights_of(parsed: Mapping[str, tf.Tensor], weight_feature: str | None) -> np.ndarray | None:
    if weight_feature is None:
        return None
    weights: np.ndarray = parsed[weight_feature].numpy().reshape(-1).astype(np.float64)
    return weights


def _refuse_non_finite(
    rows: np.ndarray, column_names: Sequence[str], folders: Sequence[str]
) -> None:
    bad = ~np.isfinite(rows)
    if not bad.any():
        return
    columns = np.flatnonzero(bad.any(axis=0))
    found = '; '.join(
        f'column {column_names[column]!r}: {int(np.isnan(rows[:, column]).sum())} NaN, '
        f'{int(np.isinf(rows[:, column]).sum())} infinite'
        for column in columns[:10]
    )
    more = f'; and {len(columns) - 10} more columns' if len(columns) > 10 else ''
    raise DataError(
        f'{int(bad.any(axis=1).sum())} of {len(rows)} rows in {", ".join(folders)} hold values '
        f'that are not finite ({found}{more}). Remove these rows, or replace the values in '
        'Transform.'
    )


def _refuse_bad_weights(weights: np.ndarray, name: str) -> None:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise DataError(
            f'weight_feature {name!r} must be finite and not negative: {int(bad.sum())} of '
            f'{len(weights)} rows are not, the first is {weights[bad][0]}.'
        )
    if not weights.any():
        raise DataError(f'weight_feature {name!r} is 0 in all {len(weights)} rows.')
