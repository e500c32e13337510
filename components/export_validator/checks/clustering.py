"""Checks of the clustering in the model."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.export_validator.checks.finding import (
    CLUSTERING,
    Finding,
    check,
    listed,
    ratio_of,
    within,
)
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.options import WARN
from tfx_kmeans.export_validator.probe.program.probe_arrays import is_blank

_RETRAIN = (
    'Examine the data, or train with another num_clusters, more num_restarts or another seed.'
)


@check(CLUSTERING, advice='Look for NaN in the training data.')
def finite_centroids(context: Context) -> Finding:
    """Every coordinate of every centroid is a finite number."""
    bad = np.flatnonzero(~np.isfinite(context.payload.centroids).all(axis=1))
    wrong = f'clusters with NaN or infinity: {listed(bad.tolist())}'
    found = wrong if bad.size else 'all centroids are finite'
    return Finding(not bad.size, 'finite coordinates', found)


@check(CLUSTERING, advice='Train again: the artifact is damaged.')
def number_and_width(context: Context) -> Finding:
    """There are as many centroids and columns as the trainer's options say."""
    metadata = context.payload.metadata
    num_clusters = metadata.options.get('num_clusters') or metadata.num_clusters
    expected = (num_clusters, len(metadata.column_names))
    found = context.payload.centroids.shape
    return Finding(
        found == expected,
        f'{expected[0]} centroids with {expected[1]} columns',
        f'{found[0]} with {found[1]}',
    )


@check(CLUSTERING, advice=_RETRAIN)
def distinct_centroids(context: Context) -> Finding:
    """No two clusters have the same centroid."""
    _, first, inverse = np.unique(
        context.payload.exact_centroids, axis=0, return_index=True, return_inverse=True
    )
    inverse = inverse.reshape(-1)
    pairs = [f'{first[group]} and {i}' for i, group in enumerate(inverse) if first[group] != i]
    found = f'equal: {listed(pairs)}' if pairs else 'all centroids are different'
    return Finding(not pairs, 'no two equal centroids', found)


@check(CLUSTERING, advice=_RETRAIN)
def empty_clusters(context: Context) -> Finding:
    """No more clusters than allowed were without a row at the end of training."""
    weight = context.payload.cluster_weight
    empty = np.flatnonzero(~(weight > 0)).tolist()
    limit = context.options.thresholds.max_empty_clusters
    found = f'{len(empty)}: {listed(empty)}' if empty else '0'
    return Finding(len(empty) <= limit, f'at most {limit} empty clusters', found)


@check(
    CLUSTERING,
    mode=WARN,
    advice='Use fewer clusters than the data has distinct rows; if it has many, look at the scale '
    'of its columns.',
)
def nonzero_inertia(context: Context) -> Finding:
    """The training rows differ from their centroids: the clusters describe more than copies."""
    inertia = context.payload.metadata.inertia
    return Finding(inertia > 0, 'an inertia above 0', f'{inertia:.6g}')


@check(
    CLUSTERING,
    mode=WARN,
    advice='Find out why all its values are equal, or leave the feature out with exclude_features.',
)
def varying_inputs(context: Context) -> Finding:
    """Every number that the model takes has more than one value in the examples."""
    values = context.raw_values
    if values is None:
        values = dict(zip(context.payload.metadata.column_names, context.rows.T, strict=True))
    names = set(values) - set(context.description.passthrough_features)
    constant = [name for name in names if _is_constant(values[name])]
    found = f'one value only: {listed(constant)}' if constant else 'all vary'
    return Finding(not constant, 'more than one value of every numeric input', found)


def _is_constant(values: np.ndarray) -> bool:
    """Whether numbers, of which at least two are present, are all equal."""
    if values.dtype == object:
        return False
    present = values[~is_blank(values)]
    return len(present) > 1 and bool((present == present.flat[0]).all())


@check(CLUSTERING, advice=_RETRAIN)
def smallest_share(context: Context) -> Finding:
    """Share of the training weight in the smallest cluster."""
    minimum = context.options.thresholds.min_cluster_share
    return within('share of the smallest cluster', _shares(context).min(), minimum=minimum)


@check(CLUSTERING, advice=_RETRAIN)
def largest_share(context: Context) -> Finding:
    """Share of the training weight in the largest cluster."""
    maximum = context.options.thresholds.max_cluster_share
    return within('share of the largest cluster', _shares(context).max(), maximum=maximum)


@check(CLUSTERING, advice='The examples differ from the training data: train on more recent data.')
def inertia_ratio(context: Context) -> Finding:
    """Inertia per example, relative to the inertia per row in training."""
    metadata, (_, distances) = context.payload.metadata, context.assignment
    if not len(distances):
        return Finding(False, 'examples to compute an inertia from', 'no example has a cluster')
    trained = metadata.inertia / metadata.total_weight
    ratio = ratio_of(distances.mean(), trained)
    maximum = context.options.thresholds.max_inertia_ratio
    return within("ratio of the inertia per row to training's", ratio, maximum=maximum)


@check(
    CLUSTERING,
    advice=_RETRAIN,
    applies=lambda context: context.options.thresholds.min_silhouette is not None,
)
def silhouette(context: Context) -> Finding:
    """Mean silhouette of the examples."""
    minimum = context.options.thresholds.min_silhouette
    found = context.evaluation.silhouette
    if found is None:
        expected = f'silhouette: at least {minimum:g}'
        return Finding(False, expected, 'all rows are in one cluster')
    return within('silhouette', found, minimum=minimum)


@check(
    CLUSTERING,
    advice=_RETRAIN,
    applies=lambda context: context.options.thresholds.max_davies_bouldin is not None,
)
def davies_bouldin(context: Context) -> Finding:
    """Davies-Bouldin index of the examples."""
    maximum = context.options.thresholds.max_davies_bouldin
    found = context.evaluation.davies_bouldin
    if found is None:
        expected = f'Davies-Bouldin index: at most {maximum:g}'
        return Finding(False, expected, 'all rows are in one cluster')
    return within('Davies-Bouldin index', found, maximum=maximum)


@check(
    CLUSTERING,
    advice='Export with the transform_graph that the trainer was given.',
    applies=lambda context: context.sources.transformed_examples is not None,
)
def preprocess_matches_transform(context: Context) -> Finding:
    """The model preprocesses the raw examples as Transform did, compared by column.

    ExampleGen and Transform keep no order, so the columns are compared sorted. If only some of the
    examples were used, each of their values must be among the transformed values.
    """
    expected = 'in every column the values of transformed_examples, in any order'
    served, trained = context.rows, context.transformed_rows
    complete = len(context.records) < context.options.max_examples
    if complete and len(served) != len(trained):
        found = f'{len(served)} rows, but {len(trained)} transformed rows'
        return Finding(False, expected, found)
    skewed = [
        name
        for column, name in enumerate(context.payload.metadata.column_names)
        if not _same_column(served[:, column], trained[:, column], complete)
    ]
    found = f'columns that differ: {listed(skewed)}' if skewed else f'{len(served)} equal rows'
    return Finding(not skewed, expected, found)


def _same_column(served: np.ndarray, trained: np.ndarray, complete: bool) -> bool:
    """Whether the values are the same, or a part of the same, in any order."""
    lost, expected_lost = np.isnan(served), np.isnan(trained)
    if lost.sum() != expected_lost.sum() if complete else lost.any() > expected_lost.any():
        return False
    served, trained = np.sort(served[~lost]), np.sort(trained[~expected_lost])
    tolerance = 1e-5 * float(np.abs(trained).max(initial=0.0)) + 1e-12
    if complete:
        return bool((np.abs(served - trained) <= tolerance).all())
    if not len(trained):
        return not len(served)
    right = np.searchsorted(trained, served).clip(1, len(trained) - 1)
    gap = np.minimum(np.abs(trained[right] - served), np.abs(trained[right - 1] - served))
    return bool((gap <= tolerance).all())


def _shares(context: Context) -> np.ndarray:
    weight = context.payload.cluster_weight
    return weight / weight.sum()
