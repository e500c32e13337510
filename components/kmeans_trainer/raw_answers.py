"""Raw examples with the clusters of the base model and the rows of the new preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_kmeans.centroids.payload import Columns
from tfx_kmeans.clustering.answered_rows import AnsweredRows
from tfx_kmeans.data.feature_layout import FeatureLayout
from tfx_kmeans.data.feature_specs import feature_spec_of_schema, read_schema
from tfx_kmeans.data.source import Examples
from tfx_kmeans.kmeans_trainer.options import TrainerOptions
from tfx_kmeans.names import NO_CLUSTER
from tfx_kmeans.serving.earlier_model import EarlierModel
from tfx_kmeans.serving.preprocessing import Preprocessing, SchemaPreprocessing
from tfx_kmeans.serving.raw_rows import RawRows
from tfx_kmeans.serving.transform_graph import TransformPreprocessing
from tfx_kmeans.tfx_io import Artifacts, examples_of, only_uri

_log = logging.getLogger(__name__)

_BATCH = 4096
_SAMPLE = 256


class RawAnswers:
    """Reads raw examples in blocks of rows that the base model has clustered."""

    def __init__(self, examples: Examples, earlier: EarlierModel, rows: RawRows) -> None:
        """Reads nothing yet.

        Args:
          examples: Raw examples.
          earlier: The base model.
          rows: Conversion of raw examples to the rows of the new clustering.
        """
        self._examples = examples
        self._earlier = earlier
        self._rows = rows
        self._reported = False

    def __call__(self) -> Iterator[AnsweredRows]:
        """The examples in order.

        Raises:
          DataError: If the base model cannot read the examples or assigns none to a cluster; names
            its folder, and the features that it lacks.
        """
        count = answered = 0
        sample: list[bytes] = []
        for records in self._batches():
            clusters = self._earlier.clusters_of(records)
            count += len(records)
            answered += int((clusters != NO_CLUSTER).sum())
            sample = sample or records[:_SAMPLE]
            yield AnsweredRows(*self._rows(records), clusters)
        if not answered:
            self._earlier.refuse_unanswered(sample, count)
        if answered < count and not self._reported:
            self._reported = True
            _log.warning(
                'The base model assigns %d of %d raw_examples to no cluster: they count as moved, '
                'and training does not start from them.',
                count - answered,
                count,
            )

    def _batches(self) -> Iterator[list[bytes]]:
        for records in self._examples.record_batches():
            for start in range(0, len(records), _BATCH):
                yield records[start : start + _BATCH]


def raw_answers(
    input_dict: Artifacts, layout: FeatureLayout, options: TrainerOptions
) -> RawAnswers | None:
    """The raw examples of the training splits; None without a base model or raw examples.

    Raises:
      ParameterError: If the base model has no SavedModel that answers examples.
      DataError: If the raw examples lack a split.
      ExportError: If the rows cannot be computed by the part of the Transform graph that would be
        exported.
    """
    base_model, artifacts = only_uri(input_dict, 'base_model'), input_dict.get('raw_examples') or []
    if base_model is None or not artifacts:
        return None
    examples = examples_of(artifacts, options.splits)
    columns = Columns.of_layout(layout)
    preprocessing = _preprocessing(input_dict, examples, list(layout.parsing_spec))
    rows = RawRows(preprocessing, columns.features, layout.weight_feature)
    return RawAnswers(examples, EarlierModel(base_model), rows)


def _preprocessing(input_dict: Artifacts, raw: Examples, features: list[str]) -> Preprocessing:
    """The preprocessing with which the new clustering will be exported."""
    transform_graph = only_uri(input_dict, 'transform_graph')
    if transform_graph is not None:
        return TransformPreprocessing(transform_graph, features)
    schema_uri = only_uri(input_dict, 'schema')
    schema = schema_pb2.Schema() if schema_uri is None else read_schema(schema_uri)
    spec = raw.feature_spec() if schema_uri is None else feature_spec_of_schema(schema)
    return SchemaPreprocessing(spec, schema, features)
