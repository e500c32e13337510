"""Where a serialized tf.Example holds its floats, when it is laid out in the plainest way.

The map of features has no order, and protobuf allows many encodings of one message; but most
records of a file share every byte but their floats. What holds for one of them then holds for
all, and their floats can be taken from where they stand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

_LENGTH_DELIMITED = 2
_FEATURES = _ENTRY = _KEY = _PACKED = 1
_VALUE = _FLOAT_LIST = 2


@dataclasses.dataclass(frozen=True)
class RecordLayout:
    """The constant bytes of a record, and the places of the floats that vary.

    Attributes:
      places: feature name to the first byte of its little-endian float32 values.
      widths: feature name to how many these are.
      record: the record that this was read from, uint8 [length].
    """

    places: Mapping[str, int]
    widths: Mapping[str, int]
    record: np.ndarray

    def matches(self, payloads: np.ndarray) -> np.ndarray:
        """Which of the records [n, length] are the same in every byte but the floats, bool [n]."""
        alike = np.ones(len(payloads), bool)
        place = 0
        for start, width in sorted((self.places[name], self.widths[name]) for name in self.places):
            alike &= (payloads[:, place:start] == self.record[place:start]).all(axis=1)
            place = start + 4 * width
        alike &= (payloads[:, place:] == self.record[place:]).all(axis=1)
        return alike

    def floats(self, payloads: np.ndarray, name: str) -> np.ndarray:
        """The bytes of a feature's floats in records that match, a view, uint8 [n, 4 * width]."""
        start = self.places[name]
        return payloads[:, start : start + 4 * self.widths[name]]


def layout_of(record: bytes, widths: Mapping[str, int]) -> RecordLayout | None:
    """The layout of a tf.Example that holds each feature of `widths` once, packed, as floats.

    None where it is encoded in any other way, though that may be a valid one.
    """
    try:
        places = _places(record, widths)
    except (ValueError, IndexError):
        return None
    if places.keys() != widths.keys():
        return None
    return RecordLayout(places, widths, np.frombuffer(record, np.uint8))


def _places(record: bytes, widths: Mapping[str, int]) -> dict[str, int]:
    places: dict[str, int] = {}
    keys = set()
    place = _only_field(record, 0, len(record), _FEATURES)
    while place < len(record):
        place, end = _field(record, place, len(record), _ENTRY)
        start, key_end = _field(record, place, end, _KEY)
        key = record[start:key_end]
        if key in keys:
            raise ValueError('a key that stands twice')
        keys.add(key)
        value = _only_field(record, key_end, end, _VALUE)
        name = key.decode()
        if name in widths:
            floats = _only_field(record, value, end, _FLOAT_LIST)
            places[name] = _only_field(record, floats, end, _PACKED)
            if end - places[name] != 4 * widths[name]:
                raise ValueError('another number of values')
        place = end
    return places


def _only_field(record: bytes, place: int, end: int, number: int) -> int:
    """Where the content of the one field in record[place:end] starts."""
    start, stop = _field(record, place, end, number)
    if stop != end:
        raise ValueError('more than one field')
    return start


def _field(record: bytes, place: int, end: int, number: int) -> tuple[int, int]:
    """Start and end of the content of the length-delimited field at `place`."""
    if record[place] != number << 3 | _LENGTH_DELIMITED:
        raise ValueError('another field')
    length, start = _varint(record, place + 1)
    if start + length > end:
        raise ValueError('a field that is longer than its message')
    return start, start + length


def _varint(record: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = record[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 28:
            raise ValueError('a length beyond any record')
