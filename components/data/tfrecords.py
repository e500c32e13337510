"""TFRecord files: their records, checked, in blocks of a fixed number of bytes.

A record is framed as: length (uint64, little-endian), masked CRC-32C of the length, the payload,
masked CRC-32C of the payload. The CRCs of the lengths are checked always, those of the payloads
where the file is not gzip, which has a CRC of its own over all of them. No memory is set aside
for a length that the file does not hold.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator

import numpy as np

from tfx_kmeans.data.checksums import crc_of, crc_of_frames, masked, starts_a_record
from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.files import Content, ContentError

BLOCK_BYTES = 1 << 22
_HEADER = struct.Struct('<QI')
_FOOTER = struct.Struct('<I')
_FRAME = _HEADER.size + _FOOTER.size
_LEAST_RUN = 32
_MOST_LENGTHS_KNOWN = 1 << 16


@dataclasses.dataclass(frozen=True)
class UniformRecords:
    """Records of one length, one after another.

    Attributes:
      first: the number of the first record in its file.
      payloads: uint8 [n, length], a view of the file's content.
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
    """Records of several lengths; `first` is the number of the first in its file."""

    first: int
    payloads: list[bytes]

    def __len__(self) -> int:
        return len(self.payloads)

    def as_list(self) -> list[bytes]:
        """The records one by one."""
        return self.payloads


Records = UniformRecords | VariedRecords


def read_records(path: str) -> Iterator[Records]:
    """A file's records, in order.

    Raises:
      DataError: naming the file, the record's number and what is wrong.
    """
    framing = _Framing(path)
    try:
        yield from _split(framing, Content(path))
    except ContentError as error:
        framing.refuse_content(error)


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
        framing.refuse_rest(held)


class _Framing:
    """Cuts content into records and checks it; knows how many records came before."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.check_payloads = True
        self._count = 0
        self._crc_of_length: dict[int, int] = {}

    def split(self, content: bytes) -> Iterator[tuple[Records, int]]:
        """The whole records in `content`, each batch with the place where it ends."""
        place = 0
        while True:
            records, end = self._uniform(content, place) or self._varied(content, place)
            if end == place:
                return
            yield records, end
            self._count += len(records)
            place = end

    def refuse_rest(self, rest: bytes) -> None:
        """Raises the DataError that says what is wrong with a file's last, unfinished record."""
        if len(rest) < _HEADER.size:
            self._refuse(0, 'the file ends within its header')
        length = self._length(rest, 0, 0)
        self._refuse(0, f'the file ends within its {length} bytes')

    def refuse_content(self, error: ContentError) -> None:
        """Raises the DataError that says after which record the content could not be read."""
        raise DataError(f'{self._path}, after {self._count} records: {error}.') from error

    def _uniform(self, content: bytes, place: int) -> tuple[Records, int] | None:
        """A run of records that are as long as the one at `place`, where it is worth a look."""
        if place + _HEADER.size > len(content):
            return None
        length = self._length(content, place, 0)
        stride = length + _FRAME
        count = (len(content) - place) // stride
        header = content[place : place + _HEADER.size]
        last_probe = place + (_LEAST_RUN - 1) * stride
        if count < _LEAST_RUN or content[last_probe : last_probe + _HEADER.size] != header:
            return None
        frames = np.frombuffer(content, np.uint8, count * stride, place).reshape(count, stride)
        alike = (frames[:, : _HEADER.size] == frames[0, : _HEADER.size]).all(axis=1)
        run = count if alike.all() else int(alike.argmin())
        if run < _LEAST_RUN:
            return None
        end = place + run * stride
        if self.check_payloads:
            self._check_run(content[place:end], frames[:run])
        return UniformRecords(self._count, frames[:run, _HEADER.size : -_FOOTER.size]), end

    def _varied(self, content: bytes, place: int) -> tuple[Records, int]:
        """Records one by one, until a run of uniform ones may be worth another look."""
        payloads: list[bytes] = []
        footers: list[bytes] = []
        size, known = len(content), self._crc_of_length
        unpack = _HEADER.unpack_from
        while place + _HEADER.size <= size and len(payloads) < 4096:
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
        """The length at `place`, checked; `after` counts the records since the last batch."""
        length, crc = _HEADER.unpack_from(content, place)
        if self._crc_of_length.get(length) != crc:
            if not starts_a_record(content[place : place + _HEADER.size]):
                self._refuse(
                    after,
                    'the checksum of its length is wrong, so this is no TFRecord file or damaged',
                )
            if len(self._crc_of_length) >= _MOST_LENGTHS_KNOWN:
                self._crc_of_length.clear()
            self._crc_of_length[length] = crc
        return int(length)

    def _check_run(self, content: bytes, frames: np.ndarray) -> None:
        """Checks framed records of one length [n, stride] at once, and singly where that fails."""
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
            self._refuse(int(wrong.argmax()), 'the checksum of its content is wrong')

    def _refuse(self, after: int, what: str) -> None:
        raise DataError(f'{self._path}, record {self._count + after}: {what}.')
