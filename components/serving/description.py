"""export.json: what CentroidExporter records about a model, inside the model."""

from __future__ import annotations

import dataclasses
import json

from tfx_kmeans import filesystem, names
from tfx_kmeans.dataclass_json import from_fields, refuse_newer, to_json
from tfx_kmeans.errors import ModelError

EXPORT_FORMAT = '1.0'
"""Format of export.json; a reader refuses a newer major one, see `dataclass_json`."""


@dataclasses.dataclass(frozen=True)
class ExportDescription:
    """Content of export.json; the defaults hold for a model that another program exported.

    Attributes:
      precision: Precision of the stored centroids.
      passthrough_features: Names of raw features that are returned in addition to the answer.
      signatures: Names of the signatures; empty if unknown.
      default_signature: Name of the signature that `serving_default` is a copy of.
      fingerprint: SHA-256 of everything that decides what the model answers.
      tfx_kmeans: Version of this package.
      tensorflow: Version of TensorFlow.
      format_version: Format of the file, major.minor.
    """

    precision: str = 'float32'
    passthrough_features: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    default_signature: str = ''
    fingerprint: str = ''
    tfx_kmeans: str = ''
    tensorflow: str = ''
    format_version: str = EXPORT_FORMAT


def write_description(model: str, description: ExportDescription) -> None:
    """Writes export.json into a model's folder."""
    filesystem.write_text(_path(model), to_json(description))


def read_description(model: str) -> ExportDescription | None:
    """Reads export.json from a model's folder; None if there is none.

    Raises:
      ModelError: Naming the file, if it is damaged or has a newer major format.
    """
    path = _path(model)
    if not filesystem.exists(path):
        return None
    try:
        fields = json.loads(filesystem.read_text(path))
        refuse_newer(fields, EXPORT_FORMAT, path, ModelError)
        return from_fields(ExportDescription, fields)
    except (ValueError, AttributeError) as error:
        raise ModelError(f'{path} is damaged: {error}.') from error


def _path(model: str) -> str:
    return f'{model}/{names.PAYLOAD_IN_MODEL}/{names.EXPORT_FILE}'
