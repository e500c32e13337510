"""Rows and weights of raw tf.Examples, by the preprocessing that a model will be exported with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_kmeans.centroids.payload import PlacedFeature
from tfx_kmeans.serving.preprocessing import Preprocessing, row_of
from tfx_kmeans.serving.raw_features import parse


class RawRows:
    """Converts serialized tf.Examples to the rows that are clustered."""

    def __init__(
        self,
        preprocessing: Preprocessing,
        placed: Sequence[PlacedFeature],
        weight_feature: str | None = None,
    ) -> None:
        """Prepares the conversion.

        Args:
          preprocessing: Transformation of raw features to the clustered features and the weight.
          placed: Clustered features in column order.
          weight_feature: Name of the feature with the weight of a row; None for weights of 1.
        """
        self._preprocessing = preprocessing
        self._placed = placed
        self._weight_feature = weight_feature
        spec = tf.TensorSpec([None], tf.string)
        self._convert = tf.function(self._converted, input_signature=[spec], autograph=False)

    def __call__(self, records: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """The rows and their weights, float64 [n, d] and [n].

        If an example lacks a required feature, all values of its row are NaN.
        """
        rows, weights = self._convert(tf.constant(list(records), tf.string))
        return rows.numpy(), weights.numpy()

    def _converted(self, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = self._preprocessing.raw_features
        parsed, incomplete = parse(serialized, raw.values(), raw)
        features = self._preprocessing(parsed)
        row = row_of(features, self._placed, tf.float64)
        rows = tf.where(incomplete[:, tf.newaxis], tf.constant(np.nan, tf.float64), row)
        if self._weight_feature is None:
            return rows, tf.ones([tf.size(serialized)], tf.float64)
        return rows, tf.reshape(tf.cast(features[self._weight_feature], tf.float64), [-1])
