"""Checkpoints of a fit as files, wherever TensorFlow's file layer reaches.

A checkpoint is one npz file: its arrays, and a JSON header. It is written under another name and
renamed, and the one before is kept until the next, so that there is always a whole one. zip's
checksums tell a torn one, which is set aside.
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
import tensorflow as tf

from tfx_kmeans.clustering.checkpoint import Checkpoint
from tfx_kmeans.clustering.outcome import Outcome, Restart
from tfx_kmeans.clustering.progress import Iteration, Progress
from tfx_kmeans.version import __version__

_log = logging.getLogger(__name__)

_KEPT = 2
_SPARED = 10  # saving takes at most a tenth of the time
_NAME = re.compile(r'checkpoint-(\d+)\.npz')
_BROKEN = (zipfile.BadZipFile, EOFError, ValueError, KeyError, TypeError, OSError)


class CheckpointError(ValueError):
    """A folder of checkpoints that this fit cannot go on from; says what differs."""


class CheckpointFolder:
    """The checkpoints of one fit in a folder of their own."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Args:
        folder: is made where it is missing.

        Raises:
          CheckpointError: where it cannot be written to.
        """
        self._folder = os.fspath(folder).rstrip('/')
        try:
            tf.io.gfile.makedirs(self._folder)
            with tf.io.gfile.GFile(f'{self._folder}/partial', 'wb') as file:
                file.write(b'')
            tf.io.gfile.remove(f'{self._folder}/partial')
        except tf.errors.OpError as error:
            raise CheckpointError(
                f'checkpoint_dir {folder!r} cannot be written to: {error.message}'
            ) from error
        self._number = 0
        self._rest_until = 0.0

    def load(self, fingerprint: dict[str, Any]) -> Checkpoint | None:
        """The newest whole checkpoint, None where there is none; torn ones are renamed.

        Raises:
          CheckpointError: naming what differs, where it is of other data, options or version.
        """
        for number in sorted(self._numbers(), reverse=True):
            self._number = max(self._number, number)
            checkpoint = self._read(number)
            if checkpoint is not None:
                self._refuse_other(checkpoint.fingerprint, _stamped(fingerprint))
                _log.info('Going on from %s', self._path(number))
                return checkpoint
        return None

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, unless that would take more than a tenth of the time."""
        began = time.monotonic()
        if began < self._rest_until:
            return
        self._number += 1
        stamped = dataclasses.replace(checkpoint, fingerprint=_stamped(checkpoint.fingerprint))
        partial = f'{self._folder}/partial'
        with tf.io.gfile.GFile(partial, 'wb') as file:
            file.write(_serialized(stamped))
        tf.io.gfile.rename(partial, self._path(self._number), overwrite=True)
        for number in self._numbers():
            if number <= self._number - _KEPT:
                tf.io.gfile.remove(self._path(number))
        ended = time.monotonic()
        self._rest_until = ended + _SPARED * (ended - began)

    def remove(self) -> None:
        """Removes what was kept; the folder stays."""
        for number in self._numbers():
            tf.io.gfile.remove(self._path(number))
        if tf.io.gfile.exists(f'{self._folder}/partial'):
            tf.io.gfile.remove(f'{self._folder}/partial')

    def _read(self, number: int) -> Checkpoint | None:
        path = self._path(number)
        with tf.io.gfile.GFile(path, 'rb') as file:
            content = file.read()
        try:
            return _deserialized(content)
        except _BROKEN as error:
            torn = f'{self._folder}/torn-{number}.npz'
            tf.io.gfile.rename(path, torn, overwrite=True)
            _log.warning('%s is damaged (%s): it is set aside as %s', path, error, torn)
            return None

    def _refuse_other(self, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        names = sorted({*found, *wanted})
        differing = [name for name in names if found.get(name) != wanted.get(name)]
        if differing:
            listed = '; '.join(
                f'{name} was {_shown(found.get(name))}, is {_shown(wanted.get(name))}'
                for name in differing
            )
            raise CheckpointError(
                f'checkpoint_dir {self._folder} holds a checkpoint of another fit: {listed}. '
                'Remove the folder to begin anew, or name another.'
            )

    def _numbers(self) -> list[int]:
        found = map(_NAME.fullmatch, tf.io.gfile.listdir(self._folder))
        return [int(match.group(1)) for match in found if match is not None]

    def _path(self, number: int) -> str:
        return f'{self._folder}/checkpoint-{number}.npz'


def _stamped(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """The fingerprint as JSON gives it back, with the version whose bits it promises."""
    stamped: dict[str, Any] = json.loads(json.dumps({**fingerprint, 'tfx_kmeans': __version__}))
    return stamped


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def _serialized(checkpoint: Checkpoint) -> bytes:
    header = {
        'fingerprint': checkpoint.fingerprint,
        'seed': checkpoint.seed,
        'restarts': [dataclasses.asdict(restart) for restart in checkpoint.restarts],
    }
    arrays: dict[str, np.ndarray] = {}
    if (best := checkpoint.best) is not None:
        header['best'] = best.restart
        for field in _OUTCOME_ARRAYS:
            arrays[f'best/{field}'] = getattr(best, field)
    if (progress := checkpoint.progress) is not None:
        history = [dataclasses.asdict(iteration) for iteration in progress.history]
        header['progress'] = {'history': history, 'converged': progress.converged}
        arrays['progress/centroids'] = progress.centroids
        if progress.previous is not None:
            arrays['progress/previous'] = progress.previous
        arrays |= {f'memory/{name}': value for name, value in progress.memory.items()}
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array(json.dumps(header)), **arrays)
    return buffer.getvalue()


_OUTCOME_ARRAYS = ('centroids', 'cluster_weight', 'cluster_inertia')


def _deserialized(content: bytes) -> Checkpoint:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(str(arrays['header']))
    best = None
    if 'best' in header:
        best = Outcome(header['best'], *(arrays[f'best/{field}'] for field in _OUTCOME_ARRAYS))
    return Checkpoint(
        fingerprint=header['fingerprint'],
        seed=header['seed'],
        restarts=tuple(
            Restart(restart['inertia'], restart['converged'], _history(restart['history']))
            for restart in header['restarts']
        ),
        best=best,
        progress=_progress(header['progress'], arrays) if 'progress' in header else None,
    )


def _progress(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Progress:
    memory = {
        name.removeprefix('memory/'): value
        for name, value in arrays.items()
        if name.startswith('memory/')
    }
    return Progress(
        arrays['progress/centroids'],
        _history(header['history']),
        header['converged'],
        arrays.get('progress/previous'),
        memory,
    )


def _history(iterations: list[dict[str, Any]]) -> tuple[Iteration, ...]:
    return tuple(Iteration(**iteration) for iteration in iterations)
