"""Inputs and outputs of each signature, compared with NumPy on the same centroids."""

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.serving.examples import (
    CLUSTERED,
    SPEC,
    clustering_of,
    example,
    example_of,
    reference,
)
from tfx_kmeans.centroids.storage import read_payload

METRICS = ('squared_euclidean', 'cosine')


def answers_to(made, points):
    examples = tf.constant([example_of(row) for row in points], tf.string)
    raw = {'a': points[:, 0], 'b c/d': points[:, 1:3], 'b_c': points[:, 3].astype(np.int64)}
    return {
        'examples': made.call('examples', examples=examples),
        'raw': made.call('raw', **raw),
        'features': made.call('features', features=points),
        'serving_default': made.call('serving_default', examples=examples),
    }


@pytest.mark.parametrize('metric', METRICS)
def test_all_signatures_agree_with_numpy(saved, clustering, points, metric):
    made = saved(clustering(metric))
    distances = reference(made.payload, points)
    for name, answer in answers_to(made, points).items():
        assert set(answer) == {'cluster_index', 'distance'}, name
        np.testing.assert_array_equal(answer['cluster_index'], distances.argmin(axis=1))
        np.testing.assert_allclose(answer['distance'], distances.min(axis=1), rtol=1e-5, atol=1e-7)
        assert answer['cluster_index'].dtype == np.int64
        assert answer['distance'].dtype == np.float32
    examples = [example_of(row) for row in points]
    found = made.call('all_distances', examples=examples)['all_distances']
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, distances, rtol=1e-6, atol=1e-7)
    (index,) = made.call('cluster_index', examples=examples).values()
    np.testing.assert_array_equal(index, distances.argmin(axis=1))
    np.testing.assert_array_equal(made.call('preprocess', examples=examples)['features'], points)


@pytest.mark.parametrize('size', [0, 1])
def test_small_batches(saved, points, size):
    made = saved()
    for name, answer in answers_to(made, points[:size]).items():
        assert {value.shape for value in answer.values()} == {(size,)}, name
    inputs = tf.constant([example_of(row) for row in points[:size]], tf.string)
    assert made.call('all_distances', examples=inputs)['all_distances'].shape == (size, 4)
    assert made.call('preprocess', examples=inputs)['features'].shape == (size, 4)


def test_far_from_the_origin_cancellation_changes_no_assignment(saved, points):
    far = points + np.array([1e5, 1e5, 1e5, 100000], np.float32)
    made = saved(clustering_of(far, SPEC, CLUSTERED))
    answer = made.call('features', features=far.astype(made.payload.row_type))
    distances = reference(made.payload, far)
    np.testing.assert_array_equal(answer['cluster_index'], distances.argmin(axis=1))
    np.testing.assert_allclose(answer['distance'], distances.min(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    ('metric', 'bad'),
    [
        *((metric, bad) for metric in METRICS for bad in (np.nan, np.inf, -np.inf)),
        ('squared_euclidean', 1e30),  # under cosine, a row of any finite length is valid
    ],
)
def test_a_row_that_is_not_a_valid_point_gets_no_cluster(saved, clustering, points, metric, bad):
    made = saved(clustering(metric))
    rows = points[:5].copy()
    rows[2, 0] = bad
    expected = {**answers_to(made, points[:5])}
    for name, answer in answers_to(made, rows).items():
        assert answer['cluster_index'][2] == -1, name
        assert np.isnan(answer['distance'][2])
        rest = [0, 1, 3, 4]
        for output, values in answer.items():
            np.testing.assert_array_equal(values[rest], expected[name][output][rest])
    examples = [example_of(row) for row in rows]
    assert made.call('cluster_index', examples=examples)['cluster_index'][2] == -1
    all_distances = made.call('all_distances', examples=examples)['all_distances']
    assert np.isnan(all_distances[2]).all() == (bad != 1e30)
    assert np.isfinite(all_distances[[0, 1, 3, 4]]).all()


def test_a_zero_row_under_cosine_gets_no_cluster(saved, clustering, points):
    made = saved(clustering('cosine'))
    rows = points[:3].copy()
    rows[1] = 0
    answer = made.call('features', features=rows)
    assert answer['cluster_index'][1] == -1
    assert np.isnan(answer['distance'][1])
    assert (answer['cluster_index'][[0, 2]] >= 0).all()
    tiny = made.call('features', features=rows * np.float32(1e-30))
    np.testing.assert_array_equal(tiny['cluster_index'], answer['cluster_index'])


def test_incomplete_examples_get_no_cluster_and_invalid_ones_are_errors(saved, points):
    made = saved()
    good = example_of(points[0])
    a, b, c = map(float, points[0][:3])
    lacking = [
        example(vector=[b, c], b_c=[3]),
        example(a=[a], b_c=[3]),
        example(a=[a], vector=[b, c]),
        example(a=[], vector=[b, c], b_c=[3]),
    ]
    for one in lacking:
        answer = made.call('examples', examples=[good, one, good])
        assert answer['cluster_index'][1] == -1
        assert np.isnan(answer['distance'][1])
        assert answer['cluster_index'][0] == answer['cluster_index'][2] >= 0
    for wrong in (
        example(a=[a, a], vector=[b, c], b_c=[3]),
        example(a=[3], vector=[b, c], b_c=[3]),
        example(a=[a], vector=[b], b_c=[3]),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r'(Key|Name).*(a|b c/d)'):
            made.call('examples', examples=[good, wrong])
    with pytest.raises(tf.errors.InvalidArgumentError, match='parse'):
        made.call('examples', examples=[good, b'no example'])


def test_an_input_of_a_wrong_shape_is_named_in_the_error(saved, points):
    made = saved()
    for width in (1, 3, 5):
        with pytest.raises(tf.errors.InvalidArgumentError, match='shape_of_features'):
            made.call('features', features=np.zeros((2, width), np.float32))
    wrong = {'a': points[:, 0], 'b c/d': points[:, 1:4], 'b_c': points[:, 3].astype(np.int64)}
    with pytest.raises(tf.errors.InvalidArgumentError, match='shape_of_b_c_d'):
        made.call('raw', **wrong)


def test_the_smallest_integer_counts_as_missing(saved, points):
    a, b, c = map(float, points[0][:3])
    lowest = example(a=[a], vector=[b, c], b_c=[-(2**63)])
    made = saved()
    assert made.call('examples', examples=[lowest])['cluster_index'] == [-1]
    raw = {'a': [a, a], 'b c/d': [[b, c]] * 2, 'b_c': [7, -(2**63)]}
    found = made.call('raw', **raw)
    assert found['cluster_index'][0] >= 0
    assert found['cluster_index'][1] == -1
    assert np.isnan(found['distance'][1])


def test_passthrough_features_are_returned_unchanged(saved, points):
    made = saved(passthrough=['id', 'tags', 'price', 'b_c'])
    examples = [
        example_of(points[0], id=[b'x'], tags=[b'p', b'q'], price=[1.5]),
        example_of(points[1], id=[b'y'], tags=[]),
    ]
    answer = made.call('examples', examples=examples)
    assert answer['id'].tolist() == [b'x', b'y']
    assert answer['tags'].tolist() == [[b'p', b'q'], [b'', b'']]
    np.testing.assert_array_equal(answer['price'], np.float32([1.5, np.nan]))
    np.testing.assert_array_equal(answer['b_c'], points[:2, 3])
    raw = made.call(
        'raw',
        **{
            'a': points[:2, 0],
            'b c/d': points[:2, 1:3],
            'b_c': points[:2, 3].astype(np.int64),
            'id': [b'x', b'y'],
            'tags': [[b'p', b'q'], [b'', b'']],
            'price': np.float32([1.5, np.nan]),
        },
    )
    for name, values in answer.items():
        np.testing.assert_array_equal(raw[name], values)
    assert set(made.call('features', features=points)) == {'cluster_index', 'distance'}
    answer = made.call('examples', examples=[example(a=[1.0], id=[b'z']), examples[0]])
    assert answer['id'].tolist() == [b'z', b'x']
    assert answer['cluster_index'].tolist() == [-1, answer['cluster_index'][1]]
    without_id = example(a=[1.0], vector=[2.0, 3.0], b_c=[4])
    answer = made.call('examples', examples=[without_id])
    assert answer['id'].tolist() == [b'']
    assert answer['cluster_index'][0] >= 0
    with pytest.raises(
        ValueError, match=r"passthrough_features names 'nope'.*Available features: 'a'"
    ):
        saved(passthrough=['nope'])


def test_raw_has_exactly_the_clustered_features_as_inputs(saved):
    inputs = saved().model.signatures['raw'].structured_input_signature[1]
    assert {name: (spec.shape.as_list(), spec.dtype) for name, spec in inputs.items()} == {
        'a': ([None], tf.float32),
        'b c/d': ([None, 2], tf.float32),
        'b_c': ([None], tf.int64),
    }


@pytest.mark.parametrize('default', ['examples', 'raw', 'features'])
def test_the_default_signature_is_the_chosen_one(saved, points, default):
    made = saved(default_signature=default)
    inputs = {
        'examples': {'examples': [example_of(row) for row in points]},
        'raw': {'a': points[:, 0], 'b c/d': points[:, 1:3], 'b_c': points[:, 3].astype(np.int64)},
        'features': {'features': points},
    }[default]
    answer = made.call('serving_default', **inputs)
    np.testing.assert_array_equal(
        answer['cluster_index'], reference(made.payload, points).argmin(axis=1)
    )


def test_attributes_of_a_loaded_model(saved, clustering):
    made = saved(clustering('cosine'))
    np.testing.assert_array_equal(made.model.centroids.numpy(), made.payload.centroids)
    np.testing.assert_array_equal(made.model.clusters.numpy(), made.payload.centroids)
    assert made.model.centroids.dtype == tf.float32
    assert made.model.feature_names.numpy().tolist() == [b'a', b'b c/d', b'b_c']
    assert made.model.column_names.numpy().tolist() == [b'a', b'b c/d[0]', b'b c/d[1]', b'b_c']
    assert made.model.metric.numpy() == b'cosine'
    inside = read_payload(str(made.folder / 'assets.extra' / 'tfx_kmeans'))
    assert inside.metadata == made.payload.metadata


def test_a_keras_layer(saved, points):
    import keras

    made = saved()
    layer = keras.layers.TFSMLayer(str(made.folder), call_endpoint='serving_default')
    inputs = keras.Input((), dtype='string')
    model = keras.Model(inputs, layer(inputs))
    answer = model(tf.constant([example_of(row) for row in points]))
    expected = reference(made.payload, points).argmin(axis=1)
    np.testing.assert_array_equal(answer['cluster_index'], expected)
