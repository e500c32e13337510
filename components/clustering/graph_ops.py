"""k-means inside a TensorFlow graph: `assign` and `kmeans_step`.

Both are plain TensorFlow operations, so that they can stand in a Keras model, a tf.Module or a
preprocessing_fn, be exported, and run on any device.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfx_kmeans.checking import check_choice
from tfx_kmeans.clustering.options import (
    COSINE_DISTANCE,
    DISTANCE_METRICS,
    SQUARED_EUCLIDEAN_DISTANCE,
)


class Assignment(NamedTuple):
    """Where rows belong.

    Attributes:
      cluster_index: int64 [n].
      distance: float32 [n], to that cluster's centroid, from the row and the centroid themselves.
    """

    cluster_index: tf.Tensor
    distance: tf.Tensor


class KMeansStep(NamedTuple):
    """One Lloyd iteration over rows.

    Attributes:
      centroids: float32 [k, d], the clusters' weighted means (under cosine, of length one); that
        of a cluster without weight is the one it had.
      sums: float64 [k, d], of weight times row, the row normalised under cosine.
      cluster_weight: float64 [k].
      cluster_inertia: float64 [k], of weight times distance to the centroids that came in.
      cluster_index: int64 [n].
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

    Nearest by one matmul, after the centroids' mean is taken off rows and centroids, without which
    data far from the origin would lose its distances to cancellation. Ties go to the lowest index.

    Args:
      rows: numbers [n, d].
      centroids: numbers [k, d].
      distance_metric: 'squared_euclidean' or 'cosine' (1 - cos; rows of zeros have a distance of
        1/2 to all centroids).

    Raises:
      ValueError: for another metric.
    """
    check_choice('distance_metric', distance_metric, DISTANCE_METRICS)
    rows, centroids = _points(rows, distance_metric), _points(centroids, distance_metric)
    shift = tf.zeros_like(centroids[0])
    if distance_metric == SQUARED_EUCLIDEAN_DISTANCE:
        shift = tf.reduce_mean(centroids, axis=0)
    framed = centroids - shift
    half_norms = tf.reduce_sum(tf.square(framed), axis=1) / 2
    scores = tf.matmul(rows - shift, framed, transpose_b=True)
    index = tf.argmin(half_norms - scores, axis=1, output_type=tf.int64)
    distance = tf.reduce_sum(tf.square(rows - tf.gather(centroids, index)), axis=1)
    return Assignment(index, distance / 2 if distance_metric == COSINE_DISTANCE else distance)


@tf.function(autograph=False)  # type: ignore[untyped-decorator]
def kmeans_step(
    rows: tf.Tensor,
    weights: tf.Tensor | None,
    centroids: tf.Tensor,
    distance_metric: str = SQUARED_EUCLIDEAN_DISTANCE,
) -> KMeansStep:
    """Assigns rows to the nearest centroids and sums up; one iteration of Lloyd's algorithm.

    Sums are added up in float64 by a matmul with the rows' membership, float64 [n, k]: give many
    rows in batches. Sums and weights of batches may be added; the centroids of all of them are
    then sums / cluster_weight.

    Args:
      rows: numbers [n, d].
      weights: numbers [n], not negative; None for 1 each.
      centroids: numbers [k, d].
      distance_metric: 'squared_euclidean' or 'cosine'.

    Raises:
      ValueError: for another metric.
    """
    assigned = assign(rows, centroids, distance_metric)
    points = tf.cast(_points(rows, distance_metric), tf.float64)
    known = tf.ones_like(points[:, 0]) if weights is None else tf.cast(weights, tf.float64)
    k = tf.shape(centroids)[0]
    membership = tf.one_hot(assigned.cluster_index, k, dtype=tf.float64) * known[:, tf.newaxis]
    sums = tf.matmul(membership, points, transpose_a=True)
    weight = tf.reduce_sum(membership, axis=0)
    inertia = tf.linalg.matvec(membership, tf.cast(assigned.distance, tf.float64), transpose_a=True)
    means = _means(sums, weight, tf.cast(centroids, tf.float32), distance_metric)
    return KMeansStep(means, sums, weight, inertia, assigned.cluster_index)


def _normalised(rows: tf.Tensor) -> tf.Tensor:
    """Rows divided by their length; scaled first, so that no square overflows or vanishes."""
    scaled = tf.math.divide_no_nan(rows, tf.reduce_max(tf.abs(rows), axis=1, keepdims=True))
    return tf.math.divide_no_nan(scaled, tf.norm(scaled, axis=1, keepdims=True))


def _points(rows: tf.Tensor, distance_metric: str) -> tf.Tensor:
    rows = tf.cast(rows, tf.float32)
    return _normalised(rows) if distance_metric == COSINE_DISTANCE else rows


def _means(
    sums: tf.Tensor, weight: tf.Tensor, before: tf.Tensor, distance_metric: str
) -> tf.Tensor:
    if distance_metric == COSINE_DISTANCE:
        divisor = tf.norm(sums, axis=1, keepdims=True)
    else:
        divisor = weight[:, tf.newaxis]
    means = tf.cast(tf.math.divide_no_nan(sums, divisor), tf.float32)
    return tf.where(divisor > 0, means, before)
