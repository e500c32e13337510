"""Models saved once from a schema or a Transform graph, and loaded again."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from tfx_kmeans.centroids.payload import Columns, payload_of
from tfx_kmeans.clustering.fit import fit_in_place
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.serving.export import ModelToSave
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

SPEC = {
    'a': tf.io.FixedLenFeature([], tf.float32),
    'b c/d': tf.io.FixedLenFeature([2], tf.float32),
    'b_c': tf.io.FixedLenFeature([], tf.int64),
    'id': tf.io.FixedLenFeature([], tf.string),
    'label': tf.io.FixedLenFeature([], tf.string),
    'tags': tf.io.VarLenFeature(tf.string),
    'price': tf.io.VarLenFeature(tf.float32),
}
CLUSTERED = ['a', 'b c/d', 'b_c']


def example(**features):
    """Features by name, 'b c/d' as `vector`; each a list."""
    if 'vector' in features:
        features['b c/d'] = features.pop('vector')
    kinds = {float: 'float_list', int: 'int64_list', bytes: 'bytes_list'}
    made = tf.train.Example()
    for name, values in features.items():
        made.features.feature[name].SetInParent()
        if values:
            getattr(made.features.feature[name], kinds[type(values[0])]).value.extend(values)
    return made.SerializeToString()


def example_of(row, **more):
    a, b, c, d = map(float, row)
    return example(a=[a], vector=[b, c], b_c=[int(d)], **{'id': [b'7'], **more})


def clustering_of(rows, spec, features, **options):
    wanted = KMeansOptions(**{'num_clusters': 4, **options})
    result = fit_in_place(WeightedRows(rows.copy()), wanted)
    return payload_of(result, Columns.of_layout(choose_layout(spec, features)), wanted)


def reference(payload, rows):
    """Distances to all centroids by the definition, in float64."""
    points, centroids = rows.astype(float), payload.centroids.astype(float)
    if payload.metadata.distance_metric == 'cosine':
        return 1 - points / np.linalg.norm(points, axis=1, keepdims=True) @ centroids.T
    return np.square(points[:, None] - centroids[None]).sum(axis=2)


@pytest.fixture(scope='session')
def points():
    """Rows of the clustered features; the last column is an integer."""
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=5, size=(4, 4)) + 9
    rows = centers[rng.integers(4, size=300)] + rng.normal(size=(300, 4))
    rows[:, 3] = np.rint(rows[:, 3])
    return rows.astype(np.float32)


@pytest.fixture(scope='session')
def clustering(points):
    cache = {}

    def made(metric='squared_euclidean', **options):
        key = (metric, *sorted(options.items()))
        if key not in cache:
            cache[key] = clustering_of(points, SPEC, CLUSTERED, distance_metric=metric, **options)
        return cache[key]

    return made


@pytest.fixture(scope='session')
def from_schema():
    schema = schema_utils.schema_from_feature_spec(SPEC)
    for feature in schema.feature:
        if feature.name == 'price':
            feature.value_count.max = 1
    return SchemaPreprocessing(SPEC, schema, CLUSTERED)


@pytest.fixture
def saved(tmp_path, clustering, from_schema):
    """Saves and loads a model: `payload`, `folder`, `model` and `ask(signature, **inputs)`."""

    def made(payload=None, **options):
        payload = clustering() if payload is None else payload
        folder = tmp_path / f'model_{len(list(tmp_path.iterdir()))}'
        given = {'preprocessing': from_schema, **options}
        result = ModelToSave(payload, **given).save(str(folder))
        return Served(payload, folder, tf.saved_model.load(str(folder)), result)

    return made


@dataclasses.dataclass
class Served:
    payload: object
    folder: object
    model: object
    result: object

    def ask(self, signature, **inputs):
        answer = self.model.signatures[signature](
            **{name: tf.constant(value) for name, value in inputs.items()}
        )
        return {name: value.numpy() for name, value in answer.items()}


@pytest.fixture(scope='session')
def transform_graph(tmp_path_factory):
    """Vocabularies of a clustered feature, of a label and of tags; the latter two are not used."""
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
