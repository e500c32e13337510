"""Results of the latest run of a pipeline, read from its metadata store."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
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
from tfx_kmeans.errors import NoExamplesError, RunError
from tfx_kmeans.export_validator.checks.run import CheckResult
from tfx_kmeans.export_validator.report.document import read_report

_SPLIT = 'Split-'
_EXAMINED = 100


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
      example: Features of the first raw training example that have values, by name.
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
    example: dict[str, list[Any]]
    validated_splits: tuple[str, ...] = ()
    empty_splits: tuple[str, ...] = ()


def read_run_summary(metadata_path: Path) -> RunSummary:
    """Reads the newest artifacts of a finished run.

    Raises:
      RunError: If the run produced no centroids, no report or no result of Pusher.
    """
    store = _open(metadata_path)
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


def read_split_sizes(metadata_path: Path) -> dict[str, int]:
    """Number of raw examples in each split of the latest run, by its name; empty without any."""
    raw = _raw_examples(_open(metadata_path))
    if not raw:
        return {}
    folder = Path(max(raw, key=lambda artifact: artifact.id).uri)
    return {
        split.name.removeprefix(_SPLIT): sum(
            len(batch.as_list()) for file in _files_in(split) for batch in read_records(file)
        )
        for split in sorted(folder.glob(f'{_SPLIT}*'))
    }


def _open(metadata_path: Path) -> MetadataStore:
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata_path)
    return MetadataStore(connection)


def _raw_examples(store: MetadataStore) -> list[Any]:
    """The artifacts of ExampleGen, not those of Transform."""
    return [
        artifact
        for artifact in store.get_artifacts_by_type('Examples')
        if 'payload_format' in artifact.custom_properties
    ]


def _files_in(folder: Path) -> list[str]:
    try:
        return files_in(str(folder))
    except NoExamplesError:
        return []


def _first_example(store: MetadataStore) -> dict[str, list[Any]]:
    """The values of an example, without NaN if there is one."""
    newest = max(_raw_examples(store), key=lambda artifact: artifact.id)
    records = next(read_records(files_in(f'{newest.uri}/{_SPLIT}train')[0])).as_list()
    found = [_values_of(record) for record in records[:_EXAMINED]]
    whole = (one for one in found if not any(map(_has_nan, one.values())))
    return next(whole, None) or {
        name: [0.0 if _has_nan([value]) else value for value in values]
        for name, values in found[0].items()
    }


def _has_nan(values: Sequence[Any]) -> bool:
    return any(isinstance(value, float) and math.isnan(value) for value in values)


def _values_of(record: bytes) -> dict[str, list[Any]]:
    feature = tf.train.Example.FromString(record).features.feature
    return {name: found for name in sorted(feature) if (found := _values(feature[name]))}


def _values(feature: Any) -> list[Any]:
    # Converting through text shows a float32 with no more digits than it has.
    floats = [float(str(np.float32(value))) for value in feature.float_list.value]
    strings = [value.decode() for value in feature.bytes_list.value]
    return floats or strings or list(feature.int64_list.value)


def _newest(store: MetadataStore, type_name: str) -> Any:
    artifacts = store.get_artifacts_by_type(type_name)
    if not artifacts:
        raise RunError(f'The run produced no {type_name} artifact.')
    return max(artifacts, key=lambda artifact: artifact.id)
