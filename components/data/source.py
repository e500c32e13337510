"""Where examples lie and how they are written there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import tensorflow as tf

from tfx_kmeans.data.block import Block
from tfx_kmeans.data.decoder import Decoder
from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.features import FeatureLayout
from tfx_kmeans.data.files import files_in
from tfx_kmeans.data.parquet import parquet_blocks, parquet_feature_spec
from tfx_kmeans.data.tfrecords import read_records

TF_EXAMPLE = 'FORMAT_TF_EXAMPLE'
PARQUET = 'FORMAT_PARQUET'
PAYLOAD_FORMATS = (TF_EXAMPLE, PARQUET)


@dataclasses.dataclass(frozen=True)
class Examples:
    """Folders of files, in the order in which they are read.

    Attributes:
      folders: of TFRecord files (gzip or plain) or of Parquet files.
      payload_format: 'FORMAT_TF_EXAMPLE' or 'FORMAT_PARQUET'.
    """

    folders: tuple[str, ...]
    payload_format: str = TF_EXAMPLE

    def __post_init__(self) -> None:
        if self.payload_format not in PAYLOAD_FORMATS:
            raise DataError(
                f'The examples in {", ".join(self.folders)} have payload_format '
                f'{self.payload_format}; those that can be read are {", ".join(PAYLOAD_FORMATS)}.'
            )

    def feature_spec(self) -> dict[str, Any]:
        """Name to parsing spec as the first example has it, where no schema tells.

        Raises:
          DataError: where there is no example.
        """
        for path in (path for folder in self.folders for path in files_in(folder)):
            if self.payload_format == PARQUET:
                if spec := parquet_feature_spec(path):
                    return spec
                continue
            for records in read_records(path):
                return feature_spec_of_record(path, records.as_list()[0])
        raise DataError(f'There are no examples in {", ".join(self.folders)}.')

    def record_batches(self) -> Iterator[list[bytes]]:
        """All examples as serialized tf.Examples, in order.

        Raises:
          DataError: where they are in another payload format, or a file is damaged.
        """
        if self.payload_format != TF_EXAMPLE:
            raise DataError(
                f'A model takes serialized tf.Examples, but the examples in '
                f'{", ".join(self.folders)} are {self.payload_format}.'
            )
        for path in (path for folder in self.folders for path in files_in(folder)):
            for records in read_records(path):
                yield records.as_list()

    def first(self, count: int) -> list[bytes]:
        """The first `count` of `record_batches`, fewer where there are not so many."""
        return list(islice(chain.from_iterable(self.record_batches()), count))

    def blocks(
        self, path: str, layout: FeatureLayout, decoder: Decoder
    ) -> Iterator[tuple[int, Block]]:
        """A file's examples in order: the number of a block's first, and the block."""
        if self.payload_format == PARQUET:
            yield from parquet_blocks(path, layout)
            return
        for records in read_records(path):
            yield records.first, decoder.decode(path, records)


def feature_spec_of_record(path: str, record: bytes) -> dict[str, Any]:
    """Name to parsing spec as the first record of a file has it.

    Raises:
      DataError: where it is no tf.Example.
    """
    try:
        example = tf.train.Example.FromString(record)
    except Exception as error:  # protobuf's DecodeError stands in no stable place
        raise DataError(f'{path}, record 0: it is no tf.Example.') from error
    return {name: _fixed(feature) for name, feature in example.features.feature.items()}


def _fixed(feature: Any) -> tf.io.FixedLenFeature:
    kind = feature.WhichOneof('kind') or 'bytes_list'
    dtype = {'float_list': tf.float32, 'int64_list': tf.int64, 'bytes_list': tf.string}[kind]
    length = len(getattr(feature, kind).value)
    return tf.io.FixedLenFeature([] if length == 1 else [length], dtype)
