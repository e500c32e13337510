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
from tfx_kmeans.errors import ParameterError
from tfx_kmeans.serving.description import ExportDescription, write_description
from tfx_kmeans.serving.extra_assets import copy_extra_assets
from tfx_kmeans.serving.graph_file import (
    canonical,
    read_graph_file,
    rename_inputs,
    restore_default_attributes,
    write_graph_file,
    write_text_form,
)
from tfx_kmeans.serving.module import KMeansModule
from tfx_kmeans.serving.precision import FLOAT32
from tfx_kmeans.serving.preprocessing import Preprocessing
from tfx_kmeans.serving.python_calls import refuse_python_calls
from tfx_kmeans.serving.raw_arguments import positional_inputs, raw_arguments
from tfx_kmeans.serving.serving_input import ServingInput
from tfx_kmeans.serving.warmup import write_warmup
from tfx_kmeans.version import __version__

TEXT_FILE = 'saved_model.pbtxt'

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ModelToSave:
    """Everything that a served model is made of.

    Attributes:
      payload: Payload of the centroids artifact.
      preprocessing: Transformation of raw features to the clustered features.
      default_signature: Name of the signature that `serving_default` is a copy of.
      precision: Precision of the stored centroids, one of `PRECISIONS`.
      passthrough: Names of raw features to return unchanged in addition to the answer.
      serving_input: User-defined serving input; None for a model without one.
      extra_assets: Paths of the files to copy, by name within assets.extra.
      as_text: Whether the graph is also written as text.
      strip_default_attrs: Whether attributes of operations with default values are left out.
      warmup: Serialized tf.Examples to write as warmup requests.
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
        """Writes the model to a folder.

        Raises:
          ParameterError: If `default_signature` or a passthrough feature is not available.
          PrecisionError: If the precision cannot represent the centroids.
          PythonCallError: If a signature calls a Python function.
          ServingInputError: If the serving input does not return what the model needs.
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
            raise ParameterError(
                f'default_signature is {self.default_signature!r}, but this model does not have '
                f'that signature. Choose one of {", ".join(map(repr, sorted(found)))}; the log '
                'says why the signature is missing.'
            )
        return {**found, names.DEFAULT_SIGNATURE: found[self.default_signature]}

    def _finish_graph(
        self, folder: str, module: KMeansModule, signatures: Mapping[str, Any]
    ) -> None:
        """Applies the changes to the graph file that `tf.saved_model.save` has no options for."""
        raw = [
            name for name, kind in self._kinds(signatures).items() if kind == names.RAW_SIGNATURE
        ]
        arguments = raw_arguments(module.raw_inputs) if raw else {}
        new_names = {argument: name for name, argument in arguments.items()}
        renamed = any(argument != name for argument, name in new_names.items())
        saved_model = read_graph_file(folder)
        for signature in raw if renamed else ():
            rename_inputs(saved_model, signature, new_names, len(positional_inputs(arguments)))
        if not self.strip_default_attrs:
            restore_default_attributes(saved_model)
        if renamed or not self.strip_default_attrs:
            write_graph_file(folder, saved_model)
        if self.as_text:
            write_text_form(f'{folder}/{names.ASSETS_EXTRA}/{TEXT_FILE}', saved_model)

    def _kinds(self, signatures: Mapping[str, Any]) -> dict[str, str]:
        """Input of each signature: `examples`, `raw` or `features`. Leaves out `serving_input`."""
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
        """SHA-256 hash of everything that determines the answers of the model."""
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
        description = ExportDescription(
            precision=self.precision,
            passthrough_features=tuple(self.passthrough),
            signatures=tuple(saved.signatures),
            default_signature=self.default_signature,
            fingerprint=saved.fingerprint,
            tfx_kmeans=__version__,
            tensorflow=tf.__version__,
        )
        write_description(folder, description)


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """Description of a saved model.

    Attributes:
      module: The model as an object in this process.
      fingerprint: Hash of everything that determines the answers; equal for equal inputs.
      signatures: Names of the signatures, sorted.
    """

    module: KMeansModule
    fingerprint: str
    signatures: list[str]


def _digest_of(function: Any) -> str:
    return hashlib.sha256(canonical(function.graph.as_graph_def())).hexdigest()
