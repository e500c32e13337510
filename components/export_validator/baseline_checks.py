"""Checks against an earlier model: both clusterings of the same rows."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.findings import BASELINE, Check, Finding, ratio_of, within


def baseline_fits(context: Context) -> Finding:
    """The baseline clusters by the same columns and metric, or cannot be compared."""

    def described(payload: CentroidsPayload) -> str:
        metadata = payload.metadata
        return f'{metadata.distance_metric} of {", ".join(metadata.column_names)}'

    expected, found = described(context.baseline), described(context.payload)
    return Finding(expected == found, f'as the baseline: {expected}', found)


def baseline_inertia(context: Context) -> Finding:
    """Inertia of the examples, as a ratio to that with the baseline's centroids."""
    (_, ours), (_, theirs) = _assigned(context)
    ratio = ratio_of(ours.sum(), theirs.sum())
    most = context.options.thresholds.max_baseline_inertia_ratio
    return within("an inertia, of the baseline's on the same rows,", ratio, most=most)


def baseline_changed(context: Context) -> Finding:
    """The share of the examples that change cluster, after the best matching of clusters."""
    most = context.options.thresholds.max_baseline_changed
    return within('a share of rows that change cluster', 1 - matched(context).kept, most=most)


def baseline_drift(context: Context) -> Finding:
    """How far the shares of the clusters have drifted: Jensen-Shannon divergence in bits, 0 to 1.

    Clusters are matched as for `baseline_changed`; those without a counterpart stand alone.
    """
    matching = matched(context)
    divergence = _jensen_shannon(matching.our_share, matching.their_share)
    most = context.options.thresholds.max_baseline_drift
    return within('a divergence of the cluster shares', divergence, most=most)


def _assigned(
    context: Context,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Cluster and distance of each row, with the new centroids and with the baseline's."""
    if not len(context.served_rows):
        raise ValueError('there is no example to compare')
    return context.assignment, context.baseline_assignment


@dataclasses.dataclass(frozen=True)
class Matching:
    """Clusters and their counterparts in the baseline, by the rows that they share.

    Attributes:
      ours: int64 [m], indices of clusters; -1 beside one of the baseline without counterpart.
      theirs: int64 [m], of the baseline; -1 beside a cluster without counterpart.
      our_share: float64 [m], of the examples.
      their_share: float64 [m].
      kept: the share of the examples that are in the counterpart of their old cluster.
    """

    ours: np.ndarray
    theirs: np.ndarray
    our_share: np.ndarray
    their_share: np.ndarray
    kept: float


def matched(context: Context) -> Matching:
    """The matching with the most rows shared (the Hungarian algorithm)."""
    (ours, _), (theirs, _) = _assigned(context)
    shared = np.zeros((_k(context.payload), _k(context.baseline)))
    np.add.at(shared, (ours, theirs), 1)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    shared /= shared.sum()
    our_share, their_share = shared.sum(axis=1), shared.sum(axis=0)
    new = np.setdiff1d(np.arange(len(our_share)), rows)
    gone = np.setdiff1d(np.arange(len(their_share)), columns)
    return Matching(
        ours=np.concatenate([rows, new, np.full(len(gone), -1)]),
        theirs=np.concatenate([columns, np.full(len(new), -1), gone]),
        our_share=np.concatenate([our_share[rows], our_share[new], np.zeros(len(gone))]),
        their_share=np.concatenate([their_share[columns], np.zeros(len(new)), their_share[gone]]),
        kept=float(shared[rows, columns].sum()),
    )


def _jensen_shannon(left: np.ndarray, right: np.ndarray) -> float:
    """Lin (1991): the mean divergence of two distributions to their mean, in bits."""
    middle = (left + right) / 2
    return float(
        sum((one[one > 0] * np.log2(one[one > 0] / middle[one > 0])).sum() for one in (left, right))
        / 2
    )


def _k(payload: CentroidsPayload) -> int:
    return payload.metadata.num_clusters


def _connected(context: Context) -> bool:
    return context.sources.baseline is not None


_COMPARE = 'Compare the two models on the examples; raise the limit where the change is wanted.'

CHECKS = (
    Check(
        'baseline_fits',
        BASELINE,
        baseline_fits,
        'Take out the baseline_model, or one that was trained on these features.',
        _connected,
    ),
    Check('baseline_inertia', BASELINE, baseline_inertia, _COMPARE, _connected),
    Check('baseline_changed', BASELINE, baseline_changed, _COMPARE, _connected),
    Check('baseline_drift', BASELINE, baseline_drift, _COMPARE, _connected),
)
