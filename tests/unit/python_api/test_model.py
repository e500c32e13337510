"""KMeansModel: the methods of the Estimator's KMeans."""

import itertools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.cluster import KMeans
from tensorflow.python.summary.summary_iterator import summary_iterator

import tfx_kmeans
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.errors import CentroidsError, DataError


@pytest.fixture(scope='module')
def data():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=6, size=(5, 3)) + 50
    return (centers[rng.integers(5, size=900)] + rng.normal(size=(900, 3))).astype('f')


@pytest.fixture(scope='module')
def model(data):
    return tfx_kmeans.fit(data, 5, num_restarts=3, column_names=['a', 'b', 'c'])


@pytest.fixture(scope='module')
def theirs(data, model):
    """scikit-learn's model with the same centroids."""
    return KMeans(5, init=model.cluster_centers().astype(float), n_init=1, max_iter=1).fit(
        data.astype(float)
    )


def example(row, **more):
    feature = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in zip('abc', row, strict=False)
    }
    return tf.train.Example(features=tf.train.Features(feature={**feature, **more}))


def squared_distances(rows, centers):
    return np.square(rows[:, None].astype(float) - centers[None].astype(float)).sum(axis=2)


def test_predictions_match_scikit_learn(data, model, theirs):
    fresh = data[:300] + 0.5
    assert np.array_equal(model.predict_cluster_index(fresh), theirs.predict(fresh.astype(float)))
    np.testing.assert_allclose(
        model.transform(fresh), squared_distances(fresh, model.cluster_centers()), rtol=1e-5
    )
    expected = squared_distances(fresh, model.cluster_centers()).min(axis=1)
    assert np.isclose(model.score(fresh), expected.sum(), rtol=1e-6)
    weights = np.arange(300.0)
    assert np.isclose(model.score(fresh, weights), expected @ weights, rtol=1e-6)
    assert model.score(data) > 0
    assert np.isclose(model.score(data), model.inertia, rtol=1e-6)


def test_centers_are_a_copy(model):
    model.cluster_centers()[:] = 0
    assert model.cluster_centers().any()


def test_predict_yields_the_estimators_dicts(data, model):
    answers = list(model.predict(data[:7]))
    assert [sorted(answer) for answer in answers] == [['all_distances', 'cluster_index']] * 7
    indices = [answer[tfx_kmeans.CLUSTER_INDEX] for answer in answers]
    assert indices == model.predict_cluster_index(data[:7]).tolist()
    distances = [answer[tfx_kmeans.ALL_DISTANCES] for answer in answers]
    np.testing.assert_array_equal(distances, model.transform(data[:7]))


@pytest.mark.parametrize(
    'form',
    [
        lambda examples: examples,
        lambda examples: (e.SerializeToString() for e in examples),
        lambda examples: tf.constant([e.SerializeToString() for e in examples]),
        lambda examples: np.array([e.SerializeToString() for e in examples], object),
    ],
    ids=['messages', 'generator of bytes', 'tensor', 'array'],
)
def test_predict_takes_examples(data, model, form):
    ignored = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b'x']))
    examples = [example(row, z=ignored) for row in data[:50]]
    found = [answer['cluster_index'] for answer in model.predict(form(examples))]
    assert found == model.predict_cluster_index(data[:50]).tolist()


def test_predict_reads_no_more_examples_than_needed(data, model):
    endless = (example(row) for row in itertools.cycle(data))
    assert len(list(itertools.islice(model.predict(endless), 10))) == 10


def test_rows_may_be_a_data_frame_or_a_tensor(data, model):
    expected = model.predict_cluster_index(data).tolist()
    frame = pd.DataFrame(data, columns=['a', 'b', 'c'])
    assert model.predict_cluster_index(frame).tolist() == expected
    assert model.predict_cluster_index(tf.constant(data)).tolist() == expected
    assert [answer['cluster_index'] for answer in model.predict(frame)] == expected
    assert list(model.predict(data[:0])) == []


def test_the_columns_of_a_data_frame_are_reordered(data, model):
    frame = pd.DataFrame(data, columns=['a', 'b', 'c'])
    found = model.predict_cluster_index(frame[['c', 'a', 'b']])
    assert np.array_equal(found, model.predict_cluster_index(data))
    with pytest.raises(
        ValueError, match=r'must have the columns of the model, a, b, c; got a, b, z'
    ):
        model.transform(frame.rename(columns={'c': 'z'}))


def test_an_evaluation_is_logged_under_its_name(data, model, tmp_path):
    logs = str(tmp_path / 'logs')
    found = model.evaluate(data, log_dir=logs)
    assert np.isclose(found.inertia, model.inertia)
    named = model.evaluate([example(row) for row in data[:100]], name='fresh', log_dir=logs)
    assert named.rows == 100
    runs = {path.name: path for path in (tmp_path / 'logs').iterdir()}
    assert sorted(runs) == ['eval', 'eval_fresh']
    (events,) = runs['eval_fresh'].iterdir()
    values = {
        value.tag: (float(tf.make_ndarray(value.tensor)), event.step)
        for event in summary_iterator(str(events))
        for value in event.summary.value
        if value.tag != 'cluster_weight'
    }
    assert values['inertia'] == (np.float32(named.inertia), model.metadata.iterations)
    assert set(values) == {'inertia', 'silhouette', 'simplified_silhouette', 'davies_bouldin'}
    model.evaluate(data, log_dir=None)
    assert len(list((tmp_path / 'logs').iterdir())) == 2


def test_a_saved_model_can_be_loaded(data, model, tmp_path):
    folder = tmp_path / 'artifact'
    model.save(str(folder))
    artifact = type('Artifact', (), {'uri': str(folder)})()
    for source in (folder, str(folder), artifact):
        loaded = tfx_kmeans.KMeansModel.load(source)
        assert loaded.metadata == model.metadata
        assert np.array_equal(loaded.predict_cluster_index(data), model.predict_cluster_index(data))
    assert loaded.source == str(folder)


def test_the_newest_model_of_a_pushed_folder_is_loaded(model, data, tmp_path):
    older = tfx_kmeans.fit(data, 2)
    for version, one in (('9', older), ('10', model)):
        write_payload(str(tmp_path / version / 'assets.extra' / 'tfx_kmeans'), one.payload)
    assert tfx_kmeans.KMeansModel.load(tmp_path).metadata.num_clusters == 5
    assert tfx_kmeans.KMeansModel.load(tmp_path / '9').metadata.num_clusters == 2
    with pytest.raises(CentroidsError, match=r'contains no centroids: there is no metadata\.json'):
        tfx_kmeans.KMeansModel.load(tmp_path / 'nowhere')


@pytest.mark.parametrize(
    ('call', 'error', 'message'),
    [
        (lambda m: m.transform([[1.0, 2]]), ValueError, r'shape \[n, 3\].* got \[1, 2\]'),
        (lambda m: m.score([[1.0, 2, np.inf]]), ValueError, "column 'c': 0 NaN, 1 infinite"),
        (lambda m: list(m.predict([example([1.0, 2])])), DataError, "have no 'c', which the model"),
        (lambda m: list(m.predict([b'\xff'])), DataError, 'is not a tf.Example'),
        (
            lambda m: list(m.predict([example([1, 2, 3]), example([1, 2])])),
            DataError,
            'do not match the model: .*Feature: c .*is required',
        ),
        (lambda m: m.evaluate([], log_dir=None), ValueError, 'rows must have the shape'),
        (lambda m: m.evaluate(np.ones((0, 3)), log_dir=None), ValueError, 'are no rows to eval'),
    ],
)
def test_invalid_rows_are_rejected(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)
