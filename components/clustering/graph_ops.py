"""k-means inside a TensorFlow graph: `assign` and `kmeans_step`.

Both consist of plain TensorFlow operations, so they can be used in a Keras model, a tf.Module or a
preprocessing_fn, can be exported, and run on any device.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfx_kmeans.clustering.metric import SQUARED_EUCLIDEAN_DISTANCE, Metric, metric_of


class Assignment(NamedTuple):
    """Nearest centroids of rows.

    Attributes:
      cluster_index: Index of the nearest centroid, int64 [n].
      distance: Distance to that centroid, computed from the differences, float32 [n].
    """

    cluster_index: tf.Tensor
    distance: tf.Tensor


class KMeansStep(NamedTuple):
    """Result of one iteration of Lloyd's algorithm.

    Attributes:
      centroids: Weighted means of the clusters, float32 [k, d]; of length one under cosine. A
        cluster without weight keeps its centroid.
      sums: Sums of weight times row, float64 [k, d]; rows are normalised under cosine.
      cluster_weight: Sums of the weights, float64 [k].
      cluster_inertia: Sums of weight times distance to the input centroids, float64 [k].
      cluster_index: Index of each row's nearest input centroid, int64 [n].
    """

    centroids: tf.Tensor
    sums: tf.Tensor
    cluster_weight: tf.Tensor
    cluster_inertia: tf.Tensor
    cluster_index: tf.Tensor


@tf.function(autograph=False)  # type: ignore[untyped-decorator]
def assign(
    rows: tf.Tensor, centroids: tf.Tensor, distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE
) -> Assignment:
    """The nearest centroid of each row and the distance to it, in float32.

    The nearest centroids are found by one matmul. The mean of the centroids is subtracted from rows
    and centroids first, because data far from the origin would otherwise lose its distances to
    cancellation. Ties go to the lowest index.

    Args:
      rows: Rows, numbers [n, d].
      centroids: Centroids, numbers [k, d].
      distance_metric: Distance metric: 'squared_euclidean', or 'cosine' for 1 - cos. Under cosine,
        rows of zeros have a distance of 1/2 to all centroids.

    Raises:
      ParameterError: If `distance_metric` is none of these.

    Example:
      >>> import tfx_kmeans
      >>> rows, centroids = [[1.0, 0.0], [8.0, 9.0]], [[0.0, 0.0], [8.0, 8.0]]
      >>> assignment = tfx_kmeans.assign(rows, centroids)
      >>> assignment.cluster_index.numpy().tolist()
      [0, 1]
      >>> assignment.distance.numpy().tolist()
      [1.0, 1.0]
    """
    metric = metric_of(distance_metric)
    rows, centroids = _points(rows, metric), _points(centroids, metric)
    shift = tf.zeros_like(centroids[0])
    if metric.centred:
        shift = tf.reduce_mean(centroids, axis=0)
    framed = centroids - shift
    half_norms = tf.reduce_sum(tf.square(framed), axis=1) / 2
    scores = tf.matmul(rows - shift, framed, transpose_b=True)
    index = tf.argmin(half_norms - scores, axis=1, output_type=tf.int64)
    distance = tf.reduce_sum(tf.square(rows - tf.gather(centroids, index)), axis=1)
    return Assignment(index, metric.distance(distance))


@tf.function(autograph=False)  # type: ignore[untyped-decorator]
def kmeans_step(
    rows: tf.Tensor,
    weights: tf.Tensor | None,
    centroids: tf.Tensor,
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE,
) -> KMeansStep:
    """One iteration of Lloyd's algorithm: assigns rows to centroids and computes new centroids.

    Sums are computed in float64, by a matmul with a membership matrix, float64 [n, k]. To limit its
    size, pass many rows in batches and add up the sums and weights of the batches; the centroids of
    all rows are then sums / cluster_weight, or under cosine the sums divided by their lengths.

    Args:
      rows: Rows, numbers [n, d].
      weights: Weights of the rows, numbers [n], not negative; None for 1 each.
      centroids: Centroids, numbers [k, d].
      distance_metric: Distance metric: 'squared_euclidean', or 'cosine' for 1 - cos.

    Raises:
      ParameterError: If `distance_metric` is none of these.

    Example:
      >>> import tfx_kmeans
      >>> rows, centroids = [[0.0], [2.0], [10.0]], [[0.0], [8.0]]
      >>> step = tfx_kmeans.kmeans_step(rows, None, centroids)
      >>> step.centroids.numpy().tolist()
      [[1.0], [10.0]]
      >>> step.cluster_inertia.numpy().tolist()
      [4.0, 4.0]
    """
    metric = metric_of(distance_metric)
    assigned = assign(rows, centroids, distance_metric)
    points = tf.cast(_points(rows, metric), tf.float64)
    weights64 = tf.ones_like(points[:, 0]) if weights is None else tf.cast(weights, tf.float64)
    k = tf.shape(centroids)[0]
    membership = tf.one_hot(assigned.cluster_index, k, dtype=tf.float64) * weights64[:, tf.newaxis]
    sums = tf.matmul(membership, points, transpose_a=True)
    weight = tf.reduce_sum(membership, axis=0)
    inertia = tf.linalg.matvec(membership, tf.cast(assigned.distance, tf.float64), transpose_a=True)
    means = _means(sums, weight, tf.cast(centroids, tf.float32), metric)
    return KMeansStep(means, sums, weight, inertia, assigned.cluster_index)


def _normalised(rows: tf.Tensor) -> tf.Tensor:
    """Rows divided by their length; scaled first, so that squares do not overflow or underflow."""
    scaled = tf.math.divide_no_nan(rows, tf.reduce_max(tf.abs(rows), axis=1, keepdims=True))
    return tf.math.divide_no_nan(scaled, tf.norm(scaled, axis=1, keepdims=True))


def _points(rows: tf.Tensor, metric: Metric) -> tf.Tensor:
    rows = tf.cast(rows, tf.float32)
    return _normalised(rows) if metric.normalised else rows


def _means(sums: tf.Tensor, weight: tf.Tensor, previous: tf.Tensor, metric: Metric) -> tf.Tensor:
    lengths = tf.norm(sums, axis=1, keepdims=True)
    divisor = lengths if metric.normalised else weight[:, tf.newaxis]
    means = tf.cast(tf.math.divide_no_nan(sums, divisor), tf.float32)
    return tf.where(divisor > 0, means, previous)
