"""Reads and verifies the records of TFRecord files, in blocks of a fixed number of bytes.

A record is framed as: length (uint64, little-endian), masked CRC-32C of the length, payload,
masked CRC-32C of the payload. The CRCs of the lengths are always verified. The CRCs of the
payloads are verified unless the file is gzip, whose own CRC covers them. Memory is allocated for
bytes that the file really contains, not for the length that a damaged record claims.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from tfx_kmeans.data.checksums import crc_of, crc_of_frames, masked, starts_a_record
from tfx_kmeans.data.files import Content, ContentError
from tfx_kmeans.errors import DataError

BLOCK_BYTES = 1 << 22
_HEADER = struct.Struct('<QI')
_FOOTER = struct.Struct('<I')
_FRAME = _HEADER.size + _FOOTER.size
_MIN_RUN = 32
_MAX_VARIED = 4096
_MAX_KNOWN_LENGTHS = 1 << 16


@dataclasses.dataclass(frozen=True)
class UniformRecords:
    """Consecutive records of equal length.

    Attributes:
      first: Number of the first record within its file.
      payloads: Content of the records, a view of the file's content, uint8 [n, length].
    """

    first: int
    payloads: np.ndarray

    def __len__(self) -> int:
        return len(self.payloads)

    def as_list(self) -> list[bytes]:
        """The records one by one."""
        return [payload.tobytes() for payload in self.payloads]


@dataclasses.dataclass(frozen=True)
class VariedRecords:
    """Consecutive records of different lengths.

    Attributes:
      first: Number of the first record within its file.
      payloads: Content of the records.
    """

    first: int
    payloads: list[bytes]

    def __len__(self) -> int:
        return len(self.payloads)

    def as_list(self) -> list[bytes]:
        """The records one by one."""
        return self.payloads


Records = UniformRecords | VariedRecords


def read_records(path: str) -> Iterator[Records]:
    """Reads the records of a file in order.

    Raises:
      DataError: If the file cannot be read or is damaged; names the file, the number of the record
        and the reason.
    """
    framing = _Framing(path)
    try:
        yield from _split(framing, Content(path))
    except ContentError as error:
        framing.raise_unreadable(error)


def _split(framing: _Framing, content: Content) -> Iterator[Records]:
    framing.check_payloads = not content.is_gzip
    held = b''
    while read := content.read(max(BLOCK_BYTES, len(held))):
        held += read
        used = 0
        for records, end in framing.split(held):
            used = end
            yield records
        held = held[used:]
    if held:
        framing.raise_truncated(held)


class _Framing:
    """Splits content into records, verifies them, and counts the records read so far."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.check_payloads = True
        self._count = 0
        self._crc_of_length: dict[int, int] = {}

    def split(self, content: bytes) -> Iterator[tuple[Records, int]]:
        """The complete records in `content`, as batches with the index at which each batch ends."""
        place = 0
        while True:
            records, end = self._uniform(content, place) or self._varied(content, place)
            if end == place:
                return
            yield records, end
            self._count += len(records)
            place = end

    def raise_truncated(self, rest: bytes) -> NoReturn:
        """Raises a DataError for the last, incomplete record of a file."""
        if len(rest) < _HEADER.size:
            self._raise(0, 'the file ends within the header of the record')
        length = self._length(rest, 0, 0)
        self._raise(0, f'the file ends within the {length} bytes of the record')

    def raise_unreadable(self, error: ContentError) -> NoReturn:
        """Raises a DataError that gives the number of records before the unreadable content."""
        raise DataError(f'{self._path}, after {self._count} records: {error}.') from error

    def _uniform(self, content: bytes, place: int) -> tuple[Records, int] | None:
        """A run of records as long as the one at `place`; None if the run would be too short."""
        if place + _HEADER.size > len(content):
            return None
        length = self._length(content, place, 0)
        stride = length + _FRAME
        count = (len(content) - place) // stride
        header = content[place : place + _HEADER.size]
        last_probe = place + (_MIN_RUN - 1) * stride
        if count < _MIN_RUN or content[last_probe : last_probe + _HEADER.size] != header:
            return None
        frames = np.frombuffer(content, np.uint8, count * stride, place).reshape(count, stride)
        alike = (frames[:, : _HEADER.size] == frames[0, : _HEADER.size]).all(axis=1)
        run = count if alike.all() else int(alike.argmin())
        if run < _MIN_RUN:
            return None
        end = place + run * stride
        if self.check_payloads:
            self._check_run(content[place:end], frames[:run])
        return UniformRecords(self._count, frames[:run, _HEADER.size : -_FOOTER.size]), end

    def _varied(self, content: bytes, place: int) -> tuple[Records, int]:
        """Up to `_MAX_VARIED` records, split one by one; `split` then tries a uniform run again."""
        payloads: list[bytes] = []
        footers: list[bytes] = []
        size, known = len(content), self._crc_of_length
        unpack = _HEADER.unpack_from
        while place + _HEADER.size <= size and len(payloads) < _MAX_VARIED:
            length, crc = unpack(content, place)
            if known.get(length) != crc:
                self._length(content, place, len(payloads))
            start = place + 12
            end = start + length
            if end + 4 > size:
                break
            payloads.append(content[start:end])
            footers.append(content[end : end + 4])
            place = end + 4
        if self.check_payloads and payloads:
            self._check(payloads, np.frombuffer(b''.join(footers), '<u4'))
        return VariedRecords(self._count, payloads), place

    def _length(self, content: bytes, place: int, after: int) -> int:
        """The verified length at `place`; `after` is the number of records since the last batch."""
        length, crc = _HEADER.unpack_from(content, place)
        if self._crc_of_length.get(length) != crc:
            if not starts_a_record(content[place : place + _HEADER.size]):
                self._raise(
                    after,
                    'the checksum of the record length is wrong: the file is damaged or is not a '
                    'TFRecord file',
                )
            if len(self._crc_of_length) >= _MAX_KNOWN_LENGTHS:
                self._crc_of_length.clear()
            self._crc_of_length[length] = crc
        return int(length)

    def _check_run(self, content: bytes, frames: np.ndarray) -> None:
        """Verifies framed records [n, stride] with one CRC, and one by one only if that differs."""
        footers = np.ascontiguousarray(frames[:, -_FOOTER.size :]).view('<u4')[:, 0]
        length = frames.shape[1] - _FRAME
        expected = crc_of_frames(content[: _HEADER.size], length, footers)
        if crc_of(content) != expected:
            payloads = [frame[_HEADER.size : -_FOOTER.size].tobytes() for frame in frames]
            self._check(payloads, footers)

    def _check(self, payloads: list[bytes], stored: np.ndarray) -> None:
        crcs = np.fromiter(map(crc_of, payloads), np.uint32, len(payloads))
        wrong = masked(crcs) != stored
        if wrong.any():
            self._raise(int(wrong.argmax()), 'the checksum of the record content is wrong')

    def _raise(self, after: int, reason: str) -> NoReturn:
        raise DataError(f'{self._path}, record {self._count + after}: {reason}.')
