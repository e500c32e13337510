"""KMeansModel: a clustering in Python, with the methods of the Estimator's KMeans."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload, Columns, Metadata
from tfx_kmeans.centroids.storage import find_payload, read_payload, write_payload
from tfx_kmeans.clustering.measures.evaluation import Evaluation, evaluate
from tfx_kmeans.errors import DataError
from tfx_kmeans.python_api.columns import is_table
from tfx_kmeans.python_api.rows import in_order_of, numbers_of, weighted_rows

_BATCH = 8192


class KMeansModel:
    """A clustering that assigns rows and tf.Examples to its centroids.

    Rows contain features as they were clustered: after Transform, in the order of
    `metadata.column_names`. They may be arrays, data frames, tensors or lists of numbers [n, d], as
    for `fit`. The columns of a data frame are found by their names.

    Attributes:
      payload: Arrays and metadata, as in an artifact.
      source: Folder that the model was loaded from; '' if it is the result of `fit`.

    Example:
      >>> import tfx_kmeans
      >>> rows = [[0.0, 0.0], [0.0, 2.0], [9.0, 0.0], [9.0, 2.0]]
      >>> model = tfx_kmeans.fit(rows, initial_clusters=[[1.0, 1.0], [8.0, 1.0]])
      >>> model.predict_cluster_index([[1.0, 2.0], [7.0, 1.0]]).tolist()
      [0, 1]
      >>> model.transform([[1.0, 2.0]]).tolist()
      [[2.0, 65.0]]
    """

    def __init__(self, payload: CentroidsPayload, source: str = '') -> None:
        """Creates a model from a payload; see also `load` and `tfx_kmeans.fit`.

        Args:
          payload: Arrays and metadata.
          source: Folder that they were loaded from.
        """
        self.payload = payload
        self.source = source
        self._rows_of_examples: Callable[[list[bytes]], np.ndarray] | None = None

    @classmethod
    def load(cls, source: Any) -> KMeansModel:
        """Loads a clustering.

        Args:
          source: Folder of a KMeansCentroids artifact or of an exported or pushed SavedModel, or a
            folder that models are pushed to, of which the newest is loaded. May also be an artifact
            (any object with a `uri`).

        Raises:
          CentroidsError: If the folder has no centroids that can be read; names the folder.
        """
        folder = str(getattr(source, 'uri', source))
        found = find_payload(folder)
        return cls(read_payload(found), found)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes centroids.npz and metadata.json to a folder, as in a KMeansCentroids artifact."""
        write_payload(folder, self.payload)

    @property
    def metadata(self) -> Metadata:
        """Metadata of the clustering: everything except its arrays."""
        return self.payload.metadata

    @property
    def columns(self) -> Columns:
        """Meaning of the columns of rows."""
        weight_feature = self.metadata.options.get('weight_feature')
        return Columns(self.metadata.features, self.metadata.column_names, weight_feature)

    @property
    def inertia(self) -> float:
        """Weighted sum of the training rows' distances."""
        return self.metadata.inertia

    def cluster_centers(self) -> np.ndarray:
        """A copy of the centroids in feature space [k, d].

        Float32, or float64 if float32 would round them to less than the digits that distances are
        computed with (timestamps, for example).
        """
        return self.payload.exact_centroids.copy()

    def predict_cluster_index(self, rows: Any) -> np.ndarray:
        """The nearest centroid of each row, int64 [n]; ties go to the lowest index.

        Raises:
          DataError: If the rows do not have the columns of the centroids, if values are missing,
            not numbers or not finite, if there are rows of zeros under cosine, or if squared
            distances overflow.
        """
        return self.payload.assigner.assign(self._matrix(rows))[0]

    def transform(self, rows: Any) -> np.ndarray:
        """The distance of each row to every centroid by the metric, float64 [n, k].

        Raises the same errors as `predict_cluster_index`.
        """
        return self.payload.assigner.all_distances(self._matrix(rows))

    def score(self, rows: Any, sample_weight: Any | None = None) -> float:
        """The weighted sum of the distances to the nearest centroids; lower is better.

        It is positive as in the Estimator; scikit-learn returns its negative. Raises the same
        errors as `predict_cluster_index`.
        """
        found = weighted_rows(self._matrix(rows), sample_weight)
        distances = self.payload.assigner.assign(found.values)[1]
        return float(found.weights_in(slice(0, len(found))) @ distances)

    def predict(self, rows: Any) -> Iterator[dict[str, Any]]:
        """Yields a dict with the Estimator's keys for each row or tf.Example.

        Args:
          rows: Numbers [n, d], or an iterable of tf.Examples, as messages or serialized. If the
            model was loaded from a SavedModel, the examples must be raw, and the preprocessing of
            the SavedModel is applied. Otherwise (from an artifact or a fit) they must contain the
            features that were clustered.

        Yields:
          A dict with 'cluster_index' (np.int64) and 'all_distances' (float64 [k], by the metric).
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
        """Measures the clustering on rows or tf.Examples, and writes the result for TensorBoard.

        Args:
          rows: Rows or tf.Examples, as for `predict`.
          name: Name of the evaluation. TensorBoard shows it as the run 'eval_<name>', or 'eval' if
            the name is None.
          sample_weight: Weights of the rows, numbers [n]; None for 1 each, even if tf.Examples
            contain a weight.
          log_dir: Folder of TensorBoard runs; None writes no logs.
        """
        batches = list(self._batches(rows))
        if not batches:
            raise DataError('There are no rows to evaluate. Pass at least one row or tf.Example.')
        found = weighted_rows(np.concatenate(batches), sample_weight)
        evaluation = evaluate(found, self.payload.assigner, self.metadata.seed)
        if log_dir is not None:
            from tfx_kmeans.centroids.evaluation_log import write_evaluation

            run = 'eval' if name is None else f'eval_{name}'
            write_evaluation(f'{log_dir}/{run}', evaluation, self.metadata.total_iterations)
        return evaluation

    def _matrix(self, rows: Any) -> np.ndarray:
        return numbers_of(in_order_of(rows, self.columns), self.metadata.column_names)

    def _batches(self, rows: Any) -> Iterator[np.ndarray]:
        """Rows as float32 arrays, batch by batch."""
        examples = _as_examples(rows)
        if examples is None:
            matrix = self._matrix(rows)
            yield from (matrix[start : start + _BATCH] for start in range(0, len(matrix), _BATCH))
            return
        while batch := list(islice(examples, _BATCH)):
            yield self._matrix(self._decoder()(batch))

    def _decoder(self) -> Callable[[list[bytes]], np.ndarray]:
        from tfx_kmeans.python_api.examples import rows_of_examples, rows_of_raw_examples

        if self._rows_of_examples is None:
            model, inside, _ = self.source.rpartition(f'/{names.PAYLOAD_IN_MODEL}')
            if inside:
                self._rows_of_examples = rows_of_raw_examples(model)
            else:
                self._rows_of_examples = rows_of_examples(self.metadata.features)
        return self._rows_of_examples


def _as_examples(rows: Any) -> Iterator[bytes] | None:
    """An iterator over serialized tf.Examples; None if `rows` are numbers."""
    if is_table(rows) or hasattr(rows, 'tocsr') or not hasattr(rows, '__iter__'):
        return None
    if hasattr(rows, 'numpy'):
        if rows.dtype != 'string':
            return None
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
