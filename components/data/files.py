"""The bytes of a file, read through TensorFlow's file layer and inflated where it is gzip."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

import tensorflow as tf

from tfx_kmeans.data.checksums import starts_a_record
from tfx_kmeans.data.errors import DataError


def _fastest_zlib() -> Any:
    """zlib-ng, which inflates a third faster (see benchmarks/), or the standard library's."""
    try:
        return importlib.import_module('zlib_ng.zlib_ng')
    except ImportError:
        return importlib.import_module('zlib')


zlib = _fastest_zlib()
_GZIP_MAGIC = b'\x1f\x8b'
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_READ_BYTES = 1 << 18
_INFLATED_BYTES = 1 << 20


def files_in(folder: str) -> list[str]:
    """The files of a folder, sorted.

    Raises:
      DataError: where there is none.
    """
    names = sorted(tf.io.gfile.listdir(folder))
    files = [name for name in names if not name.startswith(('.', '_')) and not name.endswith('/')]
    if not files:
        raise DataError(f'There are no files of examples in {folder}.')
    return [f'{folder.rstrip("/")}/{name}' for name in files]


class ContentError(Exception):
    """Content that cannot be read, or a gzip stream that is damaged or cut off; says which."""


class Content:
    """A file's content, from the start to the end; never holds more than what was asked for.

    Attributes:
      is_gzip: whether it was inflated, and so checked against gzip's own CRC; told by the first
        bytes, not by the name (a record of 35,615 bytes starts like gzip, but for its checksum).
    """

    def __init__(self, path: str) -> None:
        """Args:
        path: of the file.

        Raises:
          ContentError: here or while reading.
        """
        chunks = _chunks(path)
        first = next(chunks, b'')
        self.is_gzip = first.startswith(_GZIP_MAGIC) and not starts_a_record(first)
        whole = chain([first], chunks)
        self._pieces = _inflated(whole) if self.is_gzip else whole
        self._left: Any = b''

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end of the file only."""
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
        raise ContentError(f'it cannot be read ({error.message})') from error


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of one gzip member after another, in pieces of bounded size."""
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP_WINDOW)
                yield inflate.decompress(rest, _INFLATED_BYTES)
                rest = inflate.unused_data or inflate.unconsumed_tail
    except zlib.error as error:
        raise ContentError(f'its gzip stream is damaged ({error})') from error
    if not inflate.eof:
        raise ContentError('it is cut off: its gzip stream has no end')
