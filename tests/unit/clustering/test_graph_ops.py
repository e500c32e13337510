"""The TensorFlow operations, compared with NumPy and used in exported graphs."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tfx_kmeans
from tfx_kmeans.clustering.engine import gpu_engine
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows

METRICS = ('squared_euclidean', 'cosine')


def data(n=500, d=4, offset=0.0):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, d)) * 3 + offset).astype('f')


def unit(points):
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def reference(rows, weights, centroids, metric):
    """One iteration computed by the definition, in float64."""
    rows, centroids = rows.astype(float), centroids.astype(float)
    if metric == 'cosine':
        rows, centroids = unit(rows), unit(centroids)
        distances = 1 - rows @ centroids.T
    else:
        distances = np.square(rows[:, None] - centroids[None]).sum(axis=2)
    labels, nearest = distances.argmin(axis=1), distances.min(axis=1)
    member = np.eye(len(centroids))[labels] * weights[:, None]
    sums = member.T @ rows
    means = unit(sums) if metric == 'cosine' else sums / member.sum(axis=0)[:, None]
    return labels, nearest, means, sums, member.sum(axis=0), member.T @ nearest


@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize('offset', [0.0, 1000.0])
def test_a_step_matches_the_definition(metric, offset):
    rows = data(offset=offset)
    weights = np.random.default_rng(1).uniform(0, 2, len(rows))
    centroids = rows[:7]
    if metric == 'cosine' and offset:
        return  # all rows have nearly the same direction, which float32 cannot distinguish
    labels, nearest, means, sums, weight, inertia = reference(rows, weights, centroids, metric)
    step = tfx_kmeans.kmeans_step(rows, weights, centroids, metric)
    np.testing.assert_array_equal(step.cluster_index, labels)
    np.testing.assert_allclose(step.sums, sums, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(step.cluster_weight, weight, rtol=1e-12)
    np.testing.assert_allclose(step.cluster_inertia, inertia, rtol=1e-5)
    np.testing.assert_allclose(step.centroids, means, rtol=1e-5, atol=1e-5)
    index, distance = tfx_kmeans.assign(rows, centroids, metric)
    np.testing.assert_array_equal(index, labels)
    np.testing.assert_allclose(distance, nearest, rtol=1e-5, atol=1e-6)
    assert (index.dtype, distance.dtype) == (tf.int64, tf.float32)


def test_steps_of_batches_add_up():
    rows, centroids = data(), data()[:5]
    whole = tfx_kmeans.kmeans_step(rows, None, centroids)
    parts = [tfx_kmeans.kmeans_step(part, None, centroids) for part in (rows[:200], rows[200:])]
    np.testing.assert_allclose(parts[0].sums + parts[1].sums, whole.sums)
    weight = parts[0].cluster_weight + parts[1].cluster_weight
    np.testing.assert_allclose((parts[0].sums + parts[1].sums) / weight[:, None], whole.centroids)


def test_an_empty_cluster_keeps_its_centroid_and_ties_go_to_the_lowest_index():
    centroids = np.array([[0, 0], [0, 0], [1e3, 1e3]], 'f')
    step = tfx_kmeans.kmeans_step([[1.0, 1], [1, 3]], [1.0, 1], centroids)
    assert step.cluster_index.numpy().tolist() == [0, 0]
    np.testing.assert_array_equal(step.centroids, [[1, 2], [0, 0], [1e3, 1e3]])


def test_an_unknown_metric_is_rejected_by_name():
    with pytest.raises(ValueError, match=r"distance_metric must be one of .* got 'l1'"):
        tfx_kmeans.assign([[1.0]], [[1.0]], 'l1')


class Assigns(tf.Module):
    def __init__(self, centroids):
        super().__init__()
        self.centroids = tf.Variable(centroids)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def __call__(self, rows):
        return tfx_kmeans.assign(rows, self.centroids)._asdict()


def test_it_works_in_an_exported_model_without_python_functions(tmp_path):
    rows = data()
    module = Assigns(rows[:6])
    tf.saved_model.save(module, str(tmp_path))
    program = (
        'import sys, numpy as np, tensorflow as tf\n'
        'model = tf.saved_model.load(sys.argv[1])\n'
        'rows = np.load(sys.argv[2])\n'
        "np.save(sys.argv[3], model(tf.constant(rows))['cluster_index'].numpy())\n"
    )
    np.save(tmp_path / 'rows.npy', rows)
    command = [sys.executable, '-I', '-c', program, str(tmp_path)]
    subprocess.run(
        [*command, str(tmp_path / 'rows.npy'), str(tmp_path / 'found.npy')],
        check=True,
        capture_output=True,
    )
    expected = reference(rows, np.ones(len(rows)), rows[:6], 'squared_euclidean')[0]
    np.testing.assert_array_equal(np.load(tmp_path / 'found.npy'), expected)
    graph = module.__call__.get_concrete_function().graph.as_graph_def()
    called = {node.op for function in graph.library.function for node in function.node_def}
    assert 'MatMul' in called
    assert not {op for op in called if 'PyFunc' in op}


@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize('weighted', [False, True])
def test_a_fit_in_tensorflow_matches_a_fit_in_numpy(metric, weighted, monkeypatch):
    rows = data(n=3000) + 1
    weights = np.random.default_rng(2).uniform(0, 3, len(rows)) if weighted else None
    options = KMeansOptions(num_clusters=9, distance_metric=metric, relative_tolerance=0.0)
    monkeypatch.setattr('tfx_kmeans.clustering.steps.graph_step._BLOCK', 1024)
    fits = [
        fit_in_place(WeightedRows(rows.copy(), weights), options, engine=engine)
        for engine in (None, gpu_engine())
    ]
    np.testing.assert_allclose(fits[1].centroids, fits[0].centroids, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fits[1].cluster_weight, fits[0].cluster_weight)
    np.testing.assert_allclose(fits[1].inertia, fits[0].inertia, rtol=1e-5)
    assert fits[1].best.history[-1].moved == 0


def test_tensorflow_fills_empty_clusters_too():
    start = np.array([[0, 0, 0, 0], [1e3] * 4, [2e3] * 4], 'f')
    options = KMeansOptions(initial_clusters=start.tolist())
    fits = [
        fit_in_place(WeightedRows(data()), options, engine=engine)
        for engine in (None, gpu_engine())
    ]
    assert (fits[1].cluster_weight > 0).all()
    np.testing.assert_allclose(fits[1].centroids, fits[0].centroids, rtol=1e-4, atol=1e-5)
