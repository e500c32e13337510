"""Sums of rows by cluster."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def sums_by_label(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, num_clusters: int
) -> np.ndarray:
    """Sums [k, d] of weight times row for each label, in float64 and in the order of the rows."""
    pointers = np.arange(len(rows) + 1)
    membership = sparse.csr_matrix((weights, labels, pointers), shape=(len(rows), num_clusters))
    sums: np.ndarray = membership.T @ rows
    return sums
