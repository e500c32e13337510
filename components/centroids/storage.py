"""Reads and writes payloads, on local disk or any other file system that TensorFlow supports."""

from __future__ import annotations

import io
import json
import os
import zipfile

import numpy as np

from tfx_kmeans import filesystem, names
from tfx_kmeans.centroids.payload import METADATA_FORMAT, CentroidsPayload, Metadata
from tfx_kmeans.dataclass_json import from_fields, refuse_newer, to_json
from tfx_kmeans.errors import CentroidsError

ARRAYS_FILE = 'centroids.npz'
METADATA_FILE = 'metadata.json'
_ARRAYS = ('centroids', 'shift', 'cluster_weight', 'cluster_inertia')
_POINTS = 'points'  # only if float32 rounds the centroids
_UNREADABLE = (zipfile.BadZipFile, EOFError, ValueError, KeyError, OSError)


def write_payload(folder: str | os.PathLike[str], payload: CentroidsPayload) -> None:
    """Writes centroids.npz and then metadata.json, whose presence marks a complete payload."""
    folder = os.fspath(folder)
    buffer = io.BytesIO()
    arrays = {name: getattr(payload, name) for name in (*_ARRAYS, _POINTS)}
    np.savez(buffer, **{name: array for name, array in arrays.items() if array is not None})
    filesystem.make_folder(folder)
    filesystem.write_bytes(_path(folder, ARRAYS_FILE), buffer.getvalue())
    filesystem.write_text(_path(folder, METADATA_FILE), to_json(payload.metadata))


def read_payload(folder: str) -> CentroidsPayload:
    """Reads a payload that `write_payload` of this version or an earlier one has written.

    Raises:
      CentroidsError: If files are missing or damaged, have a newer major format, or contradict each
        other; names the folder or file.
    """
    metadata = _read_metadata(folder)
    path = _path(folder, ARRAYS_FILE)
    try:
        arrays = np.load(io.BytesIO(filesystem.read_bytes(path)), allow_pickle=False)
        found = {name: arrays[name] for name in _ARRAYS}
        found[_POINTS] = arrays.get(_POINTS)
    except _UNREADABLE as error:
        raise CentroidsError(f'{path} cannot be read: {error}') from error
    payload = CentroidsPayload(**found, metadata=metadata)
    _refuse_misfit(folder, payload)
    return payload


def find_payload(folder: str) -> str:
    """The folder with the payload of a centroids artifact, or of an exported or pushed model.

    Args:
      folder: Folder of a centroids artifact, a SavedModel or a Model artifact, or a folder that
        models are pushed to. Of the latter, the newest version (the largest number) is used.

    Raises:
      CentroidsError: If there is no payload; names the folder and the file that is missing.
    """
    folder = folder.rstrip('/')
    for candidate in (folder, f'{folder}/{names.MODEL_FOLDER}', newest_version(folder)):
        for payload in (candidate, f'{candidate}/{names.PAYLOAD_IN_MODEL}'):
            if filesystem.exists(_path(payload, METADATA_FILE)):
                return payload
    raise CentroidsError(
        f'{folder} contains no centroids: there is no {METADATA_FILE} in it, nor in '
        f'{names.PAYLOAD_IN_MODEL} of a SavedModel in it. Use the folder of a KMeansCentroids '
        'artifact, or of a model that CentroidExporter has exported.'
    )


def newest_version(folder: str) -> str:
    """The subfolder whose name is the largest number; the folder itself if there is none."""
    found = filesystem.names_in(folder) if filesystem.is_folder(folder) else []
    versions = [name for name in found if name.isdigit()]
    return f'{folder}/{max(versions, key=int)}' if versions else folder


def _read_metadata(folder: str) -> Metadata:
    path = _path(folder, METADATA_FILE)
    if not filesystem.exists(path):
        raise CentroidsError(f'{folder} contains no centroids: there is no {METADATA_FILE} in it.')
    try:
        fields = json.loads(filesystem.read_text(path))
        refuse_newer(fields, METADATA_FORMAT, path, CentroidsError)
        return from_fields(Metadata, fields)
    except CentroidsError:
        raise
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise CentroidsError(f'{path} is damaged: {error}.') from error


def _refuse_misfit(folder: str, payload: CentroidsPayload) -> None:
    k, d = payload.metadata.num_clusters, payload.metadata.width
    wanted = {'centroids': (k, d), 'shift': (d,), 'cluster_weight': (k,), 'cluster_inertia': (k,)}
    if payload.points is not None:
        wanted[_POINTS] = (k, d)
    for name, shape in wanted.items():
        found = getattr(payload, name).shape
        if found != shape:
            raise CentroidsError(
                f'{folder}: {name} has shape {found}, but {METADATA_FILE} gives {shape}.'
            )


def _path(folder: str, name: str) -> str:
    return f'{folder.rstrip("/")}/{name}'
