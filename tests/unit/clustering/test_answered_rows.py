"""Means and shared weights of rows that an earlier model has clustered, against float64 NumPy."""

import numpy as np
import pytest

from tfx_kmeans.clustering.answered_rows import AnsweredRows, earlier_means, shared_weight
from tfx_kmeans.clustering.assignment import Assigner
from tfx_kmeans.clustering.frame import Frame
from tfx_kmeans.clustering.metric import METRICS

SQUARED, COSINE = METRICS['squared_euclidean'], METRICS['cosine']
RNG = np.random.default_rng(0)
POINTS = (RNG.normal(size=(200, 3)) + np.array([50, -20, 1])).astype(np.float32)
WEIGHTS = RNG.integers(0, 4, size=200).astype(float)
EARLIER = RNG.integers(-1, 4, size=200)  # -1: no cluster


def blocks_of(rows, weights, earlier, size=70):
    """The rows in blocks, as a function that may be called repeatedly."""

    def answered():
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            yield AnsweredRows(rows[part], weights[part], earlier[part])

    return answered


@pytest.mark.parametrize('size', [1, 70, 1000])
def test_means_are_weighted_and_leave_out_rows_without_a_cluster(size):
    found = earlier_means(blocks_of(POINTS, WEIGHTS, EARLIER, size), 4, SQUARED)
    for cluster in range(4):
        inside = cluster == EARLIER
        expected = np.average(POINTS[inside].astype(float), axis=0, weights=WEIGHTS[inside])
        np.testing.assert_allclose(found[cluster], expected, rtol=1e-6)
    assert found.dtype == np.float64


def test_means_under_cosine_are_those_of_the_directions():
    rows = POINTS * RNG.uniform(0.1, 10, size=(200, 1)).astype(np.float32)
    rows[5] = 0  # has no direction
    found = earlier_means(blocks_of(rows, WEIGHTS, EARLIER), 4, COSINE)
    for cluster in range(4):
        inside = (cluster == EARLIER) & rows.any(axis=1)
        points = rows[inside] / np.linalg.norm(rows[inside].astype(float), axis=1, keepdims=True)
        expected = np.average(points, axis=0, weights=WEIGHTS[inside])
        np.testing.assert_allclose(found[cluster], expected / np.linalg.norm(expected), rtol=1e-5)


def test_a_row_that_is_not_finite_is_left_out():
    rows = POINTS.copy()
    rows[[3, 90], [0, 2]] = np.nan, np.inf
    usable = np.isfinite(rows).all(axis=1)
    expected = earlier_means(blocks_of(rows[usable], WEIGHTS[usable], EARLIER[usable]), 4, SQUARED)
    found = earlier_means(blocks_of(rows, WEIGHTS, EARLIER), 4, SQUARED)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize('size', [1, 2, 100])
def test_earlier_clusters_without_rows_get_the_rows_farthest_from_all_means(size):
    rows = np.array([[0], [1], [10], [11], [35], [-22], [90]], 'f')
    weights = np.array([1, 1, 1, 1, 1, 1, 0.0])
    earlier = np.array([1, 1, 3, 3, -1, -1, -1])
    found = earlier_means(blocks_of(rows, weights, earlier, size), 4, SQUARED)
    assert found.ravel().tolist() == [35, 0.5, -22, 10.5]


def test_more_empty_clusters_than_rows_are_filled_by_repetition():
    rows = np.array([[2], [4]], 'f')
    found = earlier_means(blocks_of(rows, np.ones(2), np.array([0, 0])), 4, SQUARED)
    assert found.shape == (4, 1)
    assert np.isfinite(found).all()
    assert found[0, 0] == 3


def test_rows_without_any_earlier_cluster_are_refused():
    none = np.full(200, -1)
    with pytest.raises(ValueError, match='assigns to a cluster has a positive weight'):
        earlier_means(blocks_of(POINTS, WEIGHTS, none), 4, SQUARED)


@pytest.mark.parametrize('size', [1, 70, 1000])
def test_the_shared_weight_of_each_pair(size):
    rows, earlier = POINTS.copy(), EARLIER
    rows[7] = np.nan
    centroids = rows[:3]
    assigner = Assigner(centroids, Frame(SQUARED, np.zeros(3)))
    found = shared_weight(blocks_of(rows, WEIGHTS, earlier, size), assigner, 4)
    ours = np.square(rows[:, None].astype(float) - centroids).sum(axis=2).argmin(axis=1)
    ours[7] = -1
    for i in range(3):
        for j in range(4):
            inside = (ours == i) & (earlier == j) & (WEIGHTS > 0)
            assert found.between[i, j] == pytest.approx(WEIGHTS[inside].sum())
    assert found.total == pytest.approx(WEIGHTS[(ours >= 0) | (earlier >= 0)].sum())
    ids = np.array([2, 0, 1])
    kept = sum(WEIGHTS[(ours == i) & (earlier == ids[i])].sum() for i in range(3))
    assert found.moved_share(ids) == pytest.approx(1 - kept / found.total)
