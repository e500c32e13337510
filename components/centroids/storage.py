"""Payloads on disk, or wherever TensorFlow's file layer reaches."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zipfile
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import (
    FORMAT_VERSION,
    Ancestry,
    CentroidsPayload,
    Metadata,
    PlacedFeature,
)
from tfx_kmeans.clustering.alignment import Succession
from tfx_kmeans.clustering.evaluation import Evaluation
from tfx_kmeans.clustering.outcome import Restart
from tfx_kmeans.clustering.progress import Iteration

ARRAYS_FILE = 'centroids.npz'
METADATA_FILE = 'metadata.json'
_MODEL_FOLDER = 'Format-Serving'
_ARRAYS = ('centroids', 'shift', 'cluster_weight', 'cluster_inertia')

T = TypeVar('T')


class CentroidsError(ValueError):
    """A folder that holds no centroids this version can read; says which, and why."""


def write_payload(folder: str | os.PathLike[str], payload: CentroidsPayload) -> None:
    """Writes centroids.npz and then, as the mark that it is whole, metadata.json."""
    folder = os.fspath(folder)
    buffer = io.BytesIO()
    np.savez(buffer, **{name: getattr(payload, name) for name in _ARRAYS})
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(_path(folder, ARRAYS_FILE), 'wb') as file:
        file.write(buffer.getvalue())
    metadata = json.dumps(dataclasses.asdict(payload.metadata), indent=2, sort_keys=True)
    with tf.io.gfile.GFile(_path(folder, METADATA_FILE), 'w') as file:
        file.write(metadata + '\n')


def read_payload(folder: str) -> CentroidsPayload:
    """Reads what `write_payload` wrote.

    Raises:
      CentroidsError: naming the folder, where files are missing, of a newer format, or do not
        fit together.
    """
    metadata = _read_metadata(folder)
    try:
        with tf.io.gfile.GFile(_path(folder, ARRAYS_FILE), 'rb') as file:
            arrays = np.load(io.BytesIO(file.read()), allow_pickle=False)
            found = {name: arrays[name] for name in _ARRAYS}
    except (
        tf.errors.OpError,
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        KeyError,
        OSError,
    ) as error:
        raise CentroidsError(f'{_path(folder, ARRAYS_FILE)} cannot be read: {error}') from error
    payload = CentroidsPayload(**found, metadata=metadata)
    _refuse_misfit(folder, payload)
    return payload


def find_payload(folder: str) -> str:
    """The folder that holds the payload of a centroids artifact, or of an exported or pushed model.

    Args:
      folder: a centroids artifact, a SavedModel, a Model artifact, or a folder that models are
        pushed to, of which the newest (the largest number) counts.

    Raises:
      CentroidsError: naming the folder and what was looked for.
    """
    folder = folder.rstrip('/')
    for candidate in (folder, f'{folder}/{_MODEL_FOLDER}', _newest_version(folder)):
        for payload in (candidate, f'{candidate}/{names.PAYLOAD_IN_MODEL}'):
            if tf.io.gfile.exists(_path(payload, METADATA_FILE)):
                return payload
    raise CentroidsError(
        f'{folder} holds no centroids: there is no {METADATA_FILE} in it, nor in '
        f'{names.PAYLOAD_IN_MODEL} of a SavedModel there. Name a KMeansCentroids artifact, or a '
        'model that CentroidExporter has made.'
    )


def _newest_version(folder: str) -> str:
    """The subfolder of the largest number, or the folder itself."""
    found = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    versions = [name.rstrip('/') for name in found if name.rstrip('/').isdigit()]
    return f'{folder}/{max(versions, key=int)}' if versions else folder


def _read_metadata(folder: str) -> Metadata:
    path = _path(folder, METADATA_FILE)
    if not tf.io.gfile.exists(path):
        raise CentroidsError(f'{folder} holds no centroids: there is no {METADATA_FILE} in it.')
    try:
        with tf.io.gfile.GFile(path) as file:
            fields = json.load(file)
        _refuse_newer(path, fields)
        return Metadata(
            **{
                **{field.name: fields[field.name] for field in dataclasses.fields(Metadata)},
                'features': tuple(PlacedFeature(**feature) for feature in fields['features']),
                'column_names': tuple(fields['column_names']),
                'restarts': tuple(_restart(restart) for restart in fields['restarts']),
                'ancestry': _ancestry(fields['ancestry']),
                'evaluation': {
                    name: _tupled(Evaluation, measures, 'cluster_weight')
                    for name, measures in fields['evaluation'].items()
                },
            }
        )
    except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise CentroidsError(f'{path} is damaged: {error!r}') from error


def _restart(fields: dict[str, Any]) -> Restart:
    history = tuple(Iteration(**iteration) for iteration in fields['history'])
    return Restart(fields['inertia'], fields['converged'], history)


def _ancestry(fields: dict[str, Any] | None) -> Ancestry | None:
    if fields is None:
        return None
    succession = _tupled(Succession, fields['succession'], 'distance')
    return Ancestry(fields['base_model'], fields['aligned'], succession)


def _tupled(kind: Callable[..., T], fields: dict[str, Any], name: str) -> T:
    """A dataclass of JSON's fields, one of which is a tuple."""
    return kind(**{**fields, name: tuple(fields[name])})


def _refuse_newer(path: str, fields: dict[str, Any]) -> None:
    written = str(fields['format_version'])
    if int(written.split('.', maxsplit=1)[0]) > int(FORMAT_VERSION.split('.')[0]):
        raise CentroidsError(
            f'{path} has format {written}; this version of tfx-kmeans reads up to '
            f'{FORMAT_VERSION}. Install a newer tfx-kmeans.'
        )


def _refuse_misfit(folder: str, payload: CentroidsPayload) -> None:
    k, d = payload.metadata.num_clusters, payload.metadata.width
    wanted = {'centroids': (k, d), 'shift': (d,), 'cluster_weight': (k,), 'cluster_inertia': (k,)}
    for name, shape in wanted.items():
        found = getattr(payload, name).shape
        if found != shape:
            raise CentroidsError(
                f'{folder}: {name} has shape {found}, but {METADATA_FILE} says {shape}.'
            )


def _path(folder: str, name: str) -> str:
    return f'{folder.rstrip("/")}/{name}'
