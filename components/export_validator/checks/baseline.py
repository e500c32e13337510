"""Checks against an earlier model, by what both models answer for the same raw examples."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.export_validator.baseline import Baseline
from tfx_kmeans.export_validator.checks.finding import (
    BASELINE,
    Finding,
    check,
    listed,
    ratio_of,
    within,
)
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.evidence.inputs import input_changes
from tfx_kmeans.export_validator.evidence.matching import jensen_shannon
from tfx_kmeans.export_validator.evidence.reference import group_inertia
from tfx_kmeans.serving.parsed_features import missing_features, required_features

_COMPARE = 'Compare the two models on the examples; raise the limit if the change is intended.'
_FEW = 256


def _has_baseline(context: Context) -> bool:
    return context.sources.baseline is not None


def _has_baseline_model(context: Context) -> bool:
    return _has_baseline(context) and context.baseline.model is not None


@check(
    BASELINE,
    advice='Remove baseline_model, or connect one that can answer these raw examples.',
    applies=_has_baseline,
)
def baseline_fits(context: Context) -> Finding:
    """The baseline answers the raw examples with its own preprocessing.

    If only its centroids are available, it must have the same columns and metric instead.
    """
    baseline = context.baseline
    if baseline.model is None:
        return _centroids_fit(context)
    answered, count = int((baseline.clusters >= 0).sum()), len(context.records)
    found = f'{answered} of {count} examples have a cluster in it'
    if not answered:
        found += f'; features that they lack: {listed(_lacking(context, baseline))}'
    return Finding(answered > 0, 'the baseline assigns raw examples to clusters', found)


@check(
    BASELINE,
    advice='Keep the features and their types, or set this check to warn and change the clients '
    'before the model is pushed.',
    applies=_has_baseline_model,
)
def baseline_inputs(context: Context) -> Finding:
    """Clients of the baseline can send what they send: the raw inputs and their types are the same.

    An input of `raw` that was added or removed counts as well, because model servers refuse calls
    without the former and calls with the latter.
    """
    changes = input_changes(context.baseline.graph, context.serving_graph)
    expected = 'the inputs that clients of the baseline send, with their types and shapes'
    return Finding(not changes, expected, '; '.join(changes) or 'unchanged')


@check(BASELINE, advice=_COMPARE, applies=_has_baseline)
def baseline_inertia(context: Context) -> Finding:
    """Inertia of the examples in the model's clusters, relative to that in the baseline's clusters.

    Both are computed from this model's rows, around the centroid of each group, so that the scales
    of the baseline do not matter. If only the baseline's centroids are available, they take the
    place of the centroids of the groups.
    """
    maximum = context.options.thresholds.max_baseline_inertia_ratio
    rows, ours, theirs = context.compared
    if context.baseline.model is None:
        distances = context.baseline.payload.assigner.assign(rows)[1]
        ratio = ratio_of(context.assignment[1].sum(), distances.sum())
    else:
        both = (ours >= 0) & (theirs >= 0)
        ratio = ratio_of(
            group_inertia(context.payload, rows[both], ours[both]),
            group_inertia(context.payload, rows[both], theirs[both]),
        )
    return within("ratio of the inertia to the baseline's", ratio, maximum=maximum)


@check(BASELINE, advice=_COMPARE, applies=_has_baseline)
def baseline_changed(context: Context) -> Finding:
    """Share of the examples that change cluster, after the best matching of clusters.

    An example that has a cluster in only one of the models has changed; one that has none in either
    is left out.
    """
    maximum = context.options.thresholds.max_baseline_changed
    return within('share of rows that change cluster', 1 - context.matching.kept, maximum=maximum)


@check(BASELINE, advice=_COMPARE, applies=_has_baseline)
def baseline_drift(context: Context) -> Finding:
    """Change of the clusters' shares: Jensen-Shannon divergence in bits, 0 to 1.

    Clusters are matched as for `baseline_changed`; those without a counterpart are compared with an
    empty cluster. Examples without a cluster count as a cluster.
    """
    matching = context.matching
    divergence = jensen_shannon(
        np.append(matching.our_share, matching.our_rest),
        np.append(matching.their_share, matching.their_rest),
    )
    maximum = context.options.thresholds.max_baseline_drift
    return within('divergence of the cluster shares', divergence, maximum=maximum)


def _lacking(context: Context, baseline: Baseline) -> list[str]:
    """Features that the baseline needs and that the first examples do not have."""
    return missing_features(required_features(baseline.graph), context.records[:_FEW])


def _centroids_fit(context: Context) -> Finding:
    theirs, ours = _described(context.baseline.payload), _described(context.payload)
    reason = f'{context.baseline.folder} contains no SavedModel, so that centroids are compared'
    return Finding(theirs == ours, f'the same as the baseline: {theirs}', f'{ours} ({reason})')


def _described(payload: CentroidsPayload) -> str:
    metadata = payload.metadata
    return f'{metadata.distance_metric} of {", ".join(metadata.column_names)}'
