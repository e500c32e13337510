"""From raw features to the rows that k-means sees, inside the served graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from tfx_kmeans.centroids.payload import PlacedFeature
from tfx_kmeans.serving.raw_features import RawFeature, Tensors, raw_features_of


class Preprocessing(Protocol):
    """Raw features in, dense numeric features out.

    Attributes:
      resources: tables and variables that it uses, which the model must hold.
      raw_features: just those that the result needs, by name.
      all_raw_features: those that the examples have, by name.
    """

    resources: list[Any]
    raw_features: dict[str, RawFeature]
    all_raw_features: dict[str, RawFeature]

    def digest(self) -> str:
        """A text that is the same where the same is computed."""

    def __call__(self, raw: Tensors) -> Tensors:
        """Parsed raw features, by name, to the features that were clustered, by name."""


class SchemaPreprocessing:
    """Raw features as they are, for pipelines without Transform."""

    def __init__(self, feature_spec: Any, schema: Any, features: Sequence[str]) -> None:
        """Args:
        feature_spec: name to parsing spec, of the schema.
        schema: the Schema itself.
        features: the ones that are wanted.
        """
        self.resources: list[Any] = []
        self.all_raw_features = raw_features_of(feature_spec, schema)
        self.raw_features = {name: self.all_raw_features[name] for name in features}

    def digest(self) -> str:
        """See `Preprocessing`."""
        return repr(sorted((name, repr(one.spec)) for name, one in self.raw_features.items()))

    def __call__(self, raw: Tensors) -> Tensors:
        """See `Preprocessing`."""
        return raw


def row_of(features: Tensors, placed: Sequence[PlacedFeature]) -> tf.Tensor:
    """Features by name, each [n, ...], side by side in matrix order: float32 [n, d]."""
    columns = [
        tf.reshape(tf.cast(features[feature.name], tf.float32), [-1, feature.width])
        for feature in placed
    ]
    return columns[0] if len(columns) == 1 else tf.concat(columns, axis=1)
