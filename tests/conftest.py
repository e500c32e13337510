"""Fixtures shared by all tests. TFX is not imported here, because unit tests run without it."""

import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '-1')

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, payload_of
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.serving.export import ModelToSave
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

pytest.register_assert_rewrite('tests.unit.clustering.steps.step_contract')

SPEC = {
    'a': tf.io.FixedLenFeature([], tf.float32),
    'b': tf.io.FixedLenFeature([], tf.float32),
    'c': tf.io.FixedLenFeature([], tf.float32),
}


@pytest.fixture
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=5, size=(4, 3)) + 7
    return (centers[rng.integers(4, size=500)] + rng.normal(size=(500, 3))).astype(np.float32)


@pytest.fixture
def make_payload(rows):
    def make(**options: object) -> CentroidsPayload:
        wanted = KMeansOptions(**{'num_clusters': 4, **options})
        result = fit_in_place(WeightedRows(rows.copy()), wanted)
        return payload_of(result, Columns.of_layout(choose_layout(SPEC)), wanted)

    return make


@pytest.fixture
def payload(make_payload) -> CentroidsPayload:
    return make_payload()


@pytest.fixture
def on_disk(tmp_path, rows):
    """Creates a model, its centroids and raw examples in the folders of the returned namespace."""

    def make(names=('a', 'b', 'c')):
        names = sorted(names)  # the order of the columns
        spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in names}
        options = KMeansOptions(num_clusters=4)
        result = fit_in_place(WeightedRows(rows.copy()), options)
        found = payload_of(result, Columns.of_layout(choose_layout(spec, names)), options)
        folders = {name: tmp_path / name for name in ('model', 'centroids', 'examples')}
        schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=name) for name in names])
        preprocessing = SchemaPreprocessing(spec, schema, names)
        ModelToSave(found, preprocessing).save(str(folders['model']))
        write_payload(folders['centroids'], found)
        folders['examples'].mkdir()
        with tf.io.TFRecordWriter(str(folders['examples'] / 'part-0')) as writer:
            for row in rows:
                example = tf.train.Example()
                for name, value in zip(names, row, strict=True):
                    example.features.feature[name].float_list.value.append(value)
                writer.write(example.SerializeToString())
        return SimpleNamespace(payload=found, **folders)

    return make
