"""Centroids with reduced precision: their size, their error and their range."""

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.serving.examples import CLUSTERED, SPEC, clustering_of, example_of, reference
from tfx_kmeans.errors import PrecisionError
from tfx_kmeans.serving.precision import stored_centroids
from tfx_kmeans.serving.precision_loss import precision_loss

REDUCED = ('float16', 'int8')


def bytes_of_variables(made):
    return sum(path.stat().st_size for path in (made.folder / 'variables').glob('*.data-*'))


@pytest.fixture(scope='module')
def large():
    """100 clusters in 64 columns, far from the origin."""
    rng = np.random.default_rng(1)
    rows = (rng.normal(size=(1000, 64)) * 3 + 1000).astype(np.float32)
    spec = {'v': tf.io.FixedLenFeature([64], tf.float32)}
    return rows, clustering_of(rows, spec, ['v'], num_clusters=100, max_iterations=3)


@pytest.mark.parametrize('metric', ['squared_euclidean', 'cosine'])
@pytest.mark.parametrize('precision', REDUCED)
def test_a_reduced_model_answers_according_to_its_centroids_variable(
    saved, clustering, points, metric, precision
):
    made = saved(clustering(metric), precision=precision)
    centroids = made.model.centroids.numpy()
    assert centroids.dtype == np.float32
    assert made.model.clusters.dtype == precision
    np.testing.assert_allclose(centroids, made.payload.centroids, atol=0.06, rtol=2e-3)
    if metric == 'cosine':
        np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-3)
    answer = made.call('features', features=points)
    distances = reference(made.payload, points)
    agree = answer['cluster_index'] == distances.argmin(axis=1)
    assert agree.mean() > 0.97
    points64 = points.astype(float)
    if metric == 'cosine':
        points64 /= np.linalg.norm(points64, axis=1, keepdims=True)
    squares = np.square(points64 - centroids[answer['cluster_index']].astype(float)).sum(axis=1)
    np.testing.assert_allclose(
        answer['distance'], squares / (2 if metric == 'cosine' else 1), rtol=1e-4, atol=1e-6
    )
    all_squares = np.square(points64[:, None] - centroids[None].astype(float)).sum(axis=2)
    np.testing.assert_array_equal(answer['cluster_index'], all_squares.argmin(axis=1))
    examples = [example_of(row) for row in points]
    found = made.call('all_distances', examples=examples)['all_distances']
    np.testing.assert_allclose(found.min(axis=1), answer['distance'], rtol=1e-4, atol=1e-6)


def test_reduced_centroids_take_half_or_a_quarter_of_the_space(saved, large):
    from tensorflow_transform.tf_metadata import schema_utils

    from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

    rows, payload = large
    spec = {'v': tf.io.FixedLenFeature([64], tf.float32)}
    schema = schema_utils.schema_from_feature_spec(spec)
    preprocessing = SchemaPreprocessing(spec, schema, ['v'])
    sizes, found = {}, {}
    for precision in ('float32', *REDUCED):
        made = saved(payload, preprocessing=preprocessing, precision=precision)
        checkpoint = tf.train.load_checkpoint(str(made.folder / 'variables' / 'variables'))
        shapes = checkpoint.get_variable_to_shape_map()
        types = checkpoint.get_variable_to_dtype_map()
        sizes[precision] = sum(
            np.prod(shape) * types[name].size
            for name, shape in shapes.items()
            if types[name] != tf.string
        )
        found[precision] = made.call('features', features=rows)
    exact, scale, norm = 100 * 64 * 4, 100 * 4, 100 * 4  # scale and norm are constants of the graph
    assert sizes['float32'] == 2 * exact
    assert sizes['float16'] == exact / 2
    assert sizes['int8'] + scale + norm <= exact / 4 + 100 * 12
    nearest = reference(payload, rows).argmin(axis=1)
    np.testing.assert_array_equal(found['float32']['cluster_index'], nearest)
    assert (found['float16']['cluster_index'] == nearest).mean() > 0.99
    assert (found['int8']['cluster_index'] == nearest).mean() > 0.8


def test_float16_rejects_values_out_of_range(points):
    payload = clustering_of(points * np.float32(1e4), SPEC, CLUSTERED)
    with pytest.raises(
        PrecisionError, match=r"maximum is 65504.*column 'a', .*cluster 0, .*'int8'"
    ):
        stored_centroids(payload, 'float16')
    assert np.isfinite(stored_centroids(payload, 'int8').centroids.numpy()).all()


def test_the_share_of_changed_assignments_is_counted(saved, clustering, points):
    payload = clustering(num_clusters=70)
    batches = [[example_of(row) for row in part] for part in np.array_split(points, 3)]
    batches[1].append(example_of([np.nan, 1, 1, 1]))
    made = saved(payload, precision='int8')
    loss = precision_loss(made.result.module, payload.assigner, batches)
    served = made.call('features', features=points)['cluster_index']
    expected = (served != reference(payload, points).argmin(axis=1)).sum()
    assert (loss.rows, loss.changed) == (300, expected)
    assert 0 < loss.changed < 30
    exact = saved(payload)
    assert precision_loss(exact.result.module, payload.assigner, batches).share == 0


def test_a_single_cluster_with_reduced_precision(saved, points):
    payload = clustering_of(points, SPEC, CLUSTERED, num_clusters=1)
    for precision in REDUCED:
        made = saved(payload, precision=precision)
        answer = made.call('features', features=points)
        assert (answer['cluster_index'] == 0).all()
        np.testing.assert_allclose(answer['distance'], reference(payload, points)[:, 0], rtol=1e-3)
