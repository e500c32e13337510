"""Stores the checkpoints of a fit as files, on any file system that TensorFlow supports.

A checkpoint is one npz file with its arrays and a JSON header. It is written under another name and
then renamed, and the previous checkpoint is kept until the next one, so that there is always a
complete one. Damaged files are detected by the checksums of the zip format, and renamed.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import os
import re
import time
import zipfile
from typing import Any

import numpy as np

from tfx_kmeans import filesystem
from tfx_kmeans.clustering.checkpoint import Checkpoint
from tfx_kmeans.clustering.fit_result import FinalAssignment, Restart
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.progress import Iteration, Progress
from tfx_kmeans.dataclass_json import from_fields, refuse_newer, to_fields
from tfx_kmeans.errors import CheckpointError
from tfx_kmeans.version import __version__

_log = logging.getLogger(__name__)

CHECKPOINT_FORMAT = '1.0'
"""Format of a checkpoint's header; readers reject a newer major version, see `dataclass_json`."""

_NEWER = 'Resume with the version that wrote it, or remove the folder to start again.'
_KEPT = 2  # checkpoints
_SPARED = 10  # pause after a save, in durations of the save: saving takes up to a tenth of the time
_NAME = re.compile(r'checkpoint-(\d+)\.npz')
_READ_ERRORS = (zipfile.BadZipFile, EOFError, ValueError, KeyError, TypeError, OSError)


class CheckpointFolder:
    """The checkpoints of one fit, in a folder that no other fit uses."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Creates the folder if it does not exist.

        Args:
          folder: Folder for the checkpoints of one fit.

        Raises:
          CheckpointError: If the folder cannot be written to.
        """
        self._folder = os.fspath(folder).rstrip('/')
        try:
            filesystem.make_folder(self._folder)
            filesystem.write_bytes(f'{self._folder}/partial', b'')
            filesystem.remove(f'{self._folder}/partial')
        except OSError as error:
            raise CheckpointError(
                f'checkpoint_dir {folder!r} cannot be written to: {error}. Use another folder.'
            ) from error
        self._number = 0
        self._next_save = 0.0

    def load(self, fingerprint: dict[str, Any]) -> Checkpoint | None:
        """The newest complete checkpoint; None if there is none. Renames damaged files.

        Raises:
          CheckpointError: If the checkpoint was written for other data, for other options or by
            another version; names everything that differs.
        """
        for number in sorted(self._numbers(), reverse=True):
            self._number = max(self._number, number)
            checkpoint = self._read(number)
            if checkpoint is not None:
                self._refuse_other(checkpoint.fingerprint, _with_version(fingerprint))
                _log.info('Resuming from %s', self._path(number))
                return checkpoint
        return None

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, unless saving would take more than about a tenth of the time."""
        started = time.monotonic()
        if started < self._next_save:
            return
        self._number += 1
        fingerprint = _with_version(checkpoint.fingerprint)
        partial = f'{self._folder}/partial'
        content = _serialized(dataclasses.replace(checkpoint, fingerprint=fingerprint))
        filesystem.write_bytes(partial, content)
        filesystem.rename(partial, self._path(self._number))
        for number in self._numbers():
            if number <= self._number - _KEPT:
                filesystem.remove(self._path(number))
        ended = time.monotonic()
        self._next_save = ended + _SPARED * (ended - started)

    def remove(self) -> None:
        """Removes the checkpoints, but not the folder."""
        for number in self._numbers():
            filesystem.remove(self._path(number))
        if filesystem.exists(f'{self._folder}/partial'):
            filesystem.remove(f'{self._folder}/partial')

    def _read(self, number: int) -> Checkpoint | None:
        path = self._path(number)
        content = filesystem.read_bytes(path)
        try:
            return _deserialized(path, content)
        except CheckpointError:
            raise
        except _READ_ERRORS as error:
            torn = f'{self._folder}/torn-{number}.npz'
            filesystem.rename(path, torn)
            _log.warning('%s is damaged (%s) and has been renamed to %s', path, error, torn)
            return None

    def _refuse_other(self, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        found = {**_DEFAULTS, **found}  # of options that are newer than the checkpoint
        names = sorted({*found, *wanted})
        differing = [name for name in names if found.get(name) != wanted.get(name)]
        if differing:
            listed = '; '.join(
                f'{name} was {_shortened(found.get(name))}, is {_shortened(wanted.get(name))}'
                for name in differing
            )
            raise CheckpointError(
                f'checkpoint_dir {self._folder} contains a checkpoint of another fit: {listed}. '
                'Remove the folder to start again, or use another folder.'
            )

    def _numbers(self) -> list[int]:
        found = map(_NAME.fullmatch, filesystem.names_in(self._folder))
        return [int(match.group(1)) for match in found if match is not None]

    def _path(self, number: int) -> str:
        return f'{self._folder}/checkpoint-{number}.npz'


def _with_version(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """The fingerprint after conversion to JSON and back, with the version of this package.

    Another version may give results that are not bit-identical.
    """
    versioned: dict[str, Any] = json.loads(json.dumps({**fingerprint, 'tfx_kmeans': __version__}))
    return versioned


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


@dataclasses.dataclass(frozen=True)
class _ProgressHeader:
    """A `Progress` without its arrays."""

    history: tuple[Iteration, ...]
    converged: bool


@dataclasses.dataclass(frozen=True)
class _Header:
    """A `Checkpoint` without its arrays; `best` is the index of the best finished restart."""

    fingerprint: dict[str, Any]
    seed: int
    restarts: tuple[Restart, ...]
    best: int | None = None
    progress: _ProgressHeader | None = None
    format_version: str = CHECKPOINT_FORMAT


_DEFAULTS = KMeansOptions(num_clusters=1).to_json()
_FINAL_ARRAYS = ('centroids', 'cluster_weight', 'cluster_inertia')
_POINTS = 'best/points'


def _serialized(checkpoint: Checkpoint) -> bytes:
    best, progress = checkpoint.best, checkpoint.progress
    header = _Header(
        fingerprint=checkpoint.fingerprint,
        seed=checkpoint.seed,
        restarts=checkpoint.restarts,
        best=None if best is None else best.restart,
        progress=None
        if progress is None
        else _ProgressHeader(progress.history, progress.converged),
    )
    arrays: dict[str, Any] = {}
    if best is not None:
        arrays |= {f'best/{field}': getattr(best, field) for field in _FINAL_ARRAYS}
        if best.points is not None:
            arrays[_POINTS] = best.points
    if progress is not None:
        arrays['progress/centroids'] = progress.centroids
        if progress.previous is not None:
            arrays['progress/previous'] = progress.previous
        arrays |= {f'memory/{name}': value for name, value in progress.memory.items()}
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array(json.dumps(to_fields(header))), **arrays)
    return buffer.getvalue()


def _deserialized(path: str, content: bytes) -> Checkpoint:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    fields = json.loads(str(arrays['header']))
    refuse_newer(fields, CHECKPOINT_FORMAT, path, CheckpointError, _NEWER)
    header = from_fields(_Header, fields)
    best = None
    if header.best is not None:
        found = {field: arrays[f'best/{field}'] for field in _FINAL_ARRAYS}
        best = FinalAssignment(header.best, **found, points=arrays.get(_POINTS))
    return Checkpoint(
        fingerprint=header.fingerprint,
        seed=header.seed,
        restarts=header.restarts,
        best=best,
        progress=None if header.progress is None else _progress(header.progress, arrays),
    )


def _progress(header: _ProgressHeader, arrays: dict[str, np.ndarray]) -> Progress:
    memory = {
        name.removeprefix('memory/'): value
        for name, value in arrays.items()
        if name.startswith('memory/')
    }
    return Progress(
        arrays['progress/centroids'],
        header.history,
        header.converged,
        arrays.get('progress/previous'),
        memory,
    )
