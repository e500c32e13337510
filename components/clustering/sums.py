"""Sums of rows by cluster."""

from __future__ import annotations

import numpy as np


def sums_by_label(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, num_clusters: int
) -> np.ndarray:
    """Sums of weight times row for each label, added up in row order, float64 [k, d]."""
    from scipy import sparse  # importing it takes as long as a small fit

    pointers = np.arange(len(rows) + 1)
    membership = sparse.csr_matrix((weights, labels, pointers), shape=(len(rows), num_clusters))
    sums: np.ndarray = membership.T @ rows
    return sums
