"""The tf.Module that is saved: centroids, preprocessing, and one function per signature."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.errors import ParameterError, UnservableFeatureError
from tfx_kmeans.serving.precision import FLOAT32, stored_centroids
from tfx_kmeans.serving.preprocessing import Preprocessing, row_of
from tfx_kmeans.serving.raw_arguments import raw_arguments
from tfx_kmeans.serving.raw_features import RawFeature, Tensors, parse, shaped, without_marks
from tfx_kmeans.serving.serving_input import ServingInput

Outputs = dict[str, tf.Tensor]

_log = logging.getLogger(__name__)


class KMeansModule(tf.Module):  # type: ignore[misc]
    """A clustering that can be served.

    A loaded model has the same attributes.

    Attributes:
      clusters: Variable with the centroids as stored, [k, d].
      centroids: Variable with the centroids in feature space, float32 [k, d].
      feature_names: Variable with the names of the clustered features, in column order, string.
      column_names: Variable with the names of the columns, string [d].
      metric: Variable with the distance metric, 'squared_euclidean' or 'cosine'.
    """

    def __init__(
        self,
        payload: CentroidsPayload,
        preprocessing: Preprocessing,
        precision: str = FLOAT32,
        passthrough: Sequence[str] = (),
    ) -> None:
        """Builds the module.

        Args:
          payload: Centroids, and the layout of their columns.
          preprocessing: Transformation of raw features to the clustered features.
          precision: Precision of the stored centroids, one of `serving.precision.PRECISIONS`.
          passthrough: Names of raw features to return unchanged in addition to the answer.

        Raises:
          ParameterError: If the examples do not have a passthrough feature.
          PrecisionError: If the precision cannot represent the centroids.
        """
        super().__init__(name='tfx_kmeans')
        metadata = payload.metadata
        self._stored = stored_centroids(payload, precision)
        self.clusters = self._stored.clusters
        self.centroids = self._stored.centroids
        feature_names = [feature.name for feature in metadata.features]
        self.feature_names = tf.Variable(feature_names, trainable=False)
        self.column_names = tf.Variable(list(metadata.column_names), trainable=False)
        self.metric = tf.Variable(metadata.distance_metric, trainable=False)
        self._resources = list(preprocessing.resources)
        self._preprocessing = preprocessing
        self._placed = metadata.features
        self._row_dtype = tf.as_dtype(payload.row_type)
        self._passthrough = _chosen(preprocessing.all_raw_features, passthrough)

    @property
    def raw_inputs(self) -> dict[str, RawFeature]:
        """Raw features that are needed for an answer, by name."""
        return {**self._preprocessing.raw_features, **self._passthrough}

    def preprocess(self, serialized: tf.Tensor) -> tf.Tensor:
        """Converts serialized tf.Examples, string [n], to rows [n, d].

        Rows are float32, or float64 if the payload is `wide`.

        If an example lacks a required feature, all values of its row are NaN.
        """
        features = self._preprocessing.raw_features
        return self._rows_of_parsed(*parse(serialized, features.values(), features))

    def assign(self, rows: tf.Tensor) -> Outputs:
        """Assigns rows [n, d]; returns `cluster_index` and `distance`."""
        return self._stored.assign(rows)

    def answer_examples(self, serialized: tf.Tensor) -> Outputs:
        """Assigns serialized tf.Examples, string [n].

        Returns `cluster_index`, `distance` and the passthrough features.
        """
        needed = self._preprocessing.raw_features
        parsed, incomplete = parse(serialized, self.raw_inputs.values(), needed)
        return self._answers(parsed, incomplete)

    def answer_raw(self, dense: Tensors) -> Outputs:
        """Assigns raw features given as dense tensors, by name.

        Returns the same outputs as `answer_examples`.
        """
        raw = {name: feature.of_dense(dense[name]) for name, feature in self.raw_inputs.items()}
        count = tf.shape(next(iter(dense.values())))[0]
        needed = self._preprocessing.raw_features
        return self._answers(*without_marks(raw, self.raw_inputs, needed, count))

    def answer_parsed(self, raw: Tensors) -> Outputs:
        """Assigns raw features given in the form in which parsing returns them, by name.

        Returns the same outputs as `answer_examples`.
        """
        rows = row_of(self._preprocessing(raw), self._placed, self._row_dtype)
        return {**self.assign(rows), **self._passed_through(raw)}

    def nearest(self, serialized: tf.Tensor) -> Outputs:
        """Assigns serialized tf.Examples, string [n]; returns only `cluster_index`."""
        return {names.CLUSTER_INDEX: self._stored.nearest(self.preprocess(serialized))}

    def all_distances(self, serialized: tf.Tensor) -> Outputs:
        """Returns `all_distances`, float32 [n, k], for serialized tf.Examples, string [n]."""
        return {names.ALL_DISTANCES: self._stored.all_distances(self.preprocess(serialized))}

    def _answers(self, parsed: Tensors, incomplete: tf.Tensor) -> Outputs:
        rows = self._rows_of_parsed(parsed, incomplete)
        return {**self.assign(rows), **self._passed_through(parsed)}

    def _rows_of_parsed(self, parsed: Tensors, incomplete: tf.Tensor) -> tf.Tensor:
        rows = row_of(self._preprocessing(parsed), self._placed, self._row_dtype)
        return tf.where(incomplete[:, tf.newaxis], tf.constant(np.nan, rows.dtype), rows)

    def _passed_through(self, parsed: Tensors) -> Outputs:
        return {name: feature.to_dense(parsed[name]) for name, feature in self._passthrough.items()}

    def signatures(self, serving_input: ServingInput | None = None) -> dict[str, Any]:
        """Concrete functions by signature name (see docs/serving.md), without `serving_default`.

        The signature `raw` is missing, and a warning is logged, if a raw feature cannot be given
        as one dense tensor.

        Args:
          serving_input: User-defined serving input; None for a model without one.

        Raises:
          ServingInputError: If the serving input does not return what the model needs.
        """
        width = self.centroids.shape[1]
        rows = tf.TensorSpec([None, width], self._row_dtype, names.FEATURES_SIGNATURE)
        found = {
            names.EXAMPLES_SIGNATURE: _on_examples(self.answer_examples),
            names.FEATURES_SIGNATURE: _concrete(
                lambda given: self.assign(shaped(given, rows, names.FEATURES_SIGNATURE)), rows
            ),
            names.ALL_DISTANCES: _on_examples(self.all_distances),
            names.CLUSTER_INDEX: _on_examples(self.nearest),
            names.PREPROCESS_SIGNATURE: _on_examples(
                lambda serialized: {names.FEATURES_SIGNATURE: self.preprocess(serialized)}
            ),
        }
        try:
            found[names.RAW_SIGNATURE] = self._on_raw()
        except UnservableFeatureError as error:
            _log.warning('The model has no signature %r: %s', names.RAW_SIGNATURE, error)
        if serving_input is not None:
            found[names.SERVING_INPUT_SIGNATURE] = serving_input.signature(
                self.raw_inputs, self.answer_parsed
            )
        return found

    def _on_raw(self) -> Any:
        """`answer_raw` as a function with one argument per feature, named by `raw_arguments`."""
        arguments = raw_arguments(self.raw_inputs)
        specs = {
            argument: tf.TensorSpec(feature.shape, feature.dtype, argument)
            for argument, feature in (
                (arguments[name], self.raw_inputs[name].dense_spec) for name in arguments
            )
        }

        def on_raw(**given: tf.Tensor) -> Outputs:
            return self.answer_raw({name: given[arguments[name]] for name in arguments})

        return tf.function(on_raw, autograph=False).get_concrete_function(**specs)


def _chosen(
    features: Mapping[str, RawFeature], passthrough: Sequence[str]
) -> dict[str, RawFeature]:
    unknown = sorted(set(passthrough) - set(features))
    if unknown:
        raise ParameterError(
            f'passthrough_features names {", ".join(map(repr, unknown))}, but the raw examples '
            'have no such feature. Available features: '
            f'{", ".join(map(repr, sorted(features)))}.'
        )
    return {name: features[name] for name in passthrough}


def _on_examples(function: Callable[[tf.Tensor], Outputs]) -> Any:
    return _concrete(function, tf.TensorSpec([None], tf.string, names.EXAMPLES_SIGNATURE))


def _concrete(function: Callable[[tf.Tensor], Outputs], spec: tf.TensorSpec) -> Any:
    traced = tf.function(function, input_signature=[spec], autograph=False)
    return traced.get_concrete_function()
