"""What the last run of a pipeline has produced, from its metadata store."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from tfx_kmeans import names
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.data.files import files_in
from tfx_kmeans.data.tfrecords import read_records


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A run's result.

    Attributes:
      cluster_weight: float64 [k].
      inertia: of the centroids.
      checks: of the validator's report: name, group, mode, passed, expected, found, advice.
      report: the page that tells it all.
      blessed: whether every check passed that counts, or was overridden.
      pushed_to: the model's folder, None where nothing was pushed.
      example: the first raw example, feature name to its numbers; others are left out.
    """

    cluster_weight: np.ndarray
    inertia: float
    checks: tuple[dict[str, Any], ...]
    report: Path
    blessed: bool
    pushed_to: Path | None
    example: dict[str, list[float]]


def read_outcome(metadata_path: Path) -> Outcome:
    """Reads the newest artifacts of a finished run.

    Raises:
      LookupError: where the run left no centroids, report or push.
    """
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata_path)
    store = MetadataStore(connection)
    payload = read_payload(_newest(store, 'tfx_kmeans.KMeansCentroids').uri)
    report_folder = Path(_newest(store, 'tfx_kmeans.KMeansReport').uri)
    report = json.loads((report_folder / names.REPORT_FILE).read_text())
    pushed = _newest(store, 'PushedModel').custom_properties
    return Outcome(
        cluster_weight=payload.cluster_weight,
        inertia=payload.metadata.inertia,
        checks=tuple(report['checks']),
        report=report_folder / names.PAGE_FILE,
        blessed=report['blessed'],
        pushed_to=Path(pushed['pushed_destination'].string_value)
        if pushed['pushed'].int_value
        else None,
        example=_first_example(store),
    )


def _first_example(store: MetadataStore) -> dict[str, list[float]]:
    raw = [
        artifact
        for artifact in store.get_artifacts_by_type('Examples')
        if 'payload_format' in artifact.custom_properties  # ExampleGen's, not Transform's
    ]
    folder = f'{max(raw, key=lambda artifact: artifact.id).uri}/Split-train'
    records = next(read_records(files_in(folder)[0]))
    feature = tf.train.Example.FromString(records.as_list()[0]).features.feature
    return {name: numbers for name in sorted(feature) if (numbers := _numbers(feature[name]))}


def _numbers(feature: Any) -> list[float]:
    # By way of text, so that a float32 shows no more digits than it has.
    floats = [float(str(np.float32(value))) for value in feature.float_list.value]
    return floats or list(feature.int64_list.value)


def _newest(store: MetadataStore, type_name: str) -> Any:
    artifacts = store.get_artifacts_by_type(type_name)
    if not artifacts:
        raise LookupError(f'The run left no {type_name}.')
    return max(artifacts, key=lambda artifact: artifact.id)
