"""Raw examples, clusterings of them, and the answers that a served model must give."""

import numpy as np
import tensorflow as tf

from tfx_kmeans.centroids.payload import Columns, payload_of
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import choose_layout

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
    """A serialized tf.Example of lists of values by feature name, with 'b c/d' as `vector`."""
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
    """A serialized tf.Example with a row of the clustered features, an id, and more features."""
    a, b, c, d = map(float, row)
    return example(a=[a], vector=[b, c], b_c=[int(d)], **{'id': [b'7'], **more})


def clustering_of(rows, spec, features, **options):
    """The payload of a clustering of rows [n, d], with 4 clusters unless the options say so."""
    all_options = KMeansOptions(**{'num_clusters': 4, **options})
    result = fit_in_place(WeightedRows(rows.copy()), all_options)
    return payload_of(result, Columns.of_layout(choose_layout(spec, features)), all_options)


def reference(payload, rows):
    """Distances [n, k] to all centroids according to the definition, in float64."""
    points, centroids = rows.astype(float), payload.exact_centroids.astype(float)
    if payload.metadata.distance_metric == 'cosine':
        return 1 - points / np.linalg.norm(points, axis=1, keepdims=True) @ centroids.T
    return np.square(points[:, None] - centroids[None]).sum(axis=2)
