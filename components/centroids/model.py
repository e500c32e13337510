"""A clustering in Python: all that the Estimator's KMeans could be asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from tfx_kmeans import names
from tfx_kmeans.centroids.evaluation_log import write_evaluation
from tfx_kmeans.centroids.examples import rows_of_examples, rows_of_raw_examples
from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, Metadata
from tfx_kmeans.centroids.rows import in_order_of, matrix_of, weighted_rows
from tfx_kmeans.centroids.storage import find_payload, read_payload, write_payload
from tfx_kmeans.clustering.evaluation import Evaluation, evaluate

_BATCH = 8192


class KMeansModel:
    """Centroids that can be asked about rows and tf.Examples.

    Rows are features as they were clustered: after Transform, in the order of
    `metadata.column_names`; arrays, data frames, tensors or lists of numbers [n, d].

    Attributes:
      payload: arrays and metadata, as an artifact holds them.
      source: the folder that this was loaded from; '' where it comes from a fit.
    """

    def __init__(self, payload: CentroidsPayload, source: str = '') -> None:
        """Args:
        payload: centroids and metadata.
        source: the folder that they come from.
        """
        self.payload = payload
        self.source = source
        self._rows_of_examples: Callable[[list[bytes]], np.ndarray] | None = None

    @classmethod
    def load(cls, source: Any) -> KMeansModel:
        """Reads a clustering.

        Args:
          source: a folder, or an artifact (anything with a `uri`): of a KMeansCentroids artifact,
            an exported or pushed SavedModel, or a folder that models are pushed to (the newest).

        Raises:
          CentroidsError: naming the folder, where it holds none that can be read.
        """
        folder = str(getattr(source, 'uri', source))
        found = find_payload(folder)
        return cls(read_payload(found), found)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes centroids.npz and metadata.json, as a KMeansCentroids artifact has them."""
        write_payload(folder, self.payload)

    @property
    def metadata(self) -> Metadata:
        """All that is known of the clustering beside its arrays."""
        return self.payload.metadata

    @property
    def columns(self) -> Columns:
        """What the columns of rows are."""
        weight_feature = self.metadata.options.get('weight_feature')
        return Columns(self.metadata.features, self.metadata.column_names, weight_feature)

    @property
    def inertia(self) -> float:
        """The weighted sum of the training rows' distances."""
        return self.metadata.inertia

    def cluster_centers(self) -> np.ndarray:
        """The centroids in feature space, float32 [k, d], a copy."""
        return self.payload.centroids.copy()

    def predict_cluster_index(self, rows: Any) -> np.ndarray:
        """The nearest centroid of each row, int64 [n]; ties go to the lowest index.

        Raises:
          ValueError: for rows of another width, not finite, of zeros under cosine, or so large
            that squared distances overflow.
        """
        return self.payload.assigner.assign(self._matrix(rows))[0]

    def transform(self, rows: Any) -> np.ndarray:
        """The distance of each row to every centroid by the metric, float64 [n, k].

        Raises as `predict_cluster_index` does.
        """
        return self.payload.assigner.all_distances(self._matrix(rows))

    def score(self, rows: Any, sample_weight: Any | None = None) -> float:
        """The weighted sum of the distances to the nearest centroids.

        Positive, as the Estimator's, where scikit-learn's is its negative: less is better. Raises
        as `predict_cluster_index` does.
        """
        found = weighted_rows(self._matrix(rows), sample_weight)
        distances = self.payload.assigner.assign(found.values)[1]
        return float(found.weights_in(slice(0, len(found))) @ distances)

    def predict(self, rows: Any) -> Iterator[dict[str, Any]]:
        """For each row or tf.Example, a dict under the Estimator's keys.

        Args:
          rows: numbers [n, d], or tf.Examples: messages or serialized, in any iterable. They are
            raw ones where this model was loaded from a SavedModel, whose preprocessing is applied;
            else (from an artifact or a fit) they hold the features that were clustered.

        Yields:
          'cluster_index' (np.int64) and 'all_distances' (float64 [k], by the metric).
        """
        for batch in self._batches(rows):
            labels = self.payload.assigner.assign(batch)[0]
            distances = self.payload.assigner.all_distances(batch)
            for label, row in zip(labels, distances, strict=True):
                yield {names.CLUSTER_INDEX: label, names.ALL_DISTANCES: row}

    def evaluate(
        self,
        rows: Any,
        name: str | None = None,
        *,
        sample_weight: Any | None = None,
        log_dir: str | None = 'logs',
    ) -> Evaluation:
        """Measures the clustering on rows or tf.Examples, and writes it for TensorBoard.

        Args:
          rows: as for `predict`.
          name: of this evaluation; TensorBoard shows it as the run 'eval_<name>', or 'eval'.
          sample_weight: numbers [n]; None for 1 each, also where tf.Examples hold a weight.
          log_dir: folder of TensorBoard's runs; None writes none.
        """
        batches = list(self._batches(rows))
        if not batches:
            raise ValueError('There are no rows to evaluate.')
        found = weighted_rows(np.concatenate(batches), sample_weight)
        evaluation = evaluate(found, self.payload.assigner, self.metadata.seed)
        if log_dir is not None:
            run = 'eval' if name is None else f'eval_{name}'
            write_evaluation(f'{log_dir}/{run}', evaluation, self.metadata.total_iterations)
        return evaluation

    def _matrix(self, rows: Any) -> np.ndarray:
        return matrix_of(in_order_of(rows, self.columns), self.metadata.column_names)

    def _batches(self, rows: Any) -> Iterator[np.ndarray]:
        """Rows, float32, batch by batch."""
        examples = _as_examples(rows)
        if examples is None:
            matrix = self._matrix(rows)
            yield from (matrix[start : start + _BATCH] for start in range(0, len(matrix), _BATCH))
            return
        while batch := list(islice(examples, _BATCH)):
            yield self._matrix(self._decoder()(batch))

    def _decoder(self) -> Callable[[list[bytes]], np.ndarray]:
        if self._rows_of_examples is None:
            model, inside, _ = self.source.rpartition(f'/{names.PAYLOAD_IN_MODEL}')
            if inside:
                self._rows_of_examples = rows_of_raw_examples(model)
            else:
                self._rows_of_examples = rows_of_examples(self.metadata.features)
        return self._rows_of_examples


def _as_examples(rows: Any) -> Iterator[bytes] | None:
    """Serialized tf.Examples, one after another; None where `rows` are numbers."""
    if hasattr(rows, 'numpy'):
        rows = rows.numpy()
    if hasattr(rows, 'to_numpy') or (isinstance(rows, np.ndarray) and rows.dtype.kind not in 'OS'):
        return None
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None or not (isinstance(first, bytes) or hasattr(first, 'SerializeToString')):
        return None
    return map(_serialized, chain([first], iterator))


def _serialized(example: Any) -> bytes:
    return example if isinstance(example, bytes) else example.SerializeToString()
