"""Preprocessing inside the served graph: raw features to the rows that are clustered."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from tfx_kmeans.centroids.payload import PlacedFeature
from tfx_kmeans.serving.raw_features import RawFeature, Tensors, raw_features_of


class Preprocessing(Protocol):
    """Transformation of raw features to dense numeric features.

    Attributes:
      resources: Tables and variables that the transformation uses; the model must track them.
      raw_features: Raw features that the result depends on, by name.
      all_raw_features: All raw features of the examples, by name.
    """

    resources: list[Any]
    raw_features: dict[str, RawFeature]
    all_raw_features: dict[str, RawFeature]

    def digest(self) -> str:
        """A text that is equal for equal transformations."""

    def __call__(self, raw: Tensors) -> Tensors:
        """Transforms parsed raw features, by name, to the clustered features, by name."""


class SchemaPreprocessing:
    """Passes raw features through unchanged, for pipelines without Transform."""

    def __init__(self, feature_spec: Any, schema: Any, features: Sequence[str]) -> None:
        """Selects raw features.

        Args:
          feature_spec: Parsing specs of the schema, by feature name.
          schema: Schema of the raw examples.
          features: Names of the clustered features.
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


def row_of(
    features: Tensors, placed: Sequence[PlacedFeature], dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Concatenates features, each [n, ...], in column order to rows [n, d] of a dtype.

    Args:
      features: Values of the features, by name.
      placed: Features in column order.
    """
    columns = [
        _columns_of([features[feature.name] for feature in alike], width, dtype)
        for (width, _), alike in itertools.groupby(placed, lambda one: _kind(features, one))
    ]
    return columns[0] if len(columns) == 1 else tf.concat(columns, axis=1)


def _kind(features: Tensors, placed: PlacedFeature) -> tuple[int, tf.DType | str]:
    """What consecutive features share that become columns together: 0 and the type of scalars."""
    values = features[placed.name]
    return (0, values.dtype) if values.shape.rank == 1 else (placed.width, placed.name)


def _columns_of(values: Sequence[tf.Tensor], width: int, dtype: tf.DType) -> tf.Tensor:
    """Scalars, each [n], or one feature of a width as columns [n, ...] of a dtype."""
    if not width:
        return tf.cast(tf.stack(values, axis=1), dtype)
    return tf.reshape(tf.cast(values[0], dtype), [-1, width])
