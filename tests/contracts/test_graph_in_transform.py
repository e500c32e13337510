"""`tfx_kmeans.assign` in a preprocessing_fn, and in the graph that Transform writes."""

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

import tfx_kmeans

CENTROIDS = np.array([[0, 0], [4, 0], [0, 9]], np.float32)


def preprocessing_fn(inputs):
    rows = tf.stack([inputs['x'], inputs['y']], axis=1)
    index, distance = tfx_kmeans.assign(rows, CENTROIDS)
    return {'cluster': index, 'distance': distance}


def test_assign_works_in_a_preprocessing_fn(tmp_path):
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in 'xy'}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    rows = [{'x': 1.0, 'y': 1.0}, {'x': 3.5, 'y': 0.0}, {'x': 0.0, 'y': 8.0}]
    with tft_beam.Context(temp_dir=str(tmp_path / 'temp')):
        (found, _), transform_fn = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn
        )
        assert [row['cluster'] for row in found] == [0, 1, 2]
        np.testing.assert_allclose([row['distance'] for row in found], [2, 0.25, 1])
        _ = transform_fn | tft_beam.WriteTransformFn(str(tmp_path / 'graph'))
    layer = tft.TFTransformOutput(str(tmp_path / 'graph')).transform_features_layer()
    served = layer({'x': tf.constant([5.0]), 'y': tf.constant([1.0])})
    assert served['cluster'].numpy().ravel().tolist() == [1]
