"""Folders of examples and the file formats they are stored in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans.data.block import Block
from tfx_kmeans.data.decoder import UNPARSABLE, Decoder
from tfx_kmeans.data.feature_layout import FeatureLayout
from tfx_kmeans.data.files import files_in
from tfx_kmeans.data.parquet import parquet_blocks, parquet_feature_spec, parquet_head
from tfx_kmeans.data.tfrecords import read_records
from tfx_kmeans.errors import DataError

TF_EXAMPLE = 'FORMAT_TF_EXAMPLE'
PARQUET = 'FORMAT_PARQUET'
PAYLOAD_FORMATS = (TF_EXAMPLE, PARQUET)

# Examples that are read to find features that the first one lacks.
_FIRST_FILES = 8
_FIRST_RECORDS = 1000  # of the first file
_FEW_RECORDS = 100  # of each other file


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples stored as files in one or more folders.

    Attributes:
      folders: Folders of TFRecord files (gzip or plain) or of Parquet files, in reading order.
      payload_format: Format of the files, 'FORMAT_TF_EXAMPLE' or 'FORMAT_PARQUET'.

    Raises:
      DataError: If the payload format is not supported.
    """

    folders: tuple[str, ...]
    payload_format: str = TF_EXAMPLE

    def __post_init__(self) -> None:
        if self.payload_format not in PAYLOAD_FORMATS:
            raise DataError(
                f'The examples in {", ".join(self.folders)} have payload_format '
                f'{self.payload_format}; supported formats are {", ".join(PAYLOAD_FORMATS)}.'
            )

    def _files(self) -> Iterator[str]:
        return (path for folder in self.folders for path in files_in(folder))

    def feature_spec(self) -> dict[str, Any]:
        """Parsing specs derived from the first examples, by feature name, for use without a schema.

        A feature has the shape that it has in the first example. If it is missing or empty there,
        but not in one of the other examples that are read (the first ones of the first files), its
        length is variable.

        Raises:
          DataError: If there are no examples, or one of them cannot be read.
        """
        known: dict[str, Any] = {}
        is_first = True
        for spec in self._first_specs(known):
            for name, found in spec.items():
                if is_first:
                    known[name] = found
                elif not _is_empty(found):
                    known[name] = tf.io.VarLenFeature(found.dtype)
            is_first = False
        if is_first:
            raise DataError(f'There are no examples in {", ".join(self.folders)}.')
        return known

    def _first_specs(self, known: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Parsing specs of the first examples, without features whose values are known already."""
        files_with_examples = 0
        for path in self._files():
            limit = _FEW_RECORDS if files_with_examples else _FIRST_RECORDS
            is_empty = True
            for spec in _specs_in(path, self.payload_format, limit, known):
                is_empty = False
                yield spec
            files_with_examples += not is_empty
            if files_with_examples == _FIRST_FILES:
                return

    def record_batches(self) -> Iterator[list[bytes]]:
        """Reads all examples in order, as batches of serialized tf.Examples.

        Raises:
          DataError: If the examples have another payload format, or a file is damaged.
        """
        if self.payload_format != TF_EXAMPLE:
            raise DataError(
                f'Serialized tf.Examples ({TF_EXAMPLE}) are required, but the examples in '
                f'{", ".join(self.folders)} have payload_format {self.payload_format}.'
            )
        for path in self._files():
            for records in read_records(path):
                yield records.as_list()

    def first(self, count: int) -> list[bytes]:
        """The first `count` examples of `record_batches`, or all if there are fewer.

        Raises:
          DataError: As `record_batches`.
        """
        return list(islice(chain.from_iterable(self.record_batches()), count))

    def head(self, layout: FeatureLayout, count: int) -> dict[str, np.ndarray]:
        """Values of the layout's features in the first examples, by name, each [m, width].

        Empty if there are none, or if they cannot be parsed: decoding them says why.
        """
        if self.payload_format == PARQUET:
            found = (parquet_head(path, layout, count) for path in self._files())
            return next((one for one in found if one is not None), {})
        records = self.first(count)
        try:
            parsed = tf.io.parse_example(records, dict(layout.parsing_spec)) if records else {}
        except UNPARSABLE:
            return {}
        return {
            feature.name: parsed[feature.name].numpy().reshape(len(records), feature.width)
            for feature in layout.features
            if feature.name in parsed
        }

    def blocks(
        self, path: str, layout: FeatureLayout, decoder: Decoder
    ) -> Iterator[tuple[int, Block]]:
        """Decodes the examples of a file in order.

        Args:
          path: Path of the file.
          layout: Features of a row, and the feature that holds its weight.
          decoder: Decoder for the same layout, used for tf.Examples.

        Yields:
          The number of the first example of a block within the file, and the block.

        Raises:
          DataError: If a record cannot be read or decoded; names file, record and reason.
        """
        if self.payload_format == PARQUET:
            yield from parquet_blocks(path, layout)
            return
        for records in read_records(path):
            yield records.first, decoder.decode(path, records)


def feature_spec_of_record(
    path: str, record: bytes, number: int = 0, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Parsing specs derived from a record of a file, by feature name.

    Args:
      path: Path of the file, for the error message.
      record: Serialized tf.Example.
      number: Number of the record within the file, for the error message.
      known: Parsing specs of features to leave out, unless they are empty; None for none.

    Raises:
      DataError: If the record is not a tf.Example.
    """
    try:
        example = tf.train.Example.FromString(record)
    except Exception as error:  # the module that defines protobuf's DecodeError is not stable
        raise DataError(f'{path}, record {number}: the record is not a tf.Example.') from error
    found = example.features.feature
    names = [name for name in found if known is None or _is_empty(known.get(name))]
    return {name: _fixed_length(found[name]) for name in names}


def _specs_in(
    path: str, payload_format: str, limit: int, known: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Parsing specs of the first records of a file, or of the columns of a Parquet file."""
    if payload_format == PARQUET:
        columns = parquet_feature_spec(path)
        if columns is not None:
            yield {name: spec for name, spec in columns.items() if _is_empty(known.get(name))}
        return
    for records in read_records(path):
        for number, record in enumerate(records.as_list()[:limit], start=records.first):
            yield feature_spec_of_record(path, record, number, known)
        return


def _is_empty(spec: Any) -> bool:
    """Whether a feature is missing (None) or has no value."""
    return spec is None or (isinstance(spec, tf.io.FixedLenFeature) and 0 in spec.shape)


def _fixed_length(feature: Any) -> tf.io.FixedLenFeature:
    kind = feature.WhichOneof('kind') or 'bytes_list'
    dtype = {'float_list': tf.float32, 'int64_list': tf.int64, 'bytes_list': tf.string}[kind]
    length = len(getattr(feature, kind).value)
    return tf.io.FixedLenFeature([] if length == 1 else [length], dtype)
