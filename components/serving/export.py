"""Writes a clustering as a SavedModel."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.serving.extra_assets import copy_extra_assets
from tfx_kmeans.serving.graph_file import (
    canonical,
    read_graph_file,
    rename_inputs,
    restore_default_attributes,
    write_graph_file,
    write_text_form,
)
from tfx_kmeans.serving.module import KMeansModule, raw_arguments
from tfx_kmeans.serving.precision import FLOAT32
from tfx_kmeans.serving.preprocessing import Preprocessing
from tfx_kmeans.serving.python_calls import refuse_python_calls
from tfx_kmeans.serving.serving_input import ServingInput
from tfx_kmeans.serving.warmup import write_warmup
from tfx_kmeans.version import __version__

TEXT_FILE = 'saved_model.pbtxt'
EXPORT_FORMAT = '1.0'

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ModelToSave:
    """All that a served model is made of.

    Attributes:
      payload: of the centroids artifact.
      preprocessing: from raw features to those that were clustered.
      default_signature: the one that `serving_default` is.
      precision: of the stored centroids.
      passthrough: names of raw features that come back beside the answer.
      serving_input: the user's own way in, None without.
      extra_assets: files by their names below assets.extra.
      as_text: whether the graph is written as text, too.
      strip_default_attrs: whether attributes with default values are left out.
      warmup: serialized tf.Examples to make requests of.
    """

    payload: CentroidsPayload
    preprocessing: Preprocessing
    default_signature: str = names.EXAMPLES_SIGNATURE
    precision: str = FLOAT32
    passthrough: Sequence[str] = ()
    serving_input: ServingInput | None = None
    extra_assets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    as_text: bool = False
    strip_default_attrs: bool = True
    warmup: Sequence[bytes] = ()

    def save(self, folder: str) -> SavedModel:
        """Writes the model.

        Raises:
          ValueError: naming what cannot be served.
        """
        module = KMeansModule(self.payload, self.preprocessing, self.precision, self.passthrough)
        signatures = self._signatures(module)
        tf.saved_model.save(module, folder, signatures=signatures)
        self._finish_graph(folder, module, signatures)
        extra = f'{folder}/{names.ASSETS_EXTRA}'
        copy_extra_assets(self.extra_assets, extra)
        write_payload(f'{folder}/{names.PAYLOAD_IN_MODEL}', self.payload)
        if self.warmup:
            write_warmup(
                f'{extra}/{names.WARMUP_FILE}', module, self._kinds(signatures), self.warmup
            )
        saved = SavedModel(module, self._fingerprint(signatures), sorted(signatures))
        self._write_description(folder, saved)
        return saved

    def _signatures(self, module: KMeansModule) -> dict[str, Any]:
        found = module.signatures(self.serving_input)
        for name, function in found.items():
            refuse_python_calls(function.graph.as_graph_def(), f'The signature {name!r}')
        if self.default_signature not in found:
            raise ValueError(
                f'default_signature is {self.default_signature!r}, but the model can only have '
                f'{", ".join(map(repr, sorted(found)))}: see the log.'
            )
        return {**found, names.DEFAULT_SIGNATURE: found[self.default_signature]}

    def _finish_graph(
        self, folder: str, module: KMeansModule, signatures: Mapping[str, Any]
    ) -> None:
        """What TensorFlow's own save cannot be told."""
        raw = [
            name for name, kind in self._kinds(signatures).items() if kind == names.RAW_SIGNATURE
        ]
        arguments = raw_arguments(module.raw_inputs) if raw else {}
        new_names = {argument: name for name, argument in arguments.items() if argument != name}
        saved_model = read_graph_file(folder)
        for signature in raw if new_names else ():
            rename_inputs(saved_model, signature, new_names)
        if not self.strip_default_attrs:
            restore_default_attributes(saved_model)
        if new_names or not self.strip_default_attrs:
            write_graph_file(folder, saved_model)
        if self.as_text:
            write_text_form(f'{folder}/{names.ASSETS_EXTRA}/{TEXT_FILE}', saved_model)

    def _kinds(self, signatures: Mapping[str, Any]) -> dict[str, str]:
        """Which of `examples`, `raw` and `features` each signature takes; not the user's own."""
        known = {
            names.RAW_SIGNATURE: names.RAW_SIGNATURE,
            names.FEATURES_SIGNATURE: names.FEATURES_SIGNATURE,
            names.DEFAULT_SIGNATURE: self.default_signature,
        }
        return {
            name: known.get(name, names.EXAMPLES_SIGNATURE)
            for name in signatures
            if name != names.SERVING_INPUT_SIGNATURE
        }

    def _fingerprint(self, signatures: Mapping[str, Any]) -> str:
        """SHA-256 of all that decides what the model answers."""
        metadata = self.payload.metadata
        described = {
            'version': __version__,
            'metric': metadata.distance_metric,
            'features': [dataclasses.asdict(feature) for feature in metadata.features],
            'column_names': metadata.column_names,
            'precision': self.precision,
            'default_signature': self.default_signature,
            'passthrough': list(self.passthrough),
            'preprocessing': self.preprocessing.digest(),
            'signatures': sorted(signatures),
            'serving_input': None
            if self.serving_input is None
            else _digest_of(signatures[names.SERVING_INPUT_SIGNATURE]),
        }
        found = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
        found.update(self.payload.centroids.tobytes())
        found.update(self.payload.shift.tobytes())
        return found.hexdigest()

    def _write_description(self, folder: str, saved: SavedModel) -> None:
        described = {
            'format_version': EXPORT_FORMAT,
            'tfx_kmeans': __version__,
            'tensorflow': tf.__version__,
            'fingerprint': saved.fingerprint,
            'precision': self.precision,
            'default_signature': self.default_signature,
            'signatures': saved.signatures,
            'passthrough_features': list(self.passthrough),
        }
        path = f'{folder}/{names.PAYLOAD_IN_MODEL}/{names.EXPORT_FILE}'
        with tf.io.gfile.GFile(path, 'w') as file:
            file.write(json.dumps(described, indent=2, sort_keys=True) + '\n')


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """What was saved.

    Attributes:
      module: the model in this process.
      fingerprint: of all that decides what it answers; the same for the same inputs.
      signatures: names.
    """

    module: KMeansModule
    fingerprint: str
    signatures: list[str]


def _digest_of(function: Any) -> str:
    return hashlib.sha256(canonical(function.graph.as_graph_def())).hexdigest()
