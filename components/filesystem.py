"""Files of artifacts and checkpoints, on local disk or wherever TensorFlow's file layer reaches.

A path with a scheme (gs://, hdfs://, ...) goes to `tf.io.gfile`; any other path goes to Python's
own functions, so that local work does not import TensorFlow. Every failure is an OSError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEME = re.compile(r'[a-zA-Z][a-zA-Z0-9+.-]*://')


def read_bytes(path: str) -> bytes:
    """The content of a file."""
    if not _is_remote(path):
        return Path(path).read_bytes()
    with _remote(path) as gfile, gfile.GFile(path, 'rb') as file:
        content: bytes = file.read()
        return content


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file; its folder must exist."""
    if not _is_remote(path):
        Path(path).write_bytes(content)
        return
    with _remote(path) as gfile, gfile.GFile(path, 'wb') as file:
        file.write(content)


def read_text(path: str) -> str:
    """The content of a file in UTF-8."""
    return read_bytes(path).decode()


def write_text(path: str, text: str) -> None:
    """Writes a file in UTF-8."""
    write_bytes(path, text.encode())


def exists(path: str) -> bool:
    """Whether there is a file or a folder at a path."""
    if not _is_remote(path):
        return os.path.exists(path)
    with _remote(path) as gfile:
        return bool(gfile.exists(path))


def is_folder(path: str) -> bool:
    """Whether there is a folder at a path."""
    if not _is_remote(path):
        return os.path.isdir(path)
    with _remote(path) as gfile:
        return bool(gfile.isdir(path))


def names_in(folder: str) -> list[str]:
    """Names of the files and folders in a folder, sorted, without trailing slashes."""
    if not _is_remote(folder):
        return sorted(os.listdir(folder))
    with _remote(folder) as gfile:
        return sorted(name.rstrip('/') for name in gfile.listdir(folder))


def make_folder(path: str) -> None:
    """Creates a folder and its parents, unless it exists."""
    if not _is_remote(path):
        os.makedirs(path, exist_ok=True)
        return
    with _remote(path) as gfile:
        gfile.makedirs(path)


def rename(source: str, target: str) -> None:
    """Renames a file, and replaces the target if it exists."""
    if not _is_remote(source):
        os.replace(source, target)
        return
    with _remote(source) as gfile:
        gfile.rename(source, target, overwrite=True)


def remove(path: str) -> None:
    """Removes a file."""
    if not _is_remote(path):
        os.remove(path)
        return
    with _remote(path) as gfile:
        gfile.remove(path)


def _is_remote(path: str) -> bool:
    return _SCHEME.match(path) is not None


@contextmanager
def _remote(path: str) -> Iterator[Any]:
    """TensorFlow's file layer, with its errors as OSErrors."""
    import tensorflow as tf

    try:
        yield tf.io.gfile
    except tf.errors.OpError as error:
        raise OSError(f'{path}: {error.message}') from error
