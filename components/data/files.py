"""Reads the bytes of files through TensorFlow's file layer, and decompresses gzip files."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

import tensorflow as tf

from tfx_kmeans.data.checksums import starts_a_record
from tfx_kmeans.errors import NoExamplesError


def _fastest_zlib() -> Any:
    """zlib-ng if installed, as it decompresses a third faster (see benchmarks/), else zlib."""
    try:
        return importlib.import_module('zlib_ng.zlib_ng')
    except ImportError:
        return importlib.import_module('zlib')


zlib = _fastest_zlib()
_GZIP_MAGIC = b'\x1f\x8b'
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_READ_BYTES = 1 << 18
_DECOMPRESSED_BYTES = 1 << 20


def files_in(folder: str) -> list[str]:
    """Paths of the files in a folder, sorted, without hidden files and those starting with '_'.

    Raises:
      NoExamplesError: If the folder contains no such file.
    """
    names = sorted(tf.io.gfile.listdir(folder))
    files = [name for name in names if not name.startswith(('.', '_')) and not name.endswith('/')]
    if not files:
        raise NoExamplesError(f'There are no files of examples in {folder}.')
    return [f'{folder.rstrip("/")}/{name}' for name in files]


class ContentError(Exception):
    """A file that cannot be read, or whose gzip stream is damaged or truncated."""


class Content:
    """The content of a file, read sequentially with bounded memory.

    Attributes:
      is_gzip: Whether the file is gzip, and so verified by gzip's own CRC. Determined from the
        first bytes, not from the file name. (A plain TFRecord file whose first record has 35,615
        bytes starts with gzip's magic number as well, but its header has a valid checksum.)
    """

    def __init__(self, path: str) -> None:
        """Opens a file.

        Args:
          path: Path of the file.

        Raises:
          ContentError: If the file cannot be read; may also be raised by `read`.
        """
        chunks = _chunks(path)
        first = next(chunks, b'')
        self.is_gzip = first.startswith(_GZIP_MAGIC) and not starts_a_record(first)
        all_chunks = chain([first], chunks)
        self._pieces = _decompressed(all_chunks) if self.is_gzip else all_chunks
        self._left: Any = b''

    def read(self, size: int) -> bytes:
        """Reads the next `size` bytes, or fewer at the end of the file.

        Raises:
          ContentError: If the file cannot be read, or its gzip stream is damaged or truncated.
        """
        taken, missing = [], size
        while missing > 0:
            if not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._left = memoryview(piece)
            taken.append(self._left[:missing])
            self._left = self._left[missing:]
            missing -= len(taken[-1])
        return b''.join(taken)


def _chunks(path: str) -> Iterator[bytes]:
    try:
        with tf.io.gfile.GFile(path, 'rb') as file:
            while chunk := file.read(_READ_BYTES):
                yield chunk
    except tf.errors.OpError as error:
        raise ContentError(f'the file cannot be read ({error.message})') from error


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of all gzip members, one after another, in pieces of bounded size."""
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if decompressor.eof:
                    decompressor = zlib.decompressobj(_GZIP_WINDOW)
                yield decompressor.decompress(rest, _DECOMPRESSED_BYTES)
                rest = decompressor.unused_data or decompressor.unconsumed_tail
    except zlib.error as error:
        raise ContentError(f'the gzip stream is damaged ({error})') from error
    if not decompressor.eof:
        raise ContentError('the file is truncated: its gzip stream is incomplete')
