"""Compiled passes that map rows to their frame."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.clustering.kernels.compilation import compiled


@compiled()
def add_column_sums(rows: np.ndarray, weights: np.ndarray, sums: np.ndarray) -> None:
    """Adds weight times row to sums float64 [d]; rows [n, d]; weights [n], or [0] for 1 each."""
    weighted = len(weights) > 0
    for i in range(rows.shape[0]):
        weight = weights[i] if weighted else 1.0
        for j in range(rows.shape[1]):
            sums[j] += weight * np.float64(rows[i, j])


@compiled(fastmath={'nnan'})
def shift_rows(rows: np.ndarray, shift: np.ndarray) -> np.float32:
    """Subtracts shift float32 [d] from rows [n, d] in place; returns the largest |value|."""
    largest = np.float32(0)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            value = rows[i, j] - shift[j]
            rows[i, j] = value
            largest = max(largest, abs(value))
    return largest
