"""Clusters of two clusterings of the same rows, and how their shares differ."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclasses.dataclass(frozen=True)
class Matching:
    """Clusters and their counterparts in the baseline, by the rows that they share.

    Attributes:
      ours: int64 [m], indices of clusters; -1 for one of the baseline without a counterpart.
      theirs: int64 [m], indices in the baseline; -1 for a cluster without a counterpart.
      our_share: float64 [m], shares of the rows.
      their_share: float64 [m], shares of the rows in the baseline.
      kept: Share of the rows that are in the counterpart of their cluster in the baseline.
      our_rest: Share of the rows that have a cluster in the baseline only.
      their_rest: Share of the rows that have no cluster in the baseline.
    """

    ours: np.ndarray
    theirs: np.ndarray
    our_share: np.ndarray
    their_share: np.ndarray
    kept: float
    our_rest: float = 0.0
    their_rest: float = 0.0


def match_clusters(
    ours: np.ndarray, theirs: np.ndarray, num_ours: int, num_theirs: int
) -> Matching:
    """The matching with the most rows shared (the Hungarian algorithm).

    Rows without a cluster in both clusterings are left out.

    Args:
      ours: int64 [n], cluster of each row; -1 for none.
      theirs: int64 [n], cluster of each row in the baseline; -1 for none.
      num_ours: Number of clusters.
      num_theirs: Number of clusters of the baseline.
    """
    table = np.zeros((num_ours + 1, num_theirs + 1))  # the last row and column: no cluster
    known = (ours >= 0) | (theirs >= 0)
    np.add.at(table, (ours[known], theirs[known]), 1)
    table /= table.sum()
    shared = table[:-1, :-1]
    rows, columns = linear_sum_assignment(shared, maximize=True)
    our_share, their_share = table[:-1].sum(axis=1), table[:, :-1].sum(axis=0)
    added = np.setdiff1d(np.arange(num_ours), rows)
    removed = np.setdiff1d(np.arange(num_theirs), columns)
    return Matching(
        ours=np.concatenate([rows, added, np.full(len(removed), -1)]),
        theirs=np.concatenate([columns, np.full(len(added), -1), removed]),
        our_share=np.concatenate([our_share[rows], our_share[added], np.zeros(len(removed))]),
        their_share=np.concatenate(
            [their_share[columns], np.zeros(len(added)), their_share[removed]]
        ),
        kept=float(shared[rows, columns].sum()),
        our_rest=float(table[-1].sum()),
        their_rest=float(table[:, -1].sum()),
    )


def jensen_shannon(left: np.ndarray, right: np.ndarray) -> float:
    """Mean divergence, in bits, of two distributions from their mean (Lin 1991)."""
    middle = (left + right) / 2
    return float(
        sum((one[one > 0] * np.log2(one[one > 0] / middle[one > 0])).sum() for one in (left, right))
        / 2
    )
