"""All that the checks look at, loaded when it is first asked for."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import find_payload, read_payload
from tfx_kmeans.clustering.evaluation import Evaluation, evaluate
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import TF_EXAMPLE, Examples
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.probing import (
    FEW,
    ProbeAnswers,
    ProbeError,
    Questions,
    probe_model,
)
from tfx_kmeans.export_validator.reference import answerable_rows
from tfx_kmeans.export_validator.requests import raw_values_of, read_warmup, untold_by_raw
from tfx_kmeans.serving.precision import FLOAT32, PRECISIONS
from tfx_kmeans.serving.preprocessing import row_of

SERVE_TAG = 'serve'
_MOST_RAW_VALUES = 2_000_000
_CLUSTERS = f'{names.CLUSTER_CENTERS_VAR_NAME}/.ATTRIBUTES/VARIABLE_VALUE'


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where things are.

    Attributes:
      model: folder of the SavedModel.
      centroids: folder of the centroids artifact.
      examples: the raw ones.
      transformed_examples: the same after Transform; None where they are not connected.
      baseline: folder of the model to compare with; None where there is none.
    """

    model: str
    centroids: str
    examples: Examples
    transformed_examples: Examples | None
    baseline: str | None = None


class Context:
    """What the checks look at; what cannot be loaded raises in the check that asks for it."""

    def __init__(self, sources: Sources, options: ValidatorOptions, scratch: Path) -> None:
        """Args:
        sources: where things are.
        options: limits.
        scratch: a local folder to work in, empty.
        """
        self.sources = sources
        self.options = options
        self._scratch = scratch

    @cached_property
    def files(self) -> dict[str, int]:
        """The model's files, by path within its folder, with their sizes in bytes."""
        root = self.sources.model.rstrip('/')
        return {
            path[len(root) + 1 :]: tf.io.gfile.stat(path).length
            for folder, _, files in tf.io.gfile.walk(root)
            for path in (f'{folder.rstrip("/")}/{name}' for name in files)
        }

    @cached_property
    def meta_graphs(self) -> list[meta_graph_pb2.MetaGraphDef]:
        """The graphs in saved_model.pb."""
        with tf.io.gfile.GFile(f'{self.sources.model}/saved_model.pb', 'rb') as file:
            return list(saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs)

    @cached_property
    def serving_graph(self) -> meta_graph_pb2.MetaGraphDef:
        """The graph with the tag `serve`.

        Raises:
          LookupError: where there is none.
        """
        for graph in self.meta_graphs:
            if SERVE_TAG in graph.meta_info_def.tags:
                return graph
        raise LookupError(f'saved_model.pb has no graph with the tag {SERVE_TAG!r}.')

    @cached_property
    def payload(self) -> CentroidsPayload:
        """The centroids artifact."""
        return read_payload(self.sources.centroids)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What the exporter has written down about the model, in export.json.

        Of a model that somebody else made, nothing is known but that its numbers are float32.
        """
        path = f'{self.sources.model}/{names.PAYLOAD_IN_MODEL}/{names.EXPORT_FILE}'
        if not tf.io.gfile.exists(path):
            return {'precision': FLOAT32, 'passthrough_features': [], 'signatures': []}
        with tf.io.gfile.GFile(path) as file:
            described = dict(json.loads(file.read()))
        variables = tf.train.load_checkpoint(f'{self.sources.model}/variables/variables')
        stored = variables.get_variable_to_dtype_map()[_CLUSTERS].name
        if described['precision'] not in PRECISIONS or described['precision'] != stored:
            raise ValueError(
                f'{path} says that the precision is {described["precision"]!r}, but the centroids '
                f'are stored as {stored}.'
            )
        return described

    @cached_property
    def records(self) -> list[bytes]:
        """The first `max_examples` raw tf.Examples."""
        return self.sources.examples.first(self.options.max_examples)

    @property
    def probe(self) -> ProbeAnswers:
        """What a copy of the model, in another folder and a clean process, has answered.

        Raises:
          ProbeError: where it could not be asked; the same for every check.
        """
        if isinstance(self._probed, Exception):
            raise ProbeError(f'{type(self._probed).__name__}: {self._probed}') from self._probed
        return self._probed

    @cached_property
    def _probed(self) -> ProbeAnswers | Exception:
        try:
            return self._ask()
        except Exception as error:
            return error

    def _ask(self) -> ProbeAnswers:
        copy = self._scratch / 'model'
        for path in self.files:
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            tf.io.gfile.copy(f'{self.sources.model}/{path}', str(target), overwrite=True)
        questions = Questions(self.records, self.raw_values, self.warmup_requests)
        return probe_model(copy, questions, self._scratch, self.options.thresholds)

    @cached_property
    def raw_values(self) -> dict[str, np.ndarray] | None:
        """The inputs of the signature `raw`, as the examples have them; None without `raw`."""
        definition = self.serving_graph.signature_def.get(names.RAW_SIGNATURE)
        if definition is None:
            return None
        return raw_values_of(dict(definition.inputs), self.raw_records)

    @cached_property
    def raw_records(self) -> list[bytes]:
        """The first examples, as many as go through JSON in reasonable time."""
        inputs = self.serving_graph.signature_def[names.RAW_SIGNATURE].inputs.values()
        shapes = [[max(size.size, 1) for size in one.tensor_shape.dim[1:]] for one in inputs]
        width = sum(map(math.prod, shapes))
        return self.records[: max(FEW, _MOST_RAW_VALUES // max(width, 1))]

    @cached_property
    def untold(self) -> np.ndarray:
        """Which of `raw_records` a dense input cannot tell: bool [n].

        They lack a feature without which they have no row, or have a NaN or an empty text where
        that stands for a value that is not there.
        """
        inputs = dict(self.serving_graph.signature_def[names.RAW_SIGNATURE].inputs)
        lacking, blank = untold_by_raw(inputs, self.raw_records)
        return lacking & ~np.isfinite(self.rows[: len(lacking)]).all(axis=1) | blank

    @cached_property
    def warmup_requests(self) -> list[tuple[str, dict[str, Any]]]:
        """The requests in the model's warmup file, by signature and inputs; none without."""
        path = f'{self.sources.model}/{names.ASSETS_EXTRA}/{names.WARMUP_FILE}'
        if not tf.io.gfile.exists(path):
            return []
        return read_warmup(path)

    @cached_property
    def rows(self) -> np.ndarray:
        """What the model makes of the examples, float32 [n, d]."""
        return self.probe.outputs(names.PREPROCESS_SIGNATURE)[names.FEATURES_SIGNATURE]

    @cached_property
    def served_rows(self) -> np.ndarray:
        """What the model makes of the examples, float32 [n, d], where that is a point."""
        usable, _ = answerable_rows(self.payload, self.rows)
        found: np.ndarray = self.rows[usable]
        return found

    @cached_property
    def assignment(self) -> tuple[np.ndarray, np.ndarray]:
        """Cluster int64 [n] and distance float64 [n] of the served rows, by NumPy."""
        return self.payload.assigner.assign(self.served_rows)

    @cached_property
    def baseline_assignment(self) -> tuple[np.ndarray, np.ndarray]:
        """The same with the baseline's centroids."""
        return self.baseline.assigner.assign(self.served_rows)

    @cached_property
    def evaluation(self) -> Evaluation:
        """Measures of the artifact's centroids on the served rows."""
        rows = WeightedRows(self.served_rows)
        return evaluate(rows, self.payload.assigner, self.payload.metadata.seed)

    @cached_property
    def baseline(self) -> CentroidsPayload:
        """The centroids of the baseline model."""
        assert self.sources.baseline is not None, 'the check does not run without'
        return read_payload(find_payload(self.sources.baseline))

    @cached_property
    def transformed_rows(self) -> np.ndarray:
        """All transformed examples as rows, float32 [n, d]; NaN and all, as they are."""
        examples = self.sources.transformed_examples
        assert examples is not None, 'the check does not run without'
        features = [placed.name for placed in self.payload.metadata.features]
        known = examples.feature_spec()
        if examples.payload_format != TF_EXAMPLE:
            with open_matrix(examples, choose_layout(known, features)) as matrix:
                return np.array(matrix.values)
        spec = {
            placed.name: tf.io.FixedLenFeature([placed.width], known[placed.name].dtype)
            for placed in self.payload.metadata.features
        }
        batches = (tf.io.parse_example(batch, spec) for batch in examples.record_batches())
        return np.concatenate(
            [row_of(parsed, self.payload.metadata.features) for parsed in batches]
        )
