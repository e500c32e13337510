"""The earlier model that a model is compared with: what it answers, and what its clients send."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import find_payload, read_payload
from tfx_kmeans.errors import ProbeError
from tfx_kmeans.export_validator.options import Thresholds
from tfx_kmeans.export_validator.probe.client import ProbeInputs, probe_model
from tfx_kmeans.serving.graph_file import find_saved_model, read_graph_file


@dataclasses.dataclass(frozen=True)
class Baseline:
    """An earlier model, loaded when it is first needed.

    Attributes:
      folder: Folder of a model, of numbered versions of models, or of a centroids artifact.
      records: Raw tf.Examples to answer.
      scratch: Local folder that does not exist yet, to work in.
      thresholds: Limits of time and memory.
    """

    folder: str
    records: Sequence[bytes]
    scratch: Path
    thresholds: Thresholds

    @cached_property
    def payload(self) -> CentroidsPayload:
        """The centroids and their metadata."""
        return read_payload(find_payload(self.folder))

    @cached_property
    def model(self) -> str | None:
        """Folder of the SavedModel; None if the folder contains only centroids."""
        return find_saved_model(self.folder)

    @cached_property
    def graph(self) -> meta_graph_pb2.MetaGraphDef:
        """The graph of the SavedModel."""
        assert self.model is not None, 'only a SavedModel has a graph'
        return read_graph_file(self.model).meta_graphs[0]

    @property
    def clusters(self) -> np.ndarray:
        """What the model answers for the examples in a clean process, int64 [n].

        Raises:
          ProbeError: If it does not answer; the same for every check.
        """
        if isinstance(self._clusters, Exception):
            raise ProbeError(f'The baseline model in {self.model}: {self._clusters}')
        return self._clusters

    @cached_property
    def _clusters(self) -> np.ndarray | Exception:
        try:
            assert self.model is not None, 'only a SavedModel answers'
            self.scratch.mkdir()
            copy_model(self.model, self.scratch / 'model')
            inputs = ProbeInputs(self.records, raw=None, warmup=(), examples_only=True)
            answers = probe_model(
                self.scratch / 'model', inputs, self.scratch, self.thresholds
            ).outputs(names.EXAMPLES_SIGNATURE)
            return answers[names.CLUSTER_INDEX]
        except Exception as error:
            return error


def files_of(model: str) -> dict[str, int]:
    """Sizes in bytes of the files of a model, by path within its folder."""
    root = model.rstrip('/')
    return {
        path[len(root) + 1 :]: tf.io.gfile.stat(path).length
        for folder, _, files in tf.io.gfile.walk(root)
        for path in (f'{folder.rstrip("/")}/{name}' for name in files)
    }


def copy_model(model: str, copy: Path) -> None:
    """Copies the files of a model to a local folder."""
    for path in files_of(model):
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        tf.io.gfile.copy(f'{model}/{path}', str(target), overwrite=True)
