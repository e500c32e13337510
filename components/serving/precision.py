"""Centroids stored in float32, float16 or int8, and the computation of distances to them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.errors import PrecisionError

FLOAT32, FLOAT16, INT8 = PRECISIONS = ('float32', 'float16', 'int8')
_FLOAT16_MAX = float(np.finfo(np.float16).max)
_INT8_MAX = 127


class StoredCentroids(tf.Module):  # type: ignore[misc]
    """Centroids in float32 and in feature space, as they were trained.

    The nearest centroid c of a row x has the highest score (x - s).(c - s) - |c - s|^2 / 2, which
    takes one matmul for all centroids. The shift s keeps the numbers small if the data is far from
    the origin.

    The centroids minus the shift are stored in addition to the centroids in feature space, so that
    calls do not have to subtract.

    Attributes:
      clusters: Variable with the centroids as stored, [k, d].
      centroids: Variable with the centroids in feature space that distances are measured to,
        float32 [k, d].
    """

    def __init__(self, payload: CentroidsPayload) -> None:
        """Stores the centroids in variables.

        Args:
          payload: Payload of the centroids artifact.
        """
        super().__init__(name='stored_centroids')
        self._metric = payload.metric
        self._wide = payload.wide
        self._shift = payload.shift.astype(np.float64 if self._wide else np.float32)
        self.clusters = self._stored_variable(payload)
        self.centroids = self._float32_variable(payload)
        lengths = _squared_lengths(self._served_centroids(payload) - payload.shift)
        self._bias = tf.constant(-lengths / 2, tf.float32)

    def assign(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Assigns rows [n, d]; returns `cluster_index` int64 [n] and `distance` float32 [n].

        Rows are float32, or float64 if the payload is `wide`.
        The distance is computed from the row and its centroid, not from the score. If it is not
        finite, because the row is not, the index is `NO_CLUSTER` and the distance NaN.
        """
        points, framed = self._points(rows)
        nearest = tf.argmax(self._scores(framed), axis=1)
        squares = tf.math.squared_difference(points, self._centroids_at(nearest))
        distance = self._metric.distance(tf.reduce_sum(squares, axis=1))
        valid = tf.math.is_finite(distance)
        return {
            names.CLUSTER_INDEX: _index_or_none(valid, nearest),
            names.DISTANCE: tf.where(valid, distance, np.nan),
        }

    def nearest(self, rows: tf.Tensor) -> tf.Tensor:
        """Assigns rows [n, d]; returns only the index that `assign` returns, int64 [n]."""
        _, framed = self._points(rows)
        valid = tf.math.is_finite(tf.reduce_sum(tf.square(framed), axis=1))
        return _index_or_none(valid, tf.argmax(self._scores(framed), axis=1))

    def all_distances(self, rows: tf.Tensor) -> tf.Tensor:
        """Distances of rows [n, d] to all centroids, float32 [n, k].

        Takes one matmul of (-2 x, |x|^2, 1) and (c, 1, |c|^2) in float64, which keeps all
        significant digits of a float32 despite cancellation. All distances of a row that is not
        finite are NaN.
        """
        framed = tf.cast(self._points(rows)[1], tf.float64)
        centroids = tf.cast(self._framed_centroids(), tf.float64)
        lengths = tf.reduce_sum(tf.square(framed), axis=1, keepdims=True)
        left = tf.concat([-2 * framed, lengths, tf.ones_like(lengths)], axis=1)
        squared = tf.maximum(tf.matmul(left, _with_lengths(centroids), transpose_b=True), 0)
        blank = tf.where(tf.math.is_finite(lengths), tf.constant(0.0), np.nan)
        return tf.cast(self._metric.distance(squared), tf.float32) + blank

    def _points(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Points to measure distances from, and the same points minus the shift.

        Under cosine, both are the normalised rows, and a row of zeros becomes NaN. Rows are scaled
        before they are normalised, so that squares neither overflow nor underflow.

        The shift is subtracted from wide rows in float64, and both are what is left.
        """
        if self._wide:
            framed = tf.cast(rows - self._shift, tf.float32)
            return framed, framed
        if not self._metric.normalised:
            return rows, rows - self._shift
        scaled = rows / tf.reduce_max(tf.abs(rows), axis=1, keepdims=True)
        points = scaled / tf.norm(scaled, axis=1, keepdims=True)
        return points, points

    def _scores(self, framed: tf.Tensor) -> tf.Tensor:
        products = tf.matmul(framed, self._factors(), transpose_b=True)
        return tf.nn.bias_add(self._scaled(products), self._bias)

    def _stored_variable(self, payload: CentroidsPayload) -> tf.Variable:
        stored = _constant_variable(payload.centroids, names.CLUSTER_CENTERS_VAR_NAME)
        self._framed = stored
        if payload.shift.any():
            self._framed = _constant_variable(payload.framed, 'clusters_less_shift')
        return stored

    def _float32_variable(self, payload: CentroidsPayload) -> tf.Variable:  # noqa: ARG002  # subclasses use it
        return self.clusters

    def _served_centroids(self, payload: CentroidsPayload) -> np.ndarray:
        """The centroids in feature space that distances are measured to, float64 [k, d]."""
        return payload.exact_centroids.astype(np.float64)

    def _factors(self) -> tf.Tensor:
        """The right factors of the scores, float32 [k, d]: centroids, each up to a scale."""
        return tf.identity(self._framed)

    def _scaled(self, products: tf.Tensor) -> tf.Tensor:
        return products

    def _framed_centroids(self) -> tf.Tensor:
        return self._factors()

    def _centroids_at(self, index: tf.Tensor) -> tf.Tensor:
        """The centroid of each index, float32 [n, d], in the space of the points of `_points`."""
        return tf.gather(self._framed if self._wide else self.clusters, index)


class ReducedCentroids(StoredCentroids):
    """Centroids minus the shift, stored as float16.

    The variable `centroids` takes no space in the files; its value is computed on loading.
    """

    def _stored_variable(self, payload: CentroidsPayload) -> tf.Variable:
        _check_float16_range(payload)
        framed = payload.framed.astype(np.float16)
        return _constant_variable(framed, names.CLUSTER_CENTERS_VAR_NAME)

    def _float32_variable(self, payload: CentroidsPayload) -> tf.Variable:
        width = payload.centroids.shape[1]
        nothing = tf.zeros([0, width])
        shape = tf.TensorShape([None, width])
        variable = tf.Variable(nothing, trainable=False, shape=shape, name='centroids')
        self._filling = _FilledOnLoad(self, variable)
        return variable

    def _served_centroids(self, payload: CentroidsPayload) -> np.ndarray:
        return self._framed_centroids().numpy().astype(np.float64) + payload.shift

    def in_feature_space(self) -> tf.Tensor:
        """The centroids in feature space that distances are measured to, float32 [k, d]."""
        return self._framed_centroids() + tf.cast(self._shift, tf.float32)

    def _points(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        _, framed = super()._points(rows)
        return framed, framed

    def _factors(self) -> tf.Tensor:
        return tf.cast(self.clusters, tf.float32)

    def _centroids_at(self, index: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(self.clusters, index), tf.float32)


class QuantisedCentroids(ReducedCentroids):
    """Centroids minus the shift, stored as int8 values q with one scale each: c - s = scale * q.

    Under cosine, the scale gives the centroid a length of 1.
    """

    def _stored_variable(self, payload: CentroidsPayload) -> tf.Variable:
        framed = payload.framed.astype(np.float64)
        largest = np.abs(framed).max(axis=1, keepdims=True)
        scales = np.where(largest > 0, largest, 1.0) / _INT8_MAX
        quantised = np.rint(framed / scales).astype(np.int8)
        if self._metric.normalised:
            scales = 1 / np.sqrt(_squared_lengths(quantised))[:, np.newaxis]
        self._scales = tf.constant(scales[:, 0], tf.float32)
        return _constant_variable(quantised, names.CLUSTER_CENTERS_VAR_NAME)

    def _scaled(self, products: tf.Tensor) -> tf.Tensor:
        return products * self._scales

    def _framed_centroids(self) -> tf.Tensor:
        return self._factors() * self._scales[:, tf.newaxis]

    def _centroids_at(self, index: tf.Tensor) -> tf.Tensor:
        return super()._centroids_at(index) * tf.gather(self._scales, index)[:, tf.newaxis]


class _FilledOnLoad(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
    """Computes the value of a variable on loading, so that the files do not have to contain it."""

    def __init__(self, stored: ReducedCentroids, variable: tf.Variable) -> None:
        super().__init__()
        self._stored = stored
        self._variable = variable

    def _create_resource(self) -> tf.Tensor:
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name='filled_on_load')

    def _initialize(self) -> None:
        self._variable.assign(self._stored.in_feature_space())


def stored_centroids(payload: CentroidsPayload, precision: str) -> StoredCentroids:
    """Stores centroids in one of `PRECISIONS`.

    Args:
      payload: Payload of the centroids artifact.
      precision: Precision of the stored centroids.

    Raises:
      PrecisionError: If the precision cannot represent a value; names the clusters and columns.
    """
    kinds = {FLOAT32: StoredCentroids, FLOAT16: ReducedCentroids, INT8: QuantisedCentroids}
    return kinds[precision](payload)


def _check_float16_range(payload: CentroidsPayload) -> None:
    framed = payload.framed
    values = np.abs(framed)
    if not payload.wide:  # `centroids` would be rounded again
        values = np.maximum(np.abs(payload.centroids), values)
    over = values > _FLOAT16_MAX
    if over.any():
        columns = [payload.metadata.column_names[index] for index in np.flatnonzero(over.any(0))]
        clusters = np.flatnonzero(over.any(axis=1)).tolist()
        raise PrecisionError(
            f'precision is {FLOAT16!r}, whose maximum is {_FLOAT16_MAX:.0f}, but centroids have '
            f'larger values: in column {", ".join(map(repr, columns))} of cluster '
            f'{", ".join(map(str, clusters))}. Scale these features in Transform, or choose '
            f'{FLOAT32!r} or {INT8!r}.'
        )


def _with_lengths(centroids: tf.Tensor) -> tf.Tensor:
    """(c, 1, |c|^2) of each centroid c, [k, d + 2]."""
    lengths = tf.reduce_sum(tf.square(centroids), axis=1, keepdims=True)
    return tf.concat([centroids, tf.ones_like(lengths), lengths], axis=1)


def _index_or_none(valid: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    return tf.where(valid, index, tf.constant(names.NO_CLUSTER, tf.int64))


def _squared_lengths(rows: np.ndarray) -> np.ndarray:
    return np.square(rows.astype(np.float64)).sum(axis=1)


def _constant_variable(values: np.ndarray, name: str) -> tf.Variable:
    return tf.Variable(values, trainable=False, name=name)
