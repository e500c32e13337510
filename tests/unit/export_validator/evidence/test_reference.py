"""The reference accepts the rounding errors of float32, and nothing else."""

import dataclasses

import numpy as np
import pytest

from tfx_kmeans.export_validator.evidence.reference import compare, group_inertia
from tfx_kmeans.serving.precision import PRECISIONS, StoredCentroids, stored_centroids


@pytest.fixture(params=['squared_euclidean', 'cosine'])
def served(request, make_payload, rows):
    payload = make_payload(distance_metric=request.param)
    answer = StoredCentroids(payload).assign(rows)
    return payload, answer['cluster_index'].numpy(), answer['distance'].numpy()


def test_the_real_answers_are_accepted(served, rows):
    payload, cluster, distance = served
    found = compare(payload, rows, cluster, distance)
    assert not found
    assert found.rows == 500


def test_one_wrong_cluster_is_found(served, rows):
    payload, cluster, distance = served
    cluster[17] = (cluster[17] + 1) % 4
    assert compare(payload, rows, cluster, distance).wrong_clusters == 1


@pytest.mark.parametrize('cluster_of_17', [-1, 4])
def test_a_cluster_that_does_not_exist_is_found(served, rows, cluster_of_17):
    payload, cluster, distance = served
    cluster[17] = cluster_of_17
    assert compare(payload, rows, cluster, distance).wrong_clusters == 1


@pytest.mark.parametrize('wrong', [lambda d: d * 1.0001, lambda d: -d, lambda _: np.nan])
def test_one_wrong_distance_is_found(served, rows, wrong):
    payload, cluster, distance = served
    distance[17] = wrong(distance[17])
    assert compare(payload, rows, cluster, distance).wrong_distances == 1


def test_both_of_two_equally_near_clusters_are_right(make_payload):
    payload = make_payload(num_clusters=None, initial_clusters=[[0, 0, 0], [9, 9, 9]])
    halfway = payload.centroids.mean(axis=0, dtype=np.float64).astype(np.float32)[None]
    for cluster in (0, 1):
        distance = np.square(halfway - payload.centroids[cluster]).sum(axis=1)
        assert not compare(payload, halfway, np.array([cluster]), distance)


@pytest.mark.parametrize('metric', ['squared_euclidean', 'cosine'])
def test_rows_that_cannot_be_clustered_must_have_no_cluster(make_payload, rows, metric):
    payload = make_payload(distance_metric=metric)
    some = rows[:5].copy()
    some[1, 2], some[2, 0], some[3] = np.nan, np.inf, 0
    answer = StoredCentroids(payload).assign(some)
    cluster, distance = answer['cluster_index'].numpy(), answer['distance'].numpy()
    assert not compare(payload, some, cluster, distance)
    cluster[1], distance[2] = 0, 1.0
    found = compare(payload, some, cluster, distance)
    assert (found.wrong_clusters, found.wrong_distances) == (1, 1)


@pytest.mark.parametrize('metric', ['squared_euclidean', 'cosine'])
@pytest.mark.parametrize('precision', PRECISIONS[1:])
def test_a_reduced_precision_has_a_wider_bound(make_payload, rows, metric, precision):
    payload = make_payload(distance_metric=metric, num_clusters=40)
    answer = stored_centroids(payload, precision).assign(rows)
    cluster, distance = answer['cluster_index'].numpy(), answer['distance'].numpy()
    assert not compare(payload, rows, cluster, distance, precision)
    assert compare(payload, rows, cluster, distance).wrong_distances > 400
    distances = payload.assigner.all_distances(rows)
    cluster[17] = distances[17].argmax()
    assert compare(payload, rows, cluster, distance, precision).wrong_clusters == 1


def test_a_far_centroid_hides_nothing(make_payload, rows):
    starts = [*rows[:3].tolist(), [1e5, 1e5, 1e5]]
    payload = make_payload(num_clusters=None, initial_clusters=starts, max_iterations=1)
    centroids = np.array(starts, np.float32)
    payload = dataclasses.replace(payload, centroids=centroids)
    near = rows[3:]
    exact = np.square(near[:, None].astype(float) - centroids).sum(axis=2)
    second = exact.argsort(axis=1)[:, 1]
    found = compare(payload, near, second, np.take_along_axis(exact, second[:, None], 1)[:, 0])
    assert found.wrong_clusters > 0.99 * len(near)
    assert not compare(payload, near, exact.argmin(axis=1), exact.min(axis=1))


def test_a_row_too_far_away_for_a_distance_has_no_cluster(payload):
    rows = np.array([[3e38, 0, 0], [1.85e19, 0, 0], [1, 2, 3]], np.float32)
    answer = StoredCentroids(payload).assign(rows)
    cluster, distance = answer['cluster_index'].numpy(), answer['distance'].numpy()
    assert cluster[0] == -1
    assert not compare(payload, rows, cluster, distance)
    cluster[0], distance[0] = 0, 1.0
    found = compare(payload, rows, cluster, distance)
    assert (found.wrong_clusters, found.wrong_distances) == (1, 1)


@pytest.mark.parametrize('offset', [0.0, 1e6])
def test_the_inertia_of_groups_is_that_around_their_means(make_payload, rows, offset):
    payload = make_payload()
    groups = np.random.default_rng(0).integers(3, size=500) * 2  # 1, 3 and 5 are empty
    shifted = (rows + np.float32(offset)).astype(np.float32)
    inside = [shifted[groups == group].astype(float) for group in (0, 2, 4)]
    expected = sum(len(one) * one.var(axis=0).sum() for one in inside)
    assert group_inertia(payload, shifted, groups) == pytest.approx(expected, rel=1e-6)


def test_the_inertia_of_groups_under_cosine(make_payload, rows):
    payload = make_payload(distance_metric='cosine')
    groups = np.random.default_rng(0).integers(3, size=500)
    expected = 0.0
    for group in range(3):
        inside = rows[groups == group].astype(float)
        points = inside / np.linalg.norm(inside, axis=1, keepdims=True)
        expected += len(points) - np.linalg.norm(points.sum(axis=0))  # sum of 1 - cos
    assert group_inertia(payload, rows, groups) == pytest.approx(expected, rel=1e-9)
