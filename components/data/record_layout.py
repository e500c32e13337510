"""Positions of the floats in serialized tf.Examples that use the most common encoding.

The map of features has no order, and protobuf allows many encodings of the same message. Most
records of a file, however, have the same bytes except for their floats. If one of these records
has been parsed, the floats of the others can be copied from the same positions.
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
    """The constant bytes of a record, and the positions of its floats.

    Attributes:
      places: Index of the first byte of a feature's little-endian float32 values, by name.
      widths: Number of values of a feature, by name.
      record: Record that the layout was determined from, uint8 [length].
    """

    places: Mapping[str, int]
    widths: Mapping[str, int]
    record: np.ndarray

    def matches(self, payloads: np.ndarray) -> np.ndarray:
        """Whether each record [n, length] equals `record` in all bytes but the floats, bool [n]."""
        alike = np.ones(len(payloads), bool)
        place = 0
        for start, width in sorted((self.places[name], self.widths[name]) for name in self.places):
            alike &= (payloads[:, place:start] == self.record[place:start]).all(axis=1)
            place = start + 4 * width
        alike &= (payloads[:, place:] == self.record[place:]).all(axis=1)
        return alike

    def floats(self, payloads: np.ndarray, name: str) -> np.ndarray:
        """A view of the bytes of a feature in matching records, uint8 [n, 4 * width]."""
        start = self.places[name]
        return payloads[:, start : start + 4 * self.widths[name]]


class _OtherEncodingError(Exception):
    """Raised for a record whose encoding this module does not support."""


def layout_of(record: bytes, widths: Mapping[str, int]) -> RecordLayout | None:
    """Determines the layout of a tf.Example with each feature of `widths` once, as packed floats.

    Returns None if the record has any other encoding, even a valid one.

    Args:
      record: Serialized tf.Example.
      widths: Number of values of each feature to read, by name.
    """
    try:
        places = _places(record, widths)
    except _OtherEncodingError:
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
            raise _OtherEncodingError('a key occurs twice')
        keys.add(key)
        value = _only_field(record, key_end, end, _VALUE)
        name = _text(key)
        if name in widths:
            floats = _only_field(record, value, end, _FLOAT_LIST)
            places[name] = _only_field(record, floats, end, _PACKED)
            if end - places[name] != 4 * widths[name]:
                raise _OtherEncodingError('the number of values differs from the width')
        place = end
    return places


def _only_field(record: bytes, place: int, end: int, number: int) -> int:
    """Start of the content of the field that takes up all of record[place:end]."""
    start, stop = _field(record, place, end, number)
    if stop != end:
        raise _OtherEncodingError('there is more than one field')
    return start


def _field(record: bytes, place: int, end: int, number: int) -> tuple[int, int]:
    """Start and end of the content of the length-delimited field at `place`."""
    if _byte(record, place) != number << 3 | _LENGTH_DELIMITED:
        raise _OtherEncodingError('the field has another number or wire type')
    length, start = _varint(record, place + 1)
    if start + length > end:
        raise _OtherEncodingError('the field is longer than its message')
    return start, start + length


def _varint(record: bytes, place: int) -> tuple[int, int]:
    """The variable-length integer at `place`, and the index of the byte after it."""
    value = shift = 0
    while True:
        byte = _byte(record, place)
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 28:
            raise _OtherEncodingError('the length is larger than any record')


def _byte(record: bytes, place: int) -> int:
    if place >= len(record):
        raise _OtherEncodingError('the record ends too early')
    return record[place]


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise _OtherEncodingError('a key is not UTF-8') from error
