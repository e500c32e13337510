"""Records to rows: straight from the bytes where they are laid out alike, parsed where not."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_kmeans.data.block import Block, as_float32
from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.features import FeatureLayout
from tfx_kmeans.data.layouts import RecordLayout, layout_of
from tfx_kmeans.data.tfrecords import Records, UniformRecords

_MOST_LAYOUTS = 4
_LEAST_SHARE = 8  # a layout that fits fewer than 1 of so many records is not worth the next look
_PARSED_AT_ONCE = 8192
# Where TensorFlow quotes a record that is no UTF-8, its own error cannot be raised.
_UNPARSABLE = (tf.errors.InvalidArgumentError, UnicodeDecodeError)


class Decoder:
    """Decodes the records of one file after another; the rows are those of `parse_example`."""

    def __init__(self, layout: FeatureLayout) -> None:
        """Args:
        layout: the features of a row, and the weight beside it.
        """
        self._layout = layout
        self._spec = dict(layout.parsing_spec)
        self._widths = _float_widths(layout)
        self._known: list[RecordLayout] = []

    def decode(self, path: str, records: Records) -> Block:
        """The rows of some records of a file.

        Raises:
          DataError: naming the file, the record and what is wrong with it.
        """
        block = Block.empty(len(records), self._layout)
        pending = np.arange(len(records))
        if isinstance(records, UniformRecords) and self._widths is not None:
            pending = self._take(records.payloads, block)
        if pending.size:
            self._parse(path, records, pending, block)
        return block

    def _take(self, payloads: np.ndarray, block: Block) -> np.ndarray:
        """Fills in the rows of records that share a layout; returns the indices of the others."""
        pending = np.arange(len(payloads))
        tried = 0
        while pending.size and tried < _MOST_LAYOUTS:
            rest = payloads if len(pending) == len(payloads) else payloads[pending]
            layout = self._layout_for(rest[0].tobytes())
            if layout is None:
                break
            alike = layout.matches(rest)
            if alike.all():
                self._fill(layout, rest, block, pending)
                return pending[:0]
            if _LEAST_SHARE * np.count_nonzero(alike) < len(rest):
                break
            self._fill(layout, rest[alike], block, pending[alike])
            pending = pending[~alike]
            tried += 1
        return pending

    def _layout_for(self, record: bytes) -> RecordLayout | None:
        view = np.frombuffer(record, np.uint8)[np.newaxis]
        for known in self._known:
            if known.record.size == len(record) and known.matches(view)[0]:
                return known
        assert self._widths is not None
        layout = layout_of(record, self._widths)
        if layout is not None:
            self._known = [layout, *self._known[: 2 * _MOST_LAYOUTS]]
        return layout

    def _fill(
        self, layout: RecordLayout, payloads: np.ndarray, block: Block, where: np.ndarray
    ) -> None:
        everything = len(where) == len(block.rows)
        target = block.rows.view(np.uint8)
        for feature in self._layout.features:
            columns = slice(4 * feature.first_column, 4 * (feature.first_column + feature.width))
            floats = layout.floats(payloads, feature.name)
            if everything:
                target[:, columns] = floats
            else:
                target[where, columns] = floats
        if block.weights is not None:
            name = str(self._layout.weight_feature)
            bits = np.ascontiguousarray(layout.floats(payloads, name))
            block.weights[where] = bits.view('<f4')[:, 0]

    def _parse(self, path: str, records: Records, pending: np.ndarray, block: Block) -> None:
        payloads = records.as_list()
        for start in range(0, len(pending), _PARSED_AT_ONCE):
            part = pending[start : start + _PARSED_AT_ONCE]
            values = self._parsed(path, records.first, payloads, part)
            numbers = records.first + part
            for feature in self._layout.features:
                columns = slice(feature.first_column, feature.first_column + feature.width)
                of_feature = values[feature.name].reshape(len(part), feature.width)
                block.rows[part, columns] = as_float32(path, numbers, of_feature, feature.name)
            if block.weights is not None:
                block.weights[part] = values[str(self._layout.weight_feature)].reshape(-1)

    def _parsed(
        self, path: str, first: int, payloads: Sequence[bytes], part: np.ndarray
    ) -> dict[str, np.ndarray]:
        try:
            parsed = tf.io.parse_example([payloads[index] for index in part], self._spec)
        except _UNPARSABLE as error:
            for index in part:  # one by one, to name the one that it is
                self._refuse_unparsable(f'{path}, record {first + index}', payloads[index])
            raise DataError(f'{path}, from record {first} on: {error}') from error
        return {name: tensor.numpy() for name, tensor in parsed.items()}

    def _refuse_unparsable(self, place: str, payload: bytes) -> None:
        try:
            tf.io.parse_example([payload], self._spec)
        except UnicodeDecodeError as error:
            raise DataError(f'{place}: it is no tf.Example.') from error
        except tf.errors.InvalidArgumentError as error:
            raise DataError(f'{place}: {_in_short(error.message)}.') from error


def _in_short(message: str) -> str:
    """TensorFlow's message without the names of its operations."""
    if 'Could not parse example' in message:
        return 'it is no tf.Example'
    return re.sub(r'^{{.*?}} |\s*\[Op:.*$|Name: <unknown>, |\s*$', '', message).rstrip('.')


def _float_widths(layout: FeatureLayout) -> dict[str, int] | None:
    """Name to width of all features to read; None where some are no floats."""
    if any(tf.as_dtype(spec.dtype) != tf.float32 for spec in layout.parsing_spec.values()):
        return None
    widths = {feature.name: feature.width for feature in layout.features}
    if layout.weight_feature is not None:
        widths[layout.weight_feature] = 1
    return widths
