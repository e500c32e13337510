"""The reference accepts what float32 must round, and nothing beyond."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.export_validator.reference import compare
from tfx_kmeans.serving.module import KMeansModule
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

SPEC = {name: tf.io.FixedLenFeature([], tf.float32) for name in 'abc'}


@pytest.fixture(params=['squared_euclidean', 'cosine'])
def served(request, make_payload, rows):
    payload = make_payload(distance_metric=request.param)
    answer = KMeansModule(payload, SchemaPreprocessing(SPEC, list('abc'))).assign(rows)
    return payload, answer['cluster_index'].numpy(), answer['distance'].numpy()


def test_the_real_answers_are_accepted(served, rows):
    payload, cluster, distance = served
    seen = compare(payload, rows, cluster, distance)
    assert not seen
    assert seen.rows == 500


def test_one_wrong_cluster_is_seen(served, rows):
    payload, cluster, distance = served
    cluster[17] = (cluster[17] + 1) % 4
    assert compare(payload, rows, cluster, distance).wrong_clusters == 1


@pytest.mark.parametrize('cluster_of_17', [-1, 4])
def test_a_cluster_that_does_not_exist_is_seen(served, rows, cluster_of_17):
    payload, cluster, distance = served
    cluster[17] = cluster_of_17
    assert compare(payload, rows, cluster, distance).wrong_clusters == 1


@pytest.mark.parametrize('wrong', [lambda d: d * 1.0001, lambda d: -d, lambda _: np.nan])
def test_one_wrong_distance_is_seen(served, rows, wrong):
    payload, cluster, distance = served
    distance[17] = wrong(distance[17])
    assert compare(payload, rows, cluster, distance).wrong_distances == 1


def test_either_of_two_equally_near_clusters_is_right(make_payload):
    payload = make_payload(num_clusters=None, initial_clusters=[[0, 0, 0], [9, 9, 9]])
    halfway = payload.centroids.mean(axis=0, dtype=np.float64).astype(np.float32)[None]
    for cluster in (0, 1):
        distance = np.square(halfway - payload.centroids[cluster]).sum(axis=1)
        assert not compare(payload, halfway, np.array([cluster]), distance)


def test_a_zero_row_under_cosine_is_answered_as_the_model_answers_it(make_payload):
    payload = make_payload(distance_metric='cosine')
    module = KMeansModule(payload, SchemaPreprocessing(SPEC, list('abc')))
    zero = np.zeros((1, 3), np.float32)
    answer = module.assign(zero)
    cluster, distance = answer['cluster_index'].numpy(), answer['distance'].numpy()
    assert not compare(payload, zero, cluster, distance)
