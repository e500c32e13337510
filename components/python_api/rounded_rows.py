"""Rows of any precision to the float32 rows that are clustered, and what rounding has changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.clustering.frame import centre_of, residuals, subtracted
from tfx_kmeans.clustering.metric import Metric
from tfx_kmeans.clustering.rounding import RoundingTally, may_be_lost
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.python_api.rows import weighted_rows

_BLOCK = 8192


def rows_to_cluster(numbers: np.ndarray, sample_weight: Any | None, metric: Metric) -> WeightedRows:
    """Copies numbers [n, d] to float32 rows, after a shift that keeps their digits.

    Raises the same errors as `weighted_rows`.
    """
    given = weighted_rows(numbers, sample_weight)
    if numbers.dtype == np.float32 or not metric.centred or not len(numbers):
        return WeightedRows(np.array(numbers, np.float32, order='C'), given.weights)
    offset = centre_of(numbers, given.weights)
    values = np.empty(numbers.shape, np.float32)
    for start in range(0, len(numbers), _BLOCK):
        values[start : start + _BLOCK] = subtracted(numbers[start : start + _BLOCK], offset)
    return WeightedRows(values, given.weights, offset)


def refuse_rounding(
    numbers: np.ndarray,
    weights: np.ndarray | None,
    payload: CentroidsPayload,
    largest: np.ndarray,
) -> None:
    """Checks that rounding numbers [n, d] to float32 has not changed their clustering.

    Args:
      numbers: Rows as they were given, float64 or int64.
      weights: Weights of the rows, float64 [n]; None for 1 each.
      payload: Their clustering.
      largest: Largest magnitude in each column of the rounded rows, [d].

    Raises:
      DataError: If it has, naming the column.
    """
    metadata = payload.metadata
    if not may_be_lost(largest, metadata.total_weight, metadata.inertia):
        return
    tally = RoundingTally(payload.shift, metadata.num_clusters)
    rows = WeightedRows(numbers, weights)
    for start in range(0, len(numbers), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(numbers)))
        labels, _ = payload.assigner.assign(numbers[part])
        tally.add(residuals(numbers[part], payload.shift), labels, rows.weights_in(part))
    tally.refuse_loss(metadata.inertia, metadata.column_names)
