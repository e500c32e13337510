"""Converts serialized tf.Examples to rows of the features that were clustered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import PlacedFeature
from tfx_kmeans.data.source import feature_spec_of_record
from tfx_kmeans.errors import DataError

# UnicodeDecodeError: if TensorFlow's error message quotes bytes that are not UTF-8.
_PARSE_ERRORS = (tf.errors.InvalidArgumentError, UnicodeDecodeError)

RowsOfExamples = Callable[[list[bytes]], np.ndarray]


def rows_of_raw_examples(model: str) -> RowsOfExamples:
    """Conversion of raw examples by the signature `preprocess` of a SavedModel.

    The returned function raises DataError if an example does not match the model.
    """
    loaded = tf.saved_model.load(model)
    preprocess = loaded.signatures[names.PREPROCESS_SIGNATURE]

    def rows_of(serialized: list[bytes]) -> np.ndarray:
        try:
            found = preprocess(examples=tf.constant(serialized))
        except _PARSE_ERRORS as error:
            raise DataError(f'The examples do not match the model {model}: {error}') from error
        rows: np.ndarray = found[names.FEATURES_SIGNATURE].numpy()
        return rows

    rows_of.model = loaded  # type: ignore[attr-defined]  # a signature does not keep its model alive
    return rows_of


def rows_of_examples(features: Sequence[PlacedFeature]) -> RowsOfExamples:
    """Conversion of examples that hold the clustered features themselves, in matrix order.

    The returned function raises DataError if an example lacks a feature.
    """

    def rows_of(serialized: list[bytes]) -> np.ndarray:
        spec = _spec(features, serialized[0])
        try:
            parsed = tf.io.parse_example(serialized, spec)
        except _PARSE_ERRORS as error:
            raise DataError(f'The examples do not match the model: {error}') from error
        columns = [parsed[feature.name].numpy() for feature in features]
        return np.concatenate(columns, axis=1)

    return rows_of


def _spec(features: Sequence[PlacedFeature], record: bytes) -> dict[str, tf.io.FixedLenFeature]:
    """Parsing spec of the features, with the types that they have in the first example."""
    found = feature_spec_of_record('examples', record)
    missing = [feature.name for feature in features if feature.name not in found]
    if missing:
        raise DataError(
            f'The examples have no {", ".join(map(repr, missing))}, which the model clusters by. '
            f'Their features: {", ".join(map(repr, sorted(found))) or "none"}.'
        )
    return {
        feature.name: tf.io.FixedLenFeature([feature.width], found[feature.name].dtype)
        for feature in features
    }
