"""Checks of the clustering that is in the model."""

from __future__ import annotations

import numpy as np

from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.findings import (
    CLUSTERING,
    Check,
    Finding,
    listed,
    ratio_of,
    within,
)


def finite_centroids(context: Context) -> Finding:
    """Every coordinate of every centroid is a finite number."""
    bad = np.flatnonzero(~np.isfinite(context.payload.centroids).all(axis=1))
    found = f'clusters with NaN or infinity: {listed(bad.tolist())}'
    return Finding(not bad.size, 'finite coordinates', found if bad.size else 'all are finite')


def number_and_width(context: Context) -> Finding:
    """There are as many centroids, of as many columns, as the trainer was asked for."""
    metadata = context.payload.metadata
    asked = metadata.options.get('num_clusters') or metadata.num_clusters
    expected = (asked, len(metadata.column_names))
    found = context.payload.centroids.shape
    return Finding(
        found == expected,
        f'{expected[0]} centroids of {expected[1]} columns',
        f'{found[0]} of {found[1]}',
    )


def distinct_centroids(context: Context) -> Finding:
    """No two clusters have the same centroid."""
    _, first, inverse = np.unique(
        context.payload.centroids, axis=0, return_index=True, return_inverse=True
    )
    inverse = inverse.reshape(-1)
    pairs = [f'{first[group]} and {i}' for i, group in enumerate(inverse) if first[group] != i]
    return Finding(not pairs, 'no two alike', f'alike: {listed(pairs)}' if pairs else 'none alike')


def empty_clusters(context: Context) -> Finding:
    """Not more clusters than allowed were left without a row in training."""
    weight = context.payload.cluster_weight
    empty = np.flatnonzero(~(weight > 0)).tolist()
    limit = context.options.thresholds.max_empty_clusters
    found = f'{len(empty)}: {listed(empty)}' if empty else '0'
    return Finding(len(empty) <= limit, f'at most {limit} empty clusters', found)


def smallest_share(context: Context) -> Finding:
    """The share of the training weight in the smallest cluster."""
    least = context.options.thresholds.min_cluster_share
    return within('a share of the smallest cluster', _shares(context).min(), least=least)


def largest_share(context: Context) -> Finding:
    """The share of the training weight in the largest cluster."""
    most = context.options.thresholds.max_cluster_share
    return within('a share of the largest cluster', _shares(context).max(), most=most)


def inertia_ratio(context: Context) -> Finding:
    """Inertia by row of the examples that are tried, against training's."""
    metadata, (_, distances) = context.payload.metadata, context.assignment
    if not len(distances):
        return Finding(False, 'an inertia to compare', 'there is no example')
    trained = metadata.inertia / metadata.total_weight
    ratio = ratio_of(distances.mean(), trained)
    most = context.options.thresholds.max_inertia_ratio
    return within("an inertia by row, of training's,", ratio, most=most)


def silhouette(context: Context) -> Finding:
    """The mean silhouette of the examples that are tried."""
    least = context.options.thresholds.min_silhouette
    found = context.evaluation.silhouette
    if found is None:
        return Finding(False, f'a silhouette of at least {least}', 'all in one cluster')
    return within('a silhouette', found, least=least)


def davies_bouldin(context: Context) -> Finding:
    """The Davies-Bouldin index of the examples that are tried."""
    most = context.options.thresholds.max_davies_bouldin
    found = context.evaluation.davies_bouldin
    if found is None:
        return Finding(False, f'a Davies-Bouldin index of at most {most}', 'all in one cluster')
    return within('a Davies-Bouldin index', found, most=most)


def preprocess_matches_transform(context: Context) -> Finding:
    """What the model makes of the raw examples is what Transform made of them, by column.

    ExampleGen and Transform keep no order, so the columns are compared sorted. Where only some
    of the examples were tried, each of their values must be among the transformed ones.
    """
    expected = 'in every column the values of transformed_examples, whatever their order'
    served, trained = context.rows, context.transformed_rows
    complete = len(context.records) < context.options.max_examples
    if complete and len(served) != len(trained):
        return Finding(False, expected, f'{len(served)} rows, but {len(trained)} transformed ones')
    skewed = [
        name
        for column, name in enumerate(context.payload.metadata.column_names)
        if not _same_values(served[:, column], trained[:, column], complete)
    ]
    found = f'columns that differ: {listed(skewed)}' if skewed else f'{len(served)} rows, all alike'
    return Finding(not skewed, expected, found)


def _same_values(served: np.ndarray, trained: np.ndarray, complete: bool) -> bool:
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


_DATA = 'Look at the data, or train with another num_clusters, more num_restarts or another seed.'

CHECKS = (
    Check('finite_centroids', CLUSTERING, finite_centroids, 'Look for NaN in the training data.'),
    Check(
        'number_and_width', CLUSTERING, number_and_width, 'Train again: the artifact is damaged.'
    ),
    Check('distinct_centroids', CLUSTERING, distinct_centroids, _DATA),
    Check('empty_clusters', CLUSTERING, empty_clusters, _DATA),
    Check('smallest_share', CLUSTERING, smallest_share, _DATA),
    Check('largest_share', CLUSTERING, largest_share, _DATA),
    Check(
        'inertia_ratio',
        CLUSTERING,
        inertia_ratio,
        'The examples are unlike the training data: train on newer data.',
    ),
    Check(
        'silhouette',
        CLUSTERING,
        silhouette,
        _DATA,
        lambda context: context.options.thresholds.min_silhouette is not None,
    ),
    Check(
        'davies_bouldin',
        CLUSTERING,
        davies_bouldin,
        _DATA,
        lambda context: context.options.thresholds.max_davies_bouldin is not None,
    ),
    Check(
        'preprocess_matches_transform',
        CLUSTERING,
        preprocess_matches_transform,
        'Export with the transform_graph that the trainer was given.',
        lambda context: context.sources.transformed_examples is not None,
    ),
)
