"""The tf.Module that is saved: centroids, preprocessing, and one function for each signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.clustering.graph_ops import assign_framed, normalised
from tfx_kmeans.clustering.options import COSINE_DISTANCE
from tfx_kmeans.serving.preprocessing import Preprocessing, row_of


class KMeansModule(tf.Module):  # type: ignore[misc]
    """A clustering that can be served.

    Attributes:
      clusters: float32 variable [k, d], the centroids in feature space.
      centroids: the same, under the name that users look for.
    """

    def __init__(self, payload: CentroidsPayload, preprocessing: Preprocessing) -> None:
        """Args:
        payload: the centroids, and the layout of their columns.
        preprocessing: from raw features to those that were clustered.
        """
        super().__init__(name='tfx_kmeans')
        self.clusters = tf.Variable(
            payload.centroids, trainable=False, name=names.CLUSTER_CENTERS_VAR_NAME
        )
        self.centroids = self.clusters
        self.preprocessing = preprocessing
        self._placed = payload.metadata.features
        self._metric = payload.metadata.distance_metric
        self._shift = payload.shift.astype(np.float32)
        framed = payload.centroids - self._shift
        self._half_norms = (np.square(framed.astype(np.float64)).sum(axis=1) / 2).astype(np.float32)

    def preprocess(self, serialized: tf.Tensor) -> tf.Tensor:
        """Serialized tf.Examples, string [n], to rows, float32 [n, d]."""
        raw = tf.io.parse_example(serialized, self.preprocessing.raw_feature_spec)
        return row_of(self.preprocessing(raw), self._placed)

    def assign(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Rows, float32 [n, d], to the nearest cluster and the distance to its centroid.

        The nearest by one matmul of shifted rows and centroids; the distance from the row and
        its centroid themselves.
        """
        points = normalised(rows) if self._metric == COSINE_DISTANCE else rows
        index, distance = assign_framed(
            points, self.clusters, self._shift, self._half_norms, self._metric
        )
        return {names.CLUSTER_INDEX: index, names.DISTANCE: distance}

    def signatures(self, default_signature: str) -> dict[str, Any]:
        """Concrete functions by signature name (see docs/serving.md)."""
        served = {
            names.EXAMPLES_SIGNATURE: self._on_examples(
                lambda serialized: self.assign(self.preprocess(serialized))
            ),
            names.FEATURES_SIGNATURE: self._on_features(self.assign),
            names.PREPROCESS_SIGNATURE: self._on_examples(
                lambda serialized: {names.FEATURES_SIGNATURE: self.preprocess(serialized)}
            ),
        }
        return {**served, names.DEFAULT_SIGNATURE: served[default_signature]}

    def _on_examples(self, function: Callable[[tf.Tensor], dict[str, tf.Tensor]]) -> Any:
        return _concrete(function, tf.TensorSpec([None], tf.string, names.EXAMPLES_SIGNATURE))

    def _on_features(self, function: Callable[[tf.Tensor], dict[str, tf.Tensor]]) -> Any:
        width = self.clusters.shape[1]
        spec = tf.TensorSpec([None, width], tf.float32, names.FEATURES_SIGNATURE)
        return _concrete(function, spec)


def _concrete(function: Callable[..., Any], spec: tf.TensorSpec) -> Any:
    traced = tf.function(function, input_signature=[spec], autograph=False)
    return traced.get_concrete_function()
