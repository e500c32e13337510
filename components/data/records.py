"""TFRecord files: which there are, and their records, checked, in batches.

A record is framed as: length (uint64, little-endian), masked CRC-32C of the length, the payload,
masked CRC-32C of the payload. Files are read through TensorFlow's file layer and inflated as they
stream; TensorFlow's own reader takes a gzip file that was cut off for one that ends there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain

import google_crc32c
import numpy as np
import tensorflow as tf

from tfx_kmeans.data.errors import DataError

BATCH_RECORDS = 8192
_GZIP_MAGIC = b'\x1f\x8b'
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_READ_BYTES = 1 << 20
_HEADER = struct.Struct('<QI')
_FOOTER = struct.Struct('<I')
_CRC_MASK_DELTA = 0xA282EAD8


def record_files(folders: Sequence[str]) -> list[str]:
    """The files of the folders, sorted within each.

    Raises:
      DataError: where there is none at all.
    """
    files = [
        f'{folder.rstrip("/")}/{name}'
        for folder in folders
        for name in sorted(tf.io.gfile.listdir(folder))
        if not name.startswith(('.', '_')) and not name.endswith('/')
    ]
    if not files:
        raise DataError(f'There are no TFRecord files in {", ".join(folders)}.')
    return files


def record_batches(path: str, batch_records: int = BATCH_RECORDS) -> Iterator[np.ndarray]:
    """A file's records, in order, as arrays of bytes objects [at most batch_records].

    Raises:
      DataError: naming the file, the record and what is wrong, where it is no whole TFRecord file.
    """
    batch: list[bytes] = []
    for record in _records(path):
        batch.append(record)
        if len(batch) == batch_records:
            yield np.array(batch, dtype=object)
            batch = []
    if batch:
        yield np.array(batch, dtype=object)


def _records(path: str) -> Iterator[bytes]:
    stream = _Stream(path)
    index = 0
    while header := stream.take(_HEADER.size):
        try:
            yield _payload(stream, header)
        except _DamageError as damage:
            raise DataError(f'{path}, record {index}: {damage}.') from damage
        index += 1


class _DamageError(Exception):
    """What is wrong with a record."""


def _payload(stream: _Stream, header: bytes) -> bytes:
    if len(header) < _HEADER.size:
        raise _DamageError('the file ends within its header')
    length, length_crc = _HEADER.unpack(header)
    if _masked_crc(header[:8]) != length_crc:
        raise _DamageError(
            'the checksum of its length is wrong, so this is no TFRecord file or damaged'
        )
    framed = stream.take(length + _FOOTER.size)
    if len(framed) < length + _FOOTER.size:
        raise _DamageError(f'the file ends within its {length} bytes')
    payload, (crc,) = framed[:length], _FOOTER.unpack(framed[length:])
    if _masked_crc(payload) != crc:
        raise _DamageError('the checksum of its content is wrong')
    return payload


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _CRC_MASK_DELTA) & 0xFFFFFFFF


class _Stream:
    """A file's bytes, inflated where it is gzip (told by its first bytes), taken piece by piece."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._chunks = _inflated(path)
        self._held = memoryview(b'')

    def take(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end; never holds more than these and one chunk."""
        pieces = []
        while size > 0:
            if not self._held:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._held = memoryview(chunk)
            pieces.append(bytes(self._held[:size]))
            self._held = self._held[size:]
            size -= len(pieces[-1])
        return b''.join(pieces)


def _inflated(path: str) -> Iterator[bytes]:
    chunks = _chunks(path)
    first = next(chunks, b'')
    if not first.startswith(_GZIP_MAGIC):
        return chain([first], chunks)
    return _gunzipped(path, chain([first], chunks))


def _gunzipped(path: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of one gzip member after another, in pieces of bounded size."""
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP_WINDOW)
                yield inflate.decompress(rest, _READ_BYTES)
                rest = inflate.unused_data or inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise DataError(f'{path} is damaged: {error}.') from error
    if not inflate.eof:
        raise DataError(f'{path} is cut off: its gzip stream has no end.')


def _chunks(path: str) -> Iterator[bytes]:
    try:
        with tf.io.gfile.GFile(path, 'rb') as file:
            while chunk := file.read(_READ_BYTES):
                yield chunk
    except tf.errors.OpError as error:
        raise DataError(f'{path} cannot be read: {error.message}') from error
