"""From serialized tf.Examples to the rows that k-means sees, inside the served graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tensorflow_transform as tft

from tfx_kmeans.centroids.payload import PlacedFeature

Tensors = Mapping[str, Any]


class Preprocessing(Protocol):
    """Raw features in, dense numeric features out; held by the model as a tracked attribute.

    Attributes:
      raw_feature_spec: parsing spec of just the raw features that the result needs.
    """

    raw_feature_spec: dict[str, Any]

    def __call__(self, raw: Tensors) -> Tensors:
        """Parsed raw features, by name, to the features that were clustered, by name."""


class TransformPreprocessing(tf.Module):  # type: ignore[misc]
    """What a Transform graph does, less the raw features that the result does not depend on."""

    def __init__(self, transform_graph_uri: str, features: Sequence[str]) -> None:
        """Args:
        transform_graph_uri: folder of a TransformGraph artifact.
        features: the outputs of the graph that are wanted.
        """
        super().__init__(name='preprocessing')
        self._output = tft.TFTransformOutput(transform_graph_uri)
        self._layer = self._output.transform_features_layer()
        self._features = list(features)
        raw = self._output.raw_feature_spec()
        needed = _needed_raw_features(self._layer, raw, self._features)
        self.raw_feature_spec = {name: raw[name] for name in needed}

    def __call__(self, raw: Tensors) -> Tensors:
        """See `Preprocessing`."""
        transformed = self._layer(dict(raw))
        return {name: transformed[name] for name in self._features}


class SchemaPreprocessing(tf.Module):  # type: ignore[misc]
    """Raw features as they are, for pipelines without Transform."""

    def __init__(self, feature_spec: Mapping[str, Any], features: Sequence[str]) -> None:
        """Args:
        feature_spec: name to parsing spec, of the schema.
        features: the ones that are wanted.
        """
        super().__init__(name='preprocessing')
        self.raw_feature_spec = {name: feature_spec[name] for name in features}

    def __call__(self, raw: Tensors) -> Tensors:
        """See `Preprocessing`."""
        return raw


def _needed_raw_features(
    layer: Any, raw_spec: Mapping[str, Any], features: Sequence[str]
) -> list[str]:
    """The raw features without which the layer does not put out all of `features`.

    The layer leaves out what depends on a raw feature that is not given; so each one is left
    out once, in a graph that is thrown away.
    """
    needed = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)  # type: ignore[untyped-decorator]
    def probe(serialized: tf.Tensor) -> tf.Tensor:
        parsed = tf.io.parse_example(serialized, dict(raw_spec))
        for left_out in sorted(raw_spec):
            rest = {name: value for name, value in parsed.items() if name != left_out}
            if not rest or not set(features) <= set(layer(rest)):
                needed.append(left_out)
        return serialized

    probe.get_concrete_function()
    return needed


def row_of(features: Tensors, placed: Sequence[PlacedFeature]) -> tf.Tensor:
    """Features by name, each [n, ...], side by side in matrix order: float32 [n, d]."""
    columns = [
        tf.reshape(tf.cast(features[feature.name], tf.float32), [-1, feature.width])
        for feature in placed
    ]
    return tf.concat(columns, axis=1)
