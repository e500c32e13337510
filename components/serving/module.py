"""The tf.Module that is saved: centroids, preprocessing, and one function for each signature."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.serving.precision import FLOAT32, stored_centroids
from tfx_kmeans.serving.preprocessing import Preprocessing, row_of
from tfx_kmeans.serving.raw_features import (
    RawFeature,
    Tensors,
    UnservableFeatureError,
    parse,
    shaped,
    without_marks,
)
from tfx_kmeans.serving.serving_input import ServingInput

Outputs = dict[str, tf.Tensor]

_log = logging.getLogger(__name__)


class KMeansModule(tf.Module):  # type: ignore[misc]
    """A clustering that can be served.

    Attributes, of a loaded model too:
      clusters: variable [k, d], the centroids as they are stored.
      centroids: float32 variable [k, d], in feature space.
      feature_names: string variable, in matrix order.
      column_names: string variable [d].
      metric: string variable, 'squared_euclidean' or 'cosine'.
    """

    def __init__(
        self,
        payload: CentroidsPayload,
        preprocessing: Preprocessing,
        precision: str = FLOAT32,
        passthrough: Sequence[str] = (),
    ) -> None:
        """Args:
          payload: the centroids, and the layout of their columns.
          preprocessing: from raw features to those that were clustered.
          precision: of the stored centroids, see `serving.precision`.
          passthrough: names of raw features that come back beside the answer.

        Raises:
          ValueError: for passthrough features that the examples do not have, or a precision that
            cannot hold the centroids.
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
        self._passthrough = _chosen(preprocessing.all_raw_features, passthrough)

    @property
    def raw_inputs(self) -> dict[str, RawFeature]:
        """The raw features that have to be given for an answer, by name."""
        return {**self._preprocessing.raw_features, **self._passthrough}

    def preprocess(self, serialized: tf.Tensor) -> tf.Tensor:
        """Serialized tf.Examples, string [n], to rows, float32 [n, d].

        A row whose example lacks a required feature is NaN.
        """
        features = self._preprocessing.raw_features
        return self._rows_of_parsed(*parse(serialized, features.values(), features))

    def assign(self, rows: tf.Tensor) -> Outputs:
        """Rows, float32 [n, d], to `cluster_index` and `distance`."""
        return self._stored.assign(rows)

    def answer_examples(self, serialized: tf.Tensor) -> Outputs:
        """Serialized tf.Examples, string [n], to the same, and the passthrough features."""
        needed = self._preprocessing.raw_features
        parsed, incomplete = parse(serialized, self.raw_inputs.values(), needed)
        return self._answers(parsed, incomplete)

    def answer_raw(self, dense: Tensors) -> Outputs:
        """Raw features, by name and as dense tensors, to the same as `answer_examples`."""
        raw = {name: feature.of_dense(dense[name]) for name, feature in self.raw_inputs.items()}
        count = tf.shape(next(iter(dense.values())))[0]
        needed = self._preprocessing.raw_features
        return self._answers(*without_marks(raw, self.raw_inputs, needed, count))

    def answer_parsed(self, raw: Tensors) -> Outputs:
        """Raw features, by name and as parsing gives them, to the same."""
        rows = row_of(self._preprocessing(raw), self._placed)
        return {**self.assign(rows), **self._passed_through(raw)}

    def nearest(self, serialized: tf.Tensor) -> Outputs:
        """Serialized tf.Examples, string [n], to `cluster_index` alone."""
        return {names.CLUSTER_INDEX: self._stored.nearest(self.preprocess(serialized))}

    def all_distances(self, serialized: tf.Tensor) -> Outputs:
        """Serialized tf.Examples, string [n], to `all_distances`, float32 [n, k]."""
        return {names.ALL_DISTANCES: self._stored.all_distances(self.preprocess(serialized))}

    def _answers(self, parsed: Tensors, incomplete: tf.Tensor) -> Outputs:
        rows = self._rows_of_parsed(parsed, incomplete)
        return {**self.assign(rows), **self._passed_through(parsed)}

    def _rows_of_parsed(self, parsed: Tensors, incomplete: tf.Tensor) -> tf.Tensor:
        rows = row_of(self._preprocessing(parsed), self._placed)
        return tf.where(incomplete[:, tf.newaxis], np.nan, rows)

    def _passed_through(self, parsed: Tensors) -> Outputs:
        return {name: feature.to_dense(parsed[name]) for name, feature in self._passthrough.items()}

    def signatures(self, serving_input: ServingInput | None = None) -> dict[str, Any]:
        """Concrete functions by signature name (see docs/serving.md), but for the default.

        There is no `raw` where a raw feature is sparse or ragged within a row.
        """
        width = self.centroids.shape[1]
        rows = tf.TensorSpec([None, width], tf.float32, names.FEATURES_SIGNATURE)
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
            _log.warning('The model has no signature %r. %s', names.RAW_SIGNATURE, error)
        if serving_input is not None:
            found[names.SERVING_INPUT_SIGNATURE] = serving_input.signature(
                self.raw_inputs, self.answer_parsed
            )
        return found

    def _on_raw(self) -> Any:
        """`answer_raw` as a function of one argument a feature, named by `raw_arguments`."""
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


def raw_arguments(features: Collection[str]) -> dict[str, str]:
    """What the arguments of `raw` are called while it is traced, by feature.

    TensorFlow turns names that no Python argument can have into others, and sorts by these: so
    placeholders in that order stand in for the names, which `rename_inputs` brings back.

    Raises:
      UnservableFeatureError: for two names that TensorFlow takes for the same.
    """
    if 'self' in features:
        raise UnservableFeatureError("TensorFlow takes no input that is called 'self'.")
    python_names = {name: _python_name(name) for name in features}
    ordered = sorted(features, key=python_names.__getitem__)
    alike = [name for name, after in pairwise(ordered) if python_names[name] == python_names[after]]
    if alike:
        raise UnservableFeatureError(
            f'TensorFlow takes the name of the raw feature {alike[0]!r} for that of another.'
        )
    if all(name == python_names[name] for name in ordered):
        return {name: name for name in ordered}
    return {name: f'raw_feature_{index:06}' for index, name in enumerate(ordered)}


def _python_name(name: str) -> str:
    """What TensorFlow makes of a name when it becomes an argument."""
    swapped = ''.join(letter if letter.isalnum() else '_' for letter in name)
    return swapped if swapped[:1].isalpha() else f'arg_{swapped}'


def _chosen(
    features: Mapping[str, RawFeature], passthrough: Sequence[str]
) -> dict[str, RawFeature]:
    unknown = sorted(set(passthrough) - set(features))
    if unknown:
        raise ValueError(
            f'passthrough_features names {", ".join(map(repr, unknown))}, which the raw examples '
            f'do not have. They have: {", ".join(map(repr, sorted(features)))}.'
        )
    return {name: features[name] for name in passthrough}


def _on_examples(function: Callable[[tf.Tensor], Outputs]) -> Any:
    return _concrete(function, tf.TensorSpec([None], tf.string, names.EXAMPLES_SIGNATURE))


def _concrete(function: Callable[[tf.Tensor], Outputs], spec: tf.TensorSpec) -> Any:
    traced = tf.function(function, input_signature=[spec], autograph=False)
    return traced.get_concrete_function()
