"""Decodes records to rows.

Records that share a layout are decoded by copying their bytes; all others are parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_kmeans.data.block import Block, as_rows
from tfx_kmeans.data.feature_layout import FeatureLayout
from tfx_kmeans.data.record_layout import RecordLayout, layout_of
from tfx_kmeans.data.tfrecords import Records, UniformRecords
from tfx_kmeans.errors import DataError

_MAX_LAYOUTS = 4
# If a layout matches fewer than 1 in this many records, no further layout is tried.
_RECORDS_PER_MATCH = 8
_PARSED_AT_ONCE = 8192
_NOT_AN_EXAMPLE = 'the record is not a tf.Example'
# A UnicodeDecodeError occurs if TensorFlow quotes a record that is not UTF-8 in its own error.
UNPARSABLE = (tf.errors.InvalidArgumentError, UnicodeDecodeError)
"""Errors of `tf.io.parse_example` for records that are not the expected tf.Examples."""


class Decoder:
    """Decodes the records of several files to the same rows as `tf.io.parse_example`."""

    def __init__(self, layout: FeatureLayout) -> None:
        """Creates a decoder.

        Args:
          layout: Features of a row, and the feature that holds its weight.
        """
        self._layout = layout
        self._spec = dict(layout.parsing_spec)
        self._widths = _float_widths(layout)
        self._known: list[RecordLayout] = []

    def decode(self, path: str, records: Records) -> Block:
        """Decodes records of a file.

        Raises:
          DataError: If a record cannot be decoded; names the file, the record and the reason.
        """
        block = Block.empty(len(records), self._layout)
        pending = np.arange(len(records))
        if isinstance(records, UniformRecords) and self._widths is not None:
            pending = self._copy_floats(records.payloads, block)
        if pending.size:
            self._parse(path, records, pending, block)
        return block

    def _copy_floats(self, payloads: np.ndarray, block: Block) -> np.ndarray:
        """Fills in the rows of records that share a layout; returns the indices of the others."""
        pending = np.arange(len(payloads))
        tried = 0
        while pending.size and tried < _MAX_LAYOUTS:
            rest = payloads if len(pending) == len(payloads) else payloads[pending]
            layout = self._layout_for(rest[0].tobytes())
            if layout is None:
                break
            alike = layout.matches(rest)
            if alike.all():
                self._fill(layout, rest, block, pending)
                return pending[:0]
            if _RECORDS_PER_MATCH * np.count_nonzero(alike) < len(rest):
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
            self._known = [layout, *self._known[: 2 * _MAX_LAYOUTS]]
        return layout

    def _fill(
        self, layout: RecordLayout, payloads: np.ndarray, block: Block, indices: np.ndarray
    ) -> None:
        whole_block = len(indices) == len(block.rows)
        target = block.rows.view(np.uint8)
        for feature in self._layout.features:
            columns = slice(4 * feature.first_column, 4 * (feature.first_column + feature.width))
            floats = layout.floats(payloads, feature.name)
            if whole_block:
                target[:, columns] = floats
            else:
                target[indices, columns] = floats
        if block.weights is not None:
            name = str(self._layout.weight_feature)
            bits = np.ascontiguousarray(layout.floats(payloads, name))
            block.weights[indices] = bits.view('<f4')[:, 0]

    def _parse(self, path: str, records: Records, pending: np.ndarray, block: Block) -> None:
        payloads = records.as_list()
        for start in range(0, len(pending), _PARSED_AT_ONCE):
            part = pending[start : start + _PARSED_AT_ONCE]
            values = self._parsed(path, records.first, payloads, part)
            for feature in self._layout.features:
                feature_values = values[feature.name].reshape(len(part), feature.width)
                block.rows[part, feature.columns] = as_rows(feature_values, self._layout, feature)
            if block.weights is not None:
                block.weights[part] = values[str(self._layout.weight_feature)].reshape(-1)

    def _parsed(
        self, path: str, first: int, payloads: Sequence[bytes], part: np.ndarray
    ) -> dict[str, np.ndarray]:
        try:
            parsed = tf.io.parse_example([payloads[index] for index in part], self._spec)
        except UNPARSABLE as error:
            for index in part:  # one by one, to find the record to name
                self._check_parsable(f'{path}, record {first + index}', payloads[index])
            raise DataError(f'{path}, at or after record {first}: {error}') from error
        return {name: tensor.numpy() for name, tensor in parsed.items()}

    def _check_parsable(self, place: str, payload: bytes) -> None:
        try:
            tf.io.parse_example([payload], self._spec)
        except UnicodeDecodeError as error:
            raise DataError(f'{place}: {_NOT_AN_EXAMPLE}.') from error
        except tf.errors.InvalidArgumentError as error:
            raise DataError(f'{place}: {_shortened(error.message)}.') from error


def _shortened(message: str) -> str:
    """An error message of TensorFlow without the names of operations."""
    if 'Could not parse example' in message:
        return _NOT_AN_EXAMPLE
    return re.sub(r'^{{.*?}} |\s*\[Op:.*$|Name: <unknown>, |\s*$', '', message).rstrip('.')


def _float_widths(layout: FeatureLayout) -> dict[str, int] | None:
    """Widths of all features to read, by name; None if some of them are not floats."""
    if any(tf.as_dtype(spec.dtype) != tf.float32 for spec in layout.parsing_spec.values()):
        return None
    widths = {feature.name: feature.width for feature in layout.features}
    if layout.weight_feature is not None:
        widths[layout.weight_feature] = 1
    return widths
