"""An exported or pushed model that assigns raw tf.Examples with its own preprocessing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.errors import DataError, ParameterError
from tfx_kmeans.serving.graph_file import find_saved_model, read_graph_file
from tfx_kmeans.serving.parsed_features import missing_features, required_features

# UnicodeDecodeError: if TensorFlow's error message quotes bytes that are not UTF-8.
_PARSE_ERRORS = (tf.errors.InvalidArgumentError, UnicodeDecodeError)
_REMEDY = (
    'Connect raw_examples with the features that the model was exported for, or train without '
    'raw_examples or without base_model.'
)


class EarlierModel:
    """A loaded SavedModel whose signature `examples` is called."""

    def __init__(self, uri: str) -> None:
        """Loads the model.

        Args:
          uri: Folder of a Model artifact, of a SavedModel, or of numbered versions of models.

        Raises:
          ParameterError: If there is no SavedModel with the signature `examples`.
        """
        self._uri = uri
        self._folder = find_saved_model(uri)
        loaded: Any = None if self._folder is None else tf.saved_model.load(self._folder)
        if loaded is None or names.EXAMPLES_SIGNATURE not in loaded.signatures:
            raise ParameterError(
                f'raw_examples is connected, but base_model in {uri} has no SavedModel with the '
                f'signature {names.EXAMPLES_SIGNATURE!r}, which would cluster them. Use a model '
                'that CentroidExporter has exported, or train without raw_examples.'
            )
        self._model = loaded  # a signature does not keep its model alive
        self._examples = loaded.signatures[names.EXAMPLES_SIGNATURE]

    def clusters_of(self, records: Sequence[bytes]) -> np.ndarray:
        """Clusters of serialized tf.Examples, int64 [n]; -1 for an example without a cluster.

        Raises:
          DataError: If the model cannot parse the examples; names the folder and the reason.
        """
        try:
            found = self._examples(examples=tf.constant(list(records), tf.string))
        except _PARSE_ERRORS as error:
            raise DataError(
                f'base_model in {self._uri} cannot read the raw_examples: {_reason(error)}. '
                f'{_REMEDY}'
            ) from error
        clusters: np.ndarray = found[names.CLUSTER_INDEX].numpy()
        return clusters

    def refuse_unanswered(self, records: Sequence[bytes], count: int) -> None:
        """Raises the error for examples of which none has a cluster.

        Args:
          records: Some of the examples.
          count: Number of all examples.

        Raises:
          DataError: Always; names the folder and the features that the examples lack.
        """
        graph = read_graph_file(str(self._folder)).meta_graphs[0]
        lacking = missing_features(required_features(graph), records)
        missing = ', '.join(map(repr, lacking))
        reason = f': they lack {missing}, without which it has no answer' if missing else ''
        raise DataError(
            f'base_model in {self._uri} assigns none of the {count} raw_examples to a cluster'
            f'{reason}. {_REMEDY}'
        )


def _reason(error: Any) -> str:
    """An error message of TensorFlow in one line, without the names of operations."""
    text = ' '.join(str(getattr(error, 'message', error)).partition('[[')[0].split())
    found = re.search(r'Key: .*', text)
    return (found.group().replace('Key:', 'feature') if found else text).rstrip('. ')
