"""Fixtures: models that are saved with a schema or a Transform graph, and loaded again."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from tests.unit.serving.examples import CLUSTERED, SPEC, clustering_of
from tfx_kmeans.serving.export import ModelToSave
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing


@pytest.fixture(scope='session')
def points():
    """Rows of the clustered features, float32 [300, 4]; the last column has integers."""
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=5, size=(4, 4)) + 9
    rows = centers[rng.integers(4, size=300)] + rng.normal(size=(300, 4))
    rows[:, 3] = np.rint(rows[:, 3])
    return rows.astype(np.float32)


@pytest.fixture(scope='session')
def clustering(points):
    """Function that returns the payload of a clustering of the points, cached by options."""
    cache = {}

    def made(metric='squared_euclidean', **options):
        key = (metric, *sorted(options.items()))
        if key not in cache:
            cache[key] = clustering_of(points, SPEC, CLUSTERED, distance_metric=metric, **options)
        return cache[key]

    return made


@pytest.fixture(scope='session')
def from_schema():
    """Preprocessing without Transform, with at most one `price` per example."""
    schema = schema_utils.schema_from_feature_spec(SPEC)
    for feature in schema.feature:
        if feature.name == 'price':
            feature.value_count.max = 1
    return SchemaPreprocessing(SPEC, schema, CLUSTERED)


@pytest.fixture
def saved(tmp_path, clustering, from_schema):
    """Function that saves and loads a model, and returns it as a `Served`."""

    def made(payload=None, **options):
        payload = clustering() if payload is None else payload
        folder = tmp_path / f'model_{len(list(tmp_path.iterdir()))}'
        given = {'preprocessing': from_schema, **options}
        result = ModelToSave(payload, **given).save(str(folder))
        return Served(payload, folder, tf.saved_model.load(str(folder)), result)

    return made


@dataclasses.dataclass
class Served:
    """A saved model: its payload, folder, loaded model and the result of saving it."""

    payload: object
    folder: object
    model: object
    result: object

    def call(self, signature, **inputs):
        """The outputs of a signature, as arrays by name."""
        answer = self.model.signatures[signature](
            **{name: tf.constant(value) for name, value in inputs.items()}
        )
        return {name: value.numpy() for name, value in answer.items()}


@pytest.fixture(scope='session')
def transform_graph(tmp_path_factory):
    """A graph with vocabularies of a clustered feature, and of a label and tags that are not.

    Returns the folder of the graph, the raw rows and the matrix of transformed rows.
    """
    folder = tmp_path_factory.mktemp('transform')
    spec = {
        'n': tf.io.FixedLenFeature([], tf.float32),
        'color': tf.io.FixedLenFeature([], tf.string),
        'price': tf.io.VarLenFeature(tf.float32),
        'label': tf.io.FixedLenFeature([], tf.string),
        'tags': tf.io.VarLenFeature(tf.string),
    }

    def preprocessing_fn(inputs):
        color = tft.compute_and_apply_vocabulary(
            inputs['color'], num_oov_buckets=1, vocab_filename='colors'
        )
        price = tf.sparse.to_dense(
            tf.SparseTensor(
                inputs['price'].indices,
                inputs['price'].values,
                [inputs['price'].dense_shape[0], 1],
            ),
            default_value=-1.0,
        )
        tf.debugging.assert_less(inputs['n'], 1000.0, message='n is too large')
        tf.debugging.assert_none_equal(inputs['label'], 'z', message='label is wrong')
        return {
            'color': tf.one_hot(color, 3),
            'numbers': tf.concat([tft.scale_to_z_score(inputs['n'])[:, None], price], axis=1),
            'label': tft.compute_and_apply_vocabulary(inputs['label'], vocab_filename='labels'),
            'tags': tft.compute_and_apply_vocabulary(inputs['tags'], vocab_filename='tags'),
            'sneaky': tf.ensure_shape(
                tf.numpy_function(np.negative, [inputs['n']], tf.float32), [None]
            ),
        }

    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    rows = [
        {
            'n': float(index),
            'color': ['red', 'blue'][index % 2],
            'price': [index / 2.0] if index % 3 else [],
            'label': 'xy'[index % 2],
            'tags': ['old'],
        }
        for index in range(20)
    ]
    with tft_beam.Context(temp_dir=str(folder / 'temp')):
        (found, _), transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn
        )
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / 'graph'))
    raw = folder / 'graph' / 'metadata'
    raw.mkdir()
    raw.joinpath('schema.pbtxt').write_text(str(metadata.schema))
    matrix = np.array([[*row['color'], *row['numbers']] for row in found], np.float32)
    return str(folder / 'graph'), rows, matrix
