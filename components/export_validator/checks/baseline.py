"""Checks against an earlier model: both clusterings of the same rows."""

from __future__ import annotations

from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.export_validator.checks.finding import BASELINE, Finding, check, ratio_of, within
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.evidence.matching import jensen_shannon

_COMPARE = 'Compare the two models on the examples; raise the limit if the change is intended.'


def _has_baseline(context: Context) -> bool:
    return context.sources.baseline is not None


@check(
    BASELINE,
    advice='Remove baseline_model, or connect one that was trained on the same features.',
    applies=_has_baseline,
)
def baseline_fits(context: Context) -> Finding:
    """The baseline has the same columns and metric; otherwise it cannot be compared."""
    expected, found = _described(context.baseline), _described(context.payload)
    return Finding(expected == found, f'the same as the baseline: {expected}', found)


@check(BASELINE, advice=_COMPARE, applies=_has_baseline)
def baseline_inertia(context: Context) -> Finding:
    """Inertia of the examples, relative to their inertia with the baseline's centroids."""
    (_, ours), (_, theirs) = context.assignment, context.baseline_assignment
    ratio = ratio_of(ours.sum(), theirs.sum())
    maximum = context.options.thresholds.max_baseline_inertia_ratio
    return within("ratio of the inertia to the baseline's", ratio, maximum=maximum)


@check(BASELINE, advice=_COMPARE, applies=_has_baseline)
def baseline_changed(context: Context) -> Finding:
    """Share of the examples that change cluster, after the best matching of clusters."""
    maximum = context.options.thresholds.max_baseline_changed
    return within('share of rows that change cluster', 1 - context.matching.kept, maximum=maximum)


@check(BASELINE, advice=_COMPARE, applies=_has_baseline)
def baseline_drift(context: Context) -> Finding:
    """Change of the clusters' shares: Jensen-Shannon divergence in bits, 0 to 1.

    Clusters are matched as for `baseline_changed`; those without a counterpart are compared with an
    empty cluster.
    """
    matching = context.matching
    divergence = jensen_shannon(matching.our_share, matching.their_share)
    maximum = context.options.thresholds.max_baseline_drift
    return within('divergence of the cluster shares', divergence, maximum=maximum)


def _described(payload: CentroidsPayload) -> str:
    metadata = payload.metadata
    return f'{metadata.distance_metric} of {", ".join(metadata.column_names)}'
