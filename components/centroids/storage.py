"""Payloads on disk, or wherever TensorFlow's file layer reaches."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.centroids.payload import (
    FORMAT_VERSION,
    CentroidsPayload,
    Metadata,
    PlacedFeature,
)
from tfx_kmeans.clustering.outcome import Restart
from tfx_kmeans.clustering.progress import Iteration

ARRAYS_FILE = 'centroids.npz'
METADATA_FILE = 'metadata.json'
_ARRAYS = ('centroids', 'shift', 'cluster_weight', 'cluster_inertia')


class CentroidsError(ValueError):
    """A folder that holds no centroids this version can read; says which, and why."""


def write_payload(folder: str, payload: CentroidsPayload) -> None:
    """Writes centroids.npz and then, as the mark that it is whole, metadata.json."""
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
            }
        )
    except (TypeError, KeyError, json.JSONDecodeError) as error:
        raise CentroidsError(f'{path} is damaged: {error!r}') from error


def _restart(fields: dict[str, Any]) -> Restart:
    history = tuple(Iteration(**iteration) for iteration in fields['history'])
    return Restart(fields['inertia'], fields['converged'], history)


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
