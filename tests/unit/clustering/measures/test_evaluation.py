"""Measures, compared with scikit-learn and with their definitions."""

import math

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import davies_bouldin_score, silhouette_score
from sklearn.preprocessing import normalize

from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.measures import evaluation as module
from tfx_kmeans.clustering.measures.evaluation import evaluate
from tfx_kmeans.clustering.metric import metric_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

METRICS = ('squared_euclidean', 'cosine')


def data(n=700, d=5, seed=0):
    return (make_blobs(n, d, centers=4, cluster_std=3.0, random_state=seed)[0] + 20).astype('f')


def assigner_of(rows, k, metric='squared_euclidean'):
    shift = np.zeros(rows.shape[1])
    if metric == 'squared_euclidean':
        shift = rows.mean(axis=0, dtype=float).astype('f').astype(float)
    centroids = rows[np.random.default_rng(1).choice(len(rows), k, replace=False)]
    return Assigner(centroids, Frame(metric_of(metric), shift))


def reference_distances(rows, centroids, metric):
    points, centers = rows.astype(float), centroids.astype(float)
    if metric == 'cosine':
        return 1 - normalize(points) @ normalize(centers).T
    return np.square(points[:, None] - centers[None]).sum(axis=2)


@pytest.mark.parametrize('metric', METRICS)
def test_assignments_and_distances_match_the_definition(metric):
    rows = data()
    assigner = assigner_of(rows, 6, metric)
    expected = reference_distances(rows, assigner.centroids, metric)
    labels, distances = assigner.assign(rows)
    assert np.array_equal(labels, expected.argmin(axis=1))
    np.testing.assert_allclose(distances, expected.min(axis=1), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(assigner.all_distances(rows), expected, rtol=1e-4, atol=1e-6)
    assert (assigner.all_distances(assigner.centroids).diagonal() == 0).all()


@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize('k', [2, 5])
def test_measures_match_scikit_learn(metric, k):
    rows = data()
    assigner = assigner_of(rows, k, metric)
    found = evaluate(WeightedRows(rows.copy()), assigner, 0)
    expected = reference_distances(rows, assigner.centroids, metric)
    labels = expected.argmin(axis=1)
    points = normalize(rows.astype(float)) if metric == 'cosine' else rows.astype(float)
    silhouette = silhouette_score(
        points, labels, metric='cosine' if metric == 'cosine' else 'euclidean'
    )
    assert math.isclose(found.silhouette, silhouette, rel_tol=1e-4)
    assert (found.silhouette_kind, found.silhouette_rows) == ('exact', 700)
    assert math.isclose(found.davies_bouldin, davies_bouldin_score(points, labels), rel_tol=1e-4)
    assert math.isclose(found.inertia, expected.min(axis=1).sum(), rel_tol=1e-5)
    assert found.cluster_weight == tuple(np.bincount(labels, minlength=k))
    assert (found.rows, found.total_weight) == (700, 700.0)
    lengths = np.sort(expected if metric == 'cosine' else np.sqrt(expected), axis=1)
    simplified = np.mean((lengths[:, 1] - lengths[:, 0]) / lengths[:, 1])
    assert math.isclose(found.simplified_silhouette, simplified, rel_tol=1e-4)


def test_the_silhouette_of_many_rows_is_reported_as_that_of_a_seeded_sample(monkeypatch):
    rows = data(n=4000)
    monkeypatch.setattr(module, 'MAX_SILHOUETTE_ROWS', 1000)
    assigner = assigner_of(rows, 4)
    found = evaluate(WeightedRows(rows.copy()), assigner, 3)
    assert (found.silhouette_kind, found.silhouette_rows) == ('sampled', 1000)
    whole = silhouette_score(rows, assigner.assign(rows)[0])
    assert math.isclose(found.silhouette, whole, abs_tol=0.02)
    assert evaluate(WeightedRows(rows.copy()), assigner, 3) == found
    assert evaluate(WeightedRows(rows.copy()), assigner, 4).silhouette != found.silhouette


def test_weights_count_as_repetitions():
    rows = data(n=400)
    weights = np.random.default_rng(0).integers(0, 5, size=400)
    assigner = assigner_of(rows, 4)
    weighted = evaluate(WeightedRows(rows.copy(), weights.astype(float)), assigner, 0)
    repeated = evaluate(WeightedRows(np.repeat(rows, weights, axis=0)), assigner, 0)
    for measure in ('inertia', 'davies_bouldin', 'simplified_silhouette', 'total_weight'):
        assert math.isclose(getattr(weighted, measure), getattr(repeated, measure), rel_tol=1e-6)
    assert weighted.cluster_weight == repeated.cluster_weight
    assert math.isclose(weighted.silhouette, repeated.silhouette, abs_tol=0.05)
    ones = evaluate(WeightedRows(rows.copy(), np.ones(400)), assigner, 0)
    assert math.isclose(
        ones.silhouette, evaluate(WeightedRows(rows.copy()), assigner, 0).silhouette, rel_tol=1e-12
    )


def test_one_cluster_has_no_silhouette_and_single_rows_have_0():
    rows = data(n=50)
    found = evaluate(WeightedRows(rows.copy()), assigner_of(rows, 1), 0)
    assert found.silhouette is found.simplified_silhouette is found.davies_bouldin is None
    alone = evaluate(WeightedRows(rows[:3].copy()), assigner_of(rows[:3], 3), 0)
    assert alone.silhouette == 0
    assert alone.inertia == 0
    assert alone.davies_bouldin == 0


def test_rows_without_a_distance_are_rejected():
    assigner = assigner_of(data(), 3, 'cosine')
    with pytest.raises(ValueError, match='1 of 2 rows are all zeros'):
        evaluate(WeightedRows(np.array([[1, 1, 1, 1, 1], [0] * 5], 'f')), assigner, 0)
    with pytest.raises(ValueError, match=r'shape \[n, 5\].* got \[2, 4\]'):
        assigner.assign(np.ones((2, 4), 'f'))
