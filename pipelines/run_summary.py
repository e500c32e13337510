"""Results of the latest run of a pipeline, read from its metadata store."""

from __future__ import annotations

import dataclasses
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
from tfx_kmeans.errors import RunError
from tfx_kmeans.export_validator.checks.run import CheckResult
from tfx_kmeans.export_validator.report.document import read_report


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """Results of a pipeline run.

    Attributes:
      cluster_weight: Weight of the training rows of each cluster, float64 [k].
      inertia: Inertia of the training rows.
      checks: Results of the validator's checks.
      report: Path of report.html.
      blessed: Whether every check with mode 'fail' passed or was overridden.
      pushed_to: Folder of the pushed model; None if nothing was pushed.
      example: Numeric features of the first raw training example, by name.
      validated_splits: Names of the splits that the model was validated on.
      empty_splits: Names of the splits that were to be used but contain no examples, so that others
        were; usually none.
    """

    cluster_weight: np.ndarray
    inertia: float
    checks: tuple[CheckResult, ...]
    report: Path
    blessed: bool
    pushed_to: Path | None
    example: dict[str, list[float]]
    validated_splits: tuple[str, ...] = ()
    empty_splits: tuple[str, ...] = ()


def read_run_summary(metadata_path: Path) -> RunSummary:
    """Reads the newest artifacts of a finished run.

    Raises:
      RunError: If the run produced no centroids, no report or no result of Pusher.
    """
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata_path)
    store = MetadataStore(connection)
    payload = read_payload(_newest(store, 'tfx_kmeans.KMeansCentroids').uri)
    report_folder = Path(_newest(store, 'tfx_kmeans.KMeansReport').uri)
    report = read_report(str(report_folder / names.REPORT_FILE))
    pushed = _newest(store, 'PushedModel').custom_properties
    return RunSummary(
        cluster_weight=payload.cluster_weight,
        inertia=payload.metadata.inertia,
        checks=report.checks,
        report=report_folder / names.PAGE_FILE,
        blessed=report.blessed,
        pushed_to=Path(pushed['pushed_destination'].string_value)
        if pushed['pushed'].int_value
        else None,
        example=_first_example(store),
        validated_splits=report.validated_splits,
        empty_splits=report.empty_splits,
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
    # Converting through text shows a float32 with no more digits than it has.
    floats = [float(str(np.float32(value))) for value in feature.float_list.value]
    return floats or list(feature.int64_list.value)


def _newest(store: MetadataStore, type_name: str) -> Any:
    artifacts = store.get_artifacts_by_type(type_name)
    if not artifacts:
        raise RunError(f'The run produced no {type_name} artifact.')
    return max(artifacts, key=lambda artifact: artifact.id)
