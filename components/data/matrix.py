"""Decodes tf.Examples once into a matrix of float32 rows with optional weights.

The matrix is held in memory if it fits, otherwise in a memory-mapped file on local disk. Both are
used in the same way.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tfx_kmeans.clustering.frame import LARGEST_WHOLE
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.block import Block
from tfx_kmeans.data.decoder import Decoder
from tfx_kmeans.data.feature_layout import FeatureLayout
from tfx_kmeans.data.files import files_in
from tfx_kmeans.data.finite import NonFiniteTally
from tfx_kmeans.data.interleave import interleaved
from tfx_kmeans.data.memory import default_limit_mb
from tfx_kmeans.data.source import TF_EXAMPLE, Examples
from tfx_kmeans.errors import DataError, NoExamplesError

_HEAD = 4096
_EXACT = 1 << 24  # float32 represents every integer up to this one


@contextmanager
def open_matrix(
    examples: Examples,
    layout: FeatureLayout,
    memory_limit_mb: int | None = None,
    *,
    with_offset: bool = False,
) -> Iterator[WeightedRows]:
    """Decodes all examples into a matrix that exists until the `with` block is left.

    The matrix may be modified. The order of its rows depends on the files alone: folder by folder,
    and within a folder as `interleaved` merges its files.

    Args:
      examples: Examples to decode.
      layout: Features of a row, and the feature that holds its weight.
      memory_limit_mb: Memory in MiB that rows and weights may take; None for half of the memory of
        the machine or container.
      with_offset: Whether a vector may be subtracted from the rows before they are rounded to
        float32, so that large integers keep their digits: `WeightedRows.offset`.

    Raises:
      NoExamplesError: If there are no examples.
      DataError: If a file or record cannot be read or decoded (names both), if values are NaN or
        infinite (counts them by column), if weights are negative, not finite or all zero, or if
        the disk is full.
    """
    if with_offset:
        layout = dataclasses.replace(layout, offset=_offset(examples, layout))
    with _Store((memory_limit_mb or default_limit_mb()) << 20, layout) as store:
        tally = NonFiniteTally(layout.column_names)
        for block in _blocks(examples, layout, tally):
            store.add(block)
        if not store.count:
            raise NoExamplesError(f'There are no examples in {", ".join(examples.folders)}.')
        tally.refuse_any(store.count)
        matrix = store.matrix()
        if matrix.weights is not None:
            _check_weights(matrix.weights, str(layout.weight_feature))
        yield matrix


def exact_blocks(
    examples: Examples, layout: FeatureLayout, shift: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Decodes all examples again, minus shift float64 [d], without rounding.

    Yields:
      Rows, float64 [n, d], and their weights, float64 [n].
    """
    layout = dataclasses.replace(layout, offset=shift, dtype=np.float64)
    for block in _blocks(examples, layout, NonFiniteTally(layout.column_names)):
        yield block.rows, np.ones(len(block.rows)) if block.weights is None else block.weights


def _offset(examples: Examples, layout: FeatureLayout) -> np.ndarray | None:
    """Medians, in the first examples, of the features with numbers beyond float32's integers.

    None if there are no such features.
    """
    if not layout.may_be_rounded(examples.payload_format == TF_EXAMPLE):
        return None
    found = np.zeros(layout.width)
    values = examples.head(layout, _HEAD)
    for feature in layout.features:
        of_feature = values.get(feature.name, np.zeros((1, feature.width), np.float32))
        if of_feature.dtype != np.float32 and np.abs(of_feature).max(initial=0) > _EXACT:
            median = np.rint(np.median(of_feature, axis=0))
            found[feature.columns] = np.clip(median, -LARGEST_WHOLE, LARGEST_WHOLE)
    return found if found.any() else None


def _blocks(examples: Examples, layout: FeatureLayout, tally: NonFiniteTally) -> Iterator[Block]:
    decoder = Decoder(layout)

    def file_blocks(path: str) -> Iterator[Block]:
        for first, block in examples.blocks(path, layout, decoder):
            tally.look_at(path, first, block.rows)
            yield block

    for folder in examples.folders:
        yield from interleaved(files_in(folder), file_blocks)


class _Store:
    """Collects blocks in memory up to a limit, and in files of a temporary folder beyond it.

    Memory up to the limit is allocated in one piece, so that blocks never have to be moved. The
    operating system only provides the pages that are written to, so a small data set takes little.
    """

    def __init__(self, limit: int, layout: FeatureLayout) -> None:
        bytes_per_row = 4 * layout.width + (8 if layout.weight_feature is not None else 0)
        self._held = _allocated(max(1, limit // bytes_per_row), layout)
        self._width = layout.width
        self._offset = layout.offset
        self._folder: Path | None = None
        self.count = 0

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, block: Block) -> None:
        fits = self._folder is None and self.count + len(block.rows) <= len(self._held.rows)
        if fits:
            part = slice(self.count, self.count + len(block.rows))
            self._held.rows[part] = block.rows
            if self._held.weights is not None:
                self._held.weights[part] = block.weights
        else:
            self._write(block)
        self.count += len(block.rows)

    def matrix(self) -> WeightedRows:
        if self._folder is None:
            return WeightedRows(*self._filled_part(), self._offset)
        rows = np.memmap(self._folder / 'rows', np.float32, 'r+', shape=(self.count, self._width))
        if not (self._folder / 'weights').exists():
            return WeightedRows(rows, None, self._offset)
        weights = np.memmap(self._folder / 'weights', np.float64, 'r+', shape=(self.count,))
        return WeightedRows(rows, weights, self._offset)

    def _filled_part(self) -> tuple[np.ndarray, np.ndarray | None]:
        weights = self._held.weights
        return self._held.rows[: self.count], None if weights is None else weights[: self.count]

    def _write(self, block: Block) -> None:
        try:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix='tfx_kmeans_rows_'))
                self._append(Block(*self._filled_part()))
                self._held = Block(self._held.rows[:0].copy(), None)  # frees the memory
            self._append(block)
        except OSError as error:
            raise DataError(
                f'The cache of rows in {self._folder or tempfile.gettempdir()} cannot be written '
                f'after {self.count} rows: {error.strerror}. Set TMPDIR to a folder on a larger '
                'disk, or increase memory_limit_mb.'
            ) from error

    def _append(self, block: Block) -> None:
        assert self._folder is not None, 'the folder is created before the first block is written'
        for name, values in (('rows', block.rows), ('weights', block.weights)):
            if values is not None and values.size:
                with open(self._folder / name, 'ab') as file:
                    file.write(memoryview(values).cast('B'))  # type: ignore[arg-type]


def _allocated(rows: int, layout: FeatureLayout) -> Block:
    """A block for `rows` rows, or for fewer if the system does not overcommit memory."""
    while True:
        try:
            return Block.empty(rows, layout)
        except MemoryError:
            rows //= 2


def _check_weights(weights: np.ndarray, name: str) -> None:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise DataError(
            f'weight_feature {name!r} must be finite and not negative, but {int(bad.sum())} of '
            f'{len(weights)} rows have other values; the first is {weights[bad][0]}.'
        )
    if not weights.any():
        raise DataError(
            f'weight_feature {name!r} is 0 in all {len(weights)} rows; at least one weight must be '
            'positive.'
        )
