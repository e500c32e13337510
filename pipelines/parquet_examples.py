"""An ExampleGen for Parquet files that keeps zeros and empty strings.

TFX's own Parquet executor converts each row with `dict_to_example` (in
tfx/components/example_gen/utils.py), which takes every value that is false in Python for a missing
one: 0, 0.0, False and '' become empty features, so that a column of zeros and ones loses all its
zeros. It also converts one row at a time. The executor in this module converts whole record batches
with the encoder of tfx_bsl, and only null is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx_bsl.public.tfxio import RecordBatchToExamplesEncoder

from tfx_kmeans.pipelines.parquet_columns import as_feature_lists

_VALUES_AT_ONCE = 1_000_000


class Executor(BaseExampleGenExecutor):  # type: ignore[misc]
    """Converts Parquet files to serialized tf.Examples."""

    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802
        """The transform from the files of a split to serialized tf.Examples."""
        return _parquet_to_examples


class ParquetExampleGen(FileBasedExampleGen):  # type: ignore[misc]
    """FileBasedExampleGen for Parquet files; see `as_feature_lists` for the types of columns.

    A row group is held in memory as a whole, so files should have row groups of moderate size.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


@beam.ptransform_fn  # type: ignore[untyped-decorator]
@beam.typehints.with_input_types(beam.Pipeline)  # type: ignore[untyped-decorator]
@beam.typehints.with_output_types(bytes)  # type: ignore[untyped-decorator]
def _parquet_to_examples(
    pipeline: Any, exec_properties: Mapping[str, Any], split_pattern: str
) -> Any:
    """Reads the files of a split.

    Args:
      pipeline: Beam pipeline.
      exec_properties: Execution properties of the component; `input_base` is the folder.
      split_pattern: Pattern of the files of the split, relative to the folder.

    Returns:
      PCollection of serialized tf.Examples.
    """
    pattern = os.path.join(exec_properties['input_base'], split_pattern)
    return (
        pipeline
        | 'ReadRowGroups' >> beam.io.ReadFromParquetBatched(pattern)
        | 'ToExamples' >> beam.FlatMap(serialized_examples)
    )


def serialized_examples(table: pa.Table) -> Iterator[bytes]:
    """The rows of a table as serialized tf.Examples, in order.

    The same rows always give the same bytes, with the features sorted by name: ExampleGen assigns
    an example to a split by a hash of its bytes. The encoder of tfx_bsl writes the features of an
    example in an order that differs from call to call, so it encodes each column on its own.

    Raises:
      DataError: If tf.Examples cannot hold the type of a column; names the column and its type.
    """
    rows_at_once = max(1, _VALUES_AT_ONCE // max(table.num_columns, 1))
    for batch in table.to_batches(max_chunksize=rows_at_once):
        lists = as_feature_lists(batch)
        columns = [_contents(name, lists.column(name)) for name in sorted(lists.schema.names)]
        for features in zip(*columns, strict=True):
            yield _field(b''.join(features))


def _contents(name: str, column: pa.Array) -> Iterator[bytes]:
    """The serialized Features of each row with one feature only."""
    batch = pa.RecordBatch.from_arrays([column], names=[name])
    return map(_content, RecordBatchToExamplesEncoder().encode(batch))


def _content(example: bytes) -> bytes:
    """The serialized Features in a serialized tf.Example, which has no other field."""
    end = 1
    while example[end] & 0x80:
        end += 1
    return example[end + 1 :]


def _field(features: bytes) -> bytes:
    """The serialized tf.Example with serialized Features: field 1, its length and its content."""
    size, header = len(features), bytearray(b'\x0a')
    while size > 0x7F:
        header.append(size & 0x7F | 0x80)
        size >>= 7
    header.append(size)
    return bytes(header) + features
