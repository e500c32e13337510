"""How exactly the served centroids are stored, and what follows for their arithmetic."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.clustering.options import COSINE_DISTANCE

FLOAT32, FLOAT16, INT8 = PRECISIONS = ('float32', 'float16', 'int8')
_FLOAT16_MAX = float(np.finfo(np.float16).max)
_INT8_MAX = 127


class PrecisionError(ValueError):
    """Centroids that a precision cannot hold."""


class StoredCentroids(tf.Module):  # type: ignore[misc]
    """Centroids in float32, in feature space, as they were trained.

    The nearest has the highest score (x - s).(c - s) - |c - s|^2 / 2, by one matmul; s, the shift,
    keeps the numbers small where the data is far from the origin.

    The centroids less the shift are stored beside those in feature space, so that no call has to
    subtract.

    Attributes:
      clusters: variable [k, d].
      centroids: float32 variable [k, d], in feature space, what distances are taken to.
    """

    def __init__(self, payload: CentroidsPayload) -> None:
        """Args:
        payload: of the centroids artifact.
        """
        super().__init__(name='stored_centroids')
        self._cosine = payload.metadata.distance_metric == COSINE_DISTANCE
        self._shift = payload.shift.astype(np.float32)
        self.clusters = self._stored(payload)
        self.centroids = self._readable(payload)
        lengths = _squared_lengths(self._as_served(payload) - payload.shift)
        self._bias = tf.constant(-lengths / 2, tf.float32)

    def assign(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Points, float32 [n, d], to `cluster_index` int64 [n] and `distance` float32 [n].

        The distance is taken from the row and its centroid. Where it is not finite, because the
        row is not, the index is `NO_CLUSTER`, the distance NaN.
        """
        points, framed = self._placed(rows)
        nearest = tf.argmax(self._scores(framed), axis=1)
        squares = tf.math.squared_difference(points, self._gathered(nearest))
        distance = self._of_squared(tf.reduce_sum(squares, axis=1))
        answered = tf.math.is_finite(distance)
        return {
            names.CLUSTER_INDEX: _index_where(answered, nearest),
            names.DISTANCE: tf.where(answered, distance, np.nan),
        }

    def nearest(self, rows: tf.Tensor) -> tf.Tensor:
        """Points, float32 [n, d], to the index of `assign` alone, int64 [n]."""
        _, framed = self._placed(rows)
        answered = tf.math.is_finite(tf.reduce_sum(tf.square(framed), axis=1))
        return _index_where(answered, tf.argmax(self._scores(framed), axis=1))

    def all_distances(self, rows: tf.Tensor) -> tf.Tensor:
        """Points, float32 [n, d], to their distances to all centroids, float32 [n, k].

        By one matmul in float64, (-2 x, |x|^2, 1) with (c, 1, |c|^2), whose cancellation leaves
        all digits of a float32 that matter. A row that is not finite is NaN throughout.
        """
        framed = tf.cast(self._placed(rows)[1], tf.float64)
        centroids = tf.cast(self._framed_centroids(), tf.float64)
        lengths = tf.reduce_sum(tf.square(framed), axis=1, keepdims=True)
        left = tf.concat([-2 * framed, lengths, tf.ones_like(lengths)], axis=1)
        squared = tf.maximum(tf.matmul(left, _with_lengths(centroids), transpose_b=True), 0)
        blank = tf.where(tf.math.is_finite(lengths), tf.constant(0.0), np.nan)
        return tf.cast(self._of_squared(squared), tf.float32) + blank

    def _of_squared(self, squared: tf.Tensor) -> tf.Tensor:
        """The metric's distance; of points of length one, 1 - cos is half the squared distance."""
        return squared / 2 if self._cosine else squared

    def _placed(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Points to take distances from, and the same less the shift; zeros as NaN under cosine.

        A row is scaled before it is normalised, so that no square overflows or vanishes.
        """
        if not self._cosine:
            return rows, rows - self._shift
        scaled = rows / tf.reduce_max(tf.abs(rows), axis=1, keepdims=True)
        points = scaled / tf.norm(scaled, axis=1, keepdims=True)
        return points, points

    def _scores(self, framed: tf.Tensor) -> tf.Tensor:
        products = tf.matmul(framed, self._factors(), transpose_b=True)
        return tf.nn.bias_add(self._scaled(products), self._bias)

    def _stored(self, payload: CentroidsPayload) -> tf.Variable:
        stored = _fixed(payload.centroids, names.CLUSTER_CENTERS_VAR_NAME)
        framed = (payload.centroids - payload.shift).astype(np.float32)
        self._framed = _fixed(framed, 'clusters_less_shift') if payload.shift.any() else stored
        return stored

    def _readable(self, payload: CentroidsPayload) -> tf.Variable:  # noqa: ARG002  # subclasses use it
        return self.clusters

    def _as_served(self, payload: CentroidsPayload) -> np.ndarray:
        """What distances are taken to, float64 [k, d], in feature space."""
        return payload.centroids.astype(np.float64)

    def _factors(self) -> tf.Tensor:
        """What rows are multiplied with, float32 [k, d]: the centroids but for a scale of each."""
        return tf.identity(self._framed)

    def _scaled(self, products: tf.Tensor) -> tf.Tensor:
        return products

    def _framed_centroids(self) -> tf.Tensor:
        return self._factors()

    def _gathered(self, index: tf.Tensor) -> tf.Tensor:
        """The centroid of each index, float32 [n, d], where distances are taken from points."""
        return tf.gather(self.clusters, index)


class ReducedCentroids(StoredCentroids):
    """Centroids less the shift, as float16.

    `centroids` takes no room in the files: it is filled when the model is loaded.
    """

    def _stored(self, payload: CentroidsPayload) -> tf.Variable:
        _refuse_overflow(payload)
        framed = (payload.centroids - payload.shift).astype(np.float16)
        return _fixed(framed, names.CLUSTER_CENTERS_VAR_NAME)

    def _readable(self, payload: CentroidsPayload) -> tf.Variable:
        width = payload.centroids.shape[1]
        nothing = tf.zeros([0, width])
        shape = tf.TensorShape([None, width])
        variable = tf.Variable(nothing, trainable=False, shape=shape, name='centroids')
        self._filling = _FilledOnLoad(self, variable)
        return variable

    def _as_served(self, payload: CentroidsPayload) -> np.ndarray:
        return self._framed_centroids().numpy().astype(np.float64) + payload.shift

    def in_feature_space(self) -> tf.Tensor:
        """What distances are taken to, float32 [k, d]."""
        return self._framed_centroids() + self._shift

    def _placed(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        _, framed = super()._placed(rows)
        return framed, framed

    def _factors(self) -> tf.Tensor:
        return tf.cast(self.clusters, tf.float32)

    def _gathered(self, index: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(self.clusters, index), tf.float32)


class QuantisedCentroids(ReducedCentroids):
    """Centroids less the shift, as int8 and one scale for each: c - s = scale * q.

    Under cosine the scale makes the centroid's length one.
    """

    def _stored(self, payload: CentroidsPayload) -> tf.Variable:
        framed = payload.centroids - payload.shift
        largest = np.abs(framed).max(axis=1, keepdims=True)
        scales = np.where(largest > 0, largest, 1.0) / _INT8_MAX
        quantised = np.rint(framed / scales).astype(np.int8)
        if self._cosine:
            scales = 1 / np.sqrt(_squared_lengths(quantised))[:, np.newaxis]
        self._scales = tf.constant(scales[:, 0], tf.float32)
        return _fixed(quantised, names.CLUSTER_CENTERS_VAR_NAME)

    def _scaled(self, products: tf.Tensor) -> tf.Tensor:
        return products * self._scales

    def _framed_centroids(self) -> tf.Tensor:
        return self._factors() * self._scales[:, tf.newaxis]

    def _gathered(self, index: tf.Tensor) -> tf.Tensor:
        return super()._gathered(index) * tf.gather(self._scales, index)[:, tf.newaxis]


class _FilledOnLoad(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
    """Gives a variable its value whenever the model is loaded, so that no file has to hold it."""

    def __init__(self, stored: ReducedCentroids, variable: tf.Variable) -> None:
        super().__init__()
        self._stored = stored
        self._variable = variable

    def _create_resource(self) -> tf.Tensor:
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name='filled_on_load')

    def _initialize(self) -> None:
        self._variable.assign(self._stored.in_feature_space())


def stored_centroids(payload: CentroidsPayload, precision: str) -> StoredCentroids:
    """The centroids in one of `PRECISIONS`.

    Raises:
      PrecisionError: naming clusters and columns whose values the precision cannot hold.
    """
    kinds = {FLOAT32: StoredCentroids, FLOAT16: ReducedCentroids, INT8: QuantisedCentroids}
    return kinds[precision](payload)


def _refuse_overflow(payload: CentroidsPayload) -> None:
    framed = payload.centroids - payload.shift
    over = np.maximum(np.abs(payload.centroids), np.abs(framed)) > _FLOAT16_MAX
    if over.any():
        columns = [payload.metadata.column_names[index] for index in np.flatnonzero(over.any(0))]
        clusters = np.flatnonzero(over.any(axis=1)).tolist()
        raise PrecisionError(
            f'precision is {FLOAT16!r}, which ends at {_FLOAT16_MAX:.0f}, but centroids have '
            f'larger values: in column {", ".join(map(repr, columns))} of cluster '
            f'{", ".join(map(str, clusters))}. Scale these features in Transform, or choose '
            f'{FLOAT32!r} or {INT8!r}.'
        )


def _with_lengths(centroids: tf.Tensor) -> tf.Tensor:
    """(c, 1, |c|^2) of each centroid c, [k, d + 2]."""
    lengths = tf.reduce_sum(tf.square(centroids), axis=1, keepdims=True)
    return tf.concat([centroids, tf.ones_like(lengths), lengths], axis=1)


def _index_where(answered: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    return tf.where(answered, index, tf.constant(names.NO_CLUSTER, tf.int64))


def _squared_lengths(rows: np.ndarray) -> np.ndarray:
    return np.square(rows.astype(np.float64)).sum(axis=1)


def _fixed(values: np.ndarray, name: str) -> tf.Variable:
    return tf.Variable(values, trainable=False, name=name)
