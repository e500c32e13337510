"""Everything that the checks examine, loaded when it is first needed."""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.clustering.measures.evaluation import Evaluation, evaluate
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import TF_EXAMPLE, Examples
from tfx_kmeans.errors import DataError, ModelError, ProbeError
from tfx_kmeans.export_validator.baseline import Baseline, copy_model, files_of
from tfx_kmeans.export_validator.evidence.matching import Matching, match_clusters
from tfx_kmeans.export_validator.evidence.reference import answerable_rows
from tfx_kmeans.export_validator.evidence.requests import lost_values, raw_values_of, read_warmup
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.probe.client import ProbeAnswers, ProbeInputs, probe_model
from tfx_kmeans.export_validator.probe.program.probe_protocol import FEW
from tfx_kmeans.export_validator.splits import NO_SPLITS, ChosenSplits
from tfx_kmeans.serving.description import ExportDescription, read_description
from tfx_kmeans.serving.graph_file import GRAPH_FILE, read_graph_file
from tfx_kmeans.serving.precision import PRECISIONS
from tfx_kmeans.serving.preprocessing import row_of

_MAX_RAW_VALUES = 2_000_000
_CLUSTERS = f'{names.CLUSTER_CENTERS_VAR_NAME}/.ATTRIBUTES/VARIABLE_VALUE'


@dataclasses.dataclass(frozen=True)
class Sources:
    """Locations of what is examined.

    Attributes:
      model: Folder of the SavedModel.
      centroids: Folder of the centroids artifact.
      examples: Raw examples.
      transformed_examples: The same examples after Transform; None if they are not connected.
      baseline: Folder of the model to compare with, or of its centroids; None without one.
      splits: Splits that the examples are from.
    """

    model: str
    centroids: str
    examples: Examples
    transformed_examples: Examples | None
    baseline: str | None = None
    splits: ChosenSplits = NO_SPLITS


class Context:
    """What the checks examine.

    Data that cannot be loaded raises an error in each check that uses it.
    """

    def __init__(self, sources: Sources, options: ValidatorOptions, scratch: Path) -> None:
        """Creates a context; data is loaded on first use.

        Args:
          sources: Locations of what is examined.
          options: Limits.
          scratch: An empty local folder to work in.
        """
        self.sources = sources
        self.options = options
        self._scratch = scratch

    @cached_property
    def files(self) -> dict[str, int]:
        """Sizes in bytes of the model's files, by path within its folder."""
        return files_of(self.sources.model)

    @cached_property
    def meta_graphs(self) -> list[meta_graph_pb2.MetaGraphDef]:
        """The graphs in saved_model.pb."""
        return list(read_graph_file(self.sources.model).meta_graphs)

    @cached_property
    def serving_graph(self) -> meta_graph_pb2.MetaGraphDef:
        """The graph with the tag `serve`.

        Raises:
          ModelError: If there is none.
        """
        for graph in self.meta_graphs:
            if names.SERVE_TAG in graph.meta_info_def.tags:
                return graph
        raise ModelError(f'{GRAPH_FILE} has no graph with the tag {names.SERVE_TAG!r}.')

    @cached_property
    def payload(self) -> CentroidsPayload:
        """The centroids artifact."""
        return read_payload(self.sources.centroids)

    @cached_property
    def description(self) -> ExportDescription:
        """What the exporter recorded about the model, in export.json.

        A model that was not exported by CentroidExporter has no such file; it is assumed to hold
        float32 centroids and to pass nothing through.

        Raises:
          ModelError: If the recorded precision is not that of the stored centroids.
        """
        description = read_description(self.sources.model)
        if description is None:
            return ExportDescription()
        variables = tf.train.load_checkpoint(f'{self.sources.model}/variables/variables')
        stored = variables.get_variable_to_dtype_map()[_CLUSTERS].name
        if description.precision not in PRECISIONS or description.precision != stored:
            raise ModelError(
                f'{names.EXPORT_FILE} gives the precision {description.precision!r}, but '
                f'the centroids are stored as {stored}.'
            )
        return description

    @cached_property
    def records(self) -> list[bytes]:
        """The first `max_examples` raw tf.Examples."""
        return self.sources.examples.first(self.options.max_examples)

    @property
    def probe(self) -> ProbeAnswers:
        """What a copy of the model, in another folder and a clean process, answered.

        Raises:
          ProbeError: If the process could not be run; the same for every check.
        """
        if isinstance(self._probed, Exception):
            raise ProbeError(f'{type(self._probed).__name__}: {self._probed}') from self._probed
        return self._probed

    @cached_property
    def _probed(self) -> ProbeAnswers | Exception:
        try:
            return self._probe_copy()
        except Exception as error:
            return error

    def _probe_copy(self) -> ProbeAnswers:
        copy = self._scratch / 'model'
        copy_model(self.sources.model, copy)
        inputs = ProbeInputs(self.records, self.raw_values, self.warmup_requests)
        return probe_model(copy, inputs, self._scratch, self.options.thresholds)

    @cached_property
    def raw_values(self) -> dict[str, np.ndarray] | None:
        """The examples as inputs of the signature `raw`; None for a model without it."""
        definition = self.serving_graph.signature_def.get(names.RAW_SIGNATURE)
        if definition is None:
            return None
        return raw_values_of(dict(definition.inputs), self.raw_records)

    @cached_property
    def raw_records(self) -> list[bytes]:
        """The first examples, no more than can be passed as JSON in reasonable time."""
        inputs = self.serving_graph.signature_def[names.RAW_SIGNATURE].inputs.values()
        shapes = [[max(size.size, 1) for size in one.tensor_shape.dim[1:]] for one in inputs]
        width = sum(map(math.prod, shapes))
        return self.records[: max(FEW, _MAX_RAW_VALUES // max(width, 1))]

    @cached_property
    def lost_in_raw(self) -> np.ndarray:
        """Which of `raw_records` the dense inputs of `raw` cannot represent: bool [n].

        Those are examples that lack a feature without which they have no row, and examples with a
        NaN or an empty string at the end of a variable-length feature, which is taken for padding.
        """
        inputs = dict(self.serving_graph.signature_def[names.RAW_SIGNATURE].inputs)
        lacking, blank = lost_values(self.serving_graph, inputs, self.raw_records)
        return lacking & ~np.isfinite(self.rows[: len(lacking)]).all(axis=1) | blank

    @cached_property
    def warmup_requests(self) -> list[tuple[str, dict[str, Any]]]:
        """Signature and inputs of the requests in the model's warmup file; empty without one."""
        path = f'{self.sources.model}/{names.ASSETS_EXTRA}/{names.WARMUP_FILE}'
        if not tf.io.gfile.exists(path):
            return []
        return read_warmup(path)

    @cached_property
    def rows(self) -> np.ndarray:
        """The examples as the model preprocesses them, float32 [n, d]."""
        return self.probe.outputs(names.PREPROCESS_SIGNATURE)[names.FEATURES_SIGNATURE]

    @cached_property
    def served_rows(self) -> np.ndarray:
        """Those of `rows` that can be clustered, float32 [m, d]."""
        usable, _ = answerable_rows(self.payload, self.rows)
        found: np.ndarray = self.rows[usable]
        return found

    @cached_property
    def assignment(self) -> tuple[np.ndarray, np.ndarray]:
        """Cluster int64 [m] and distance float64 [m] of the served rows, by NumPy."""
        return self.payload.assigner.assign(self.served_rows)

    @cached_property
    def evaluation(self) -> Evaluation:
        """Measures of the artifact's centroids on the served rows."""
        rows = WeightedRows(self.served_rows)
        return evaluate(rows, self.payload.assigner, self.payload.metadata.seed)

    @cached_property
    def baseline(self) -> Baseline:
        """The model to compare with."""
        folder, scratch = self.sources.baseline, self._scratch / 'baseline'
        assert folder is not None, 'baseline checks need a baseline'
        return Baseline(folder, self.records, scratch, self.options.thresholds)

    @cached_property
    def compared(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The examples as rows, and their clusters in this model and in the baseline.

        Both models have answered the raw examples. If only the centroids of the baseline are
        available, they are applied to the rows of this model.

        Returns:
          float32 [n, d], int64 [n], int64 [n]; -1 for an example without a cluster.

        Raises:
          DataError: If no example has a cluster in both.
        """
        if self.baseline.model is not None:
            rows, theirs = self.rows, self.baseline.clusters
            ours = self.probe.outputs(names.EXAMPLES_SIGNATURE)[names.CLUSTER_INDEX]
        else:
            rows, (ours, _) = self.served_rows, self.assignment
            theirs, _ = self.baseline.payload.assigner.assign(rows)
        if not ((ours >= 0) & (theirs >= 0)).any():
            raise DataError('no example has a cluster in both models')
        return rows, ours, theirs

    @cached_property
    def matching(self) -> Matching:
        """The model's clusters and their counterparts in the baseline."""
        _, ours, theirs = self.compared
        earlier = self.baseline.payload.metadata.num_clusters
        return match_clusters(ours, theirs, self.payload.metadata.num_clusters, earlier)

    @cached_property
    def transformed_rows(self) -> np.ndarray:
        """All transformed examples as rows, float32 [n, d], including NaN and infinity."""
        examples = self.sources.transformed_examples
        assert examples is not None, 'the check needs transformed_examples'
        features = self.payload.metadata.features
        known = examples.feature_spec()
        if examples.payload_format != TF_EXAMPLE:
            layout = choose_layout(known, [placed.name for placed in features])
            with open_matrix(examples, layout) as matrix:
                return np.array(matrix.values)
        spec = {
            placed.name: tf.io.FixedLenFeature([placed.width], known[placed.name].dtype)
            for placed in features
        }
        batches = (tf.io.parse_example(batch, spec) for batch in examples.record_batches())
        return np.concatenate(
            [row_of(parsed, features, tf.as_dtype(self.payload.row_type)) for parsed in batches]
        )
