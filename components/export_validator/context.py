"""All that the checks look at, loaded when it is first asked for."""

from __future__ import annotations

import dataclasses
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples
from tfx_kmeans.export_validator.options import ValidatorOptions
from tfx_kmeans.export_validator.probing import ProbeAnswers, probe_model

SERVE_TAG = 'serve'


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where things are.

    Attributes:
      model: folder of the SavedModel.
      centroids: folder of the centroids artifact.
      examples: the raw ones.
      transformed_examples: the same after Transform; None where they are not connected.
    """

    model: str
    centroids: str
    examples: Examples
    transformed_examples: Examples | None


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
            f'{folder}/{name}'[len(root) + 1 :]: tf.io.gfile.stat(f'{folder}/{name}').length
            for folder, _, files in tf.io.gfile.walk(root)
            for name in files
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
        """What the exporter has written down about the model, in export.json."""
        path = f'{self.sources.model}/{names.PAYLOAD_IN_MODEL}/export.json'
        with tf.io.gfile.GFile(path) as file:
            return dict(json.loads(file.read()))

    @cached_property
    def records(self) -> list[bytes]:
        """The first `max_examples` raw tf.Examples."""
        return self.sources.examples.first(self.options.max_examples)

    @cached_property
    def probe(self) -> ProbeAnswers:
        """What a copy of the model, in another folder and a clean process, has answered."""
        copy = self._scratch / 'model'
        for path in self.files:
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            tf.io.gfile.copy(f'{self.sources.model}/{path}', str(target), overwrite=True)
        return probe_model(copy, self.records, self._scratch, self.options.thresholds)

    @cached_property
    def transformed_rows(self) -> np.ndarray:
        """All transformed examples as rows, float32 [n, d]."""
        examples = self.sources.transformed_examples
        assert examples is not None, 'the check does not run without'
        features = [placed.name for placed in self.payload.metadata.features]
        with open_matrix(examples, choose_layout(examples.feature_spec(), features)) as matrix:
            return np.array(matrix.values)
