"""Serialized tf.Examples to the rows that are clustered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import PlacedFeature
from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.source import feature_spec_of_record

# The second where TensorFlow's message quotes bytes that are no text.
_REFUSALS = (tf.errors.InvalidArgumentError, UnicodeDecodeError)

RowsOfExamples = Callable[[list[bytes]], np.ndarray]


def rows_of_raw_examples(model: str) -> RowsOfExamples:
    """The preprocessing of a SavedModel, as its signature `preprocess` has it."""
    loaded = tf.saved_model.load(model)
    preprocess = loaded.signatures[names.PREPROCESS_SIGNATURE]

    def rows_of(serialized: list[bytes]) -> np.ndarray:
        try:
            found = preprocess(examples=tf.constant(serialized))
        except _REFUSALS as error:
            raise DataError(f'The examples are none that {model} takes: {error}') from error
        rows: np.ndarray = found[names.FEATURES_SIGNATURE].numpy()
        return rows

    rows_of.model = loaded  # type: ignore[attr-defined]  # the signature does not keep it alive
    return rows_of


def rows_of_examples(features: Sequence[PlacedFeature]) -> RowsOfExamples:
    """Takes features as they are, in matrix order."""

    def rows_of(serialized: list[bytes]) -> np.ndarray:
        spec = _spec(features, serialized[0])
        try:
            parsed = tf.io.parse_example(serialized, spec)
        except _REFUSALS as error:
            raise DataError(f'The examples do not fit the model: {error}') from error
        columns = [tf.cast(parsed[feature.name], tf.float32).numpy() for feature in features]
        return np.concatenate(columns, axis=1)

    return rows_of


def _spec(features: Sequence[PlacedFeature], record: bytes) -> dict[str, tf.io.FixedLenFeature]:
    """A parsing spec for the features, of the types that the first example has."""
    found = feature_spec_of_record('examples', record)
    missing = [feature.name for feature in features if feature.name not in found]
    if missing:
        raise DataError(
            f'The examples have no {", ".join(map(repr, missing))}, which the model clusters by. '
            f'They have: {", ".join(map(repr, sorted(found))) or "no feature"}.'
        )
    return {
        feature.name: tf.io.FixedLenFeature([feature.width], found[feature.name].dtype)
        for feature in features
    }
