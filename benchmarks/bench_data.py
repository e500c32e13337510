"""Reading TFRecords of tf.Examples, compared with tf.data and with decompression alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from generate import mixed_records, vector_records, write_tfrecords
from harness import Row, rated, seconds_of

from tfx_kmeans.data.feature_layout import FeatureLayout, choose_layout
from tfx_kmeans.data.files import Content
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples

N, D, RUNS = 200_000, 32, 5
LIMIT_MB, TIMES = 64, 8
TUNED_BLOCK = 1024
VECTOR = {'features': tf.io.FixedLenFeature([D], tf.float32)}
WEIGHTED = {**VECTOR, 'weight': tf.io.FixedLenFeature([], tf.float32)}
MIXED = {
    **{f'x{i:02}': tf.io.FixedLenFeature([], tf.float32) for i in range(12)},
    'count': tf.io.FixedLenFeature([], tf.int64),
}


def run(folder: Path) -> list[Row]:
    """Runs all cases."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N, D)).astype(np.float32)
    plain, weighted = vector_records(vectors), vector_records(vectors, rng.random(N))
    mixed = mixed_records(rng, N, 12)
    return [
        *_against_tf_data(folder / 'gzip', plain, 'GZIP', VECTOR, 'vector, gzip', 25),
        _against_inflating(folder / 'gzip'),
        *_against_tf_data(folder / 'plain', plain, '', VECTOR, 'vector, uncompressed', 30),
        *_against_tf_data(
            folder / 'weight', weighted, 'GZIP', WEIGHTED, 'vector and weight, gzip', 10
        ),
        *_against_tf_data(
            folder / 'mixed', mixed, 'GZIP', MIXED, '12 floats, int64, string, gzip', 3
        ),
        *_out_of_core(folder / 'large', rng),
    ]


def _against_tf_data(
    folder: Path,
    records: list[bytes],
    compression: str,
    spec: Mapping[str, tf.io.FixedLenFeature],
    case: str,
    target: float,
) -> list[Row]:
    folder.mkdir()
    for index in range(2):
        write_tfrecords(folder / f'part-{index}', records[index::2], compression)
    layout = choose_layout(spec, weight_feature='weight' if 'weight' in spec else None)
    count = len(records)
    rows = []
    for peer_name, block_length, wanted in (
        ('tf.data', 1, target),
        (f'tf.data, blocks of {TUNED_BLOCK}', TUNED_BLOCK, None),
    ):
        dataset = tf_data(folder, compression, spec, block_length)
        ours, peer = seconds_of(lambda: _read(folder, layout, None), partial(_drain, dataset), RUNS)
        ratio = peer / ours
        rows.append(rated(case, 'examples/s', count / ours, count / peer, peer_name, ratio, wanted))
    return rows


def _drain(dataset: tf.data.Dataset) -> None:
    for _ in dataset:
        pass


def _read(folder: Path, layout: FeatureLayout, limit_mb: int | None) -> None:
    with open_matrix(Examples((str(folder),)), layout, limit_mb):
        pass


def tf_data(
    folder: Path, compression: str, spec: Mapping[str, tf.io.FixedLenFeature], block_length: int
) -> tf.data.Dataset:
    """A dataset of interleave, batch, parse_example in a parallel map, and prefetch.

    With block_length 1, the default of interleave, every record is passed on individually. Larger
    blocks are the most effective improvement found.
    """
    paths = sorted(str(path) for path in folder.iterdir())
    return (
        tf.data.Dataset.from_tensor_slices(paths)
        .interleave(
            lambda path: tf.data.TFRecordDataset(path, compression, buffer_size=1 << 20),
            cycle_length=len(paths),
            block_length=block_length,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=False,
        )
        .batch(4096, num_parallel_calls=tf.data.AUTOTUNE, deterministic=False)
        .map(
            lambda batch: tf.io.parse_example(batch, dict(spec)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=False,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def _against_inflating(folder: Path) -> Row:
    paths = [str(path) for path in folder.iterdir()]

    def inflate(path: str) -> None:
        content = Content(path)
        while content.read(1 << 20):
            pass

    def inflate_all() -> None:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(inflate, paths))

    layout = choose_layout(VECTOR)
    ours, peer = seconds_of(lambda: _read(folder, layout, None), inflate_all, RUNS)
    return rated(
        'vector, gzip', 'examples/s', N / ours, N / peer, 'inflating alone', peer / ours, 0.5
    )


def _out_of_core(folder: Path, rng: np.random.Generator) -> list[Row]:
    """A matrix of 8 times the memory limit: speed, and peak memory of a fresh process."""
    folder.mkdir()
    count = TIMES * (LIMIT_MB << 20) // (4 * D)
    for index, part in enumerate(_parts(count, 4)):
        records = vector_records(rng.normal(size=(part, D)).astype(np.float32))
        write_tfrecords(folder / f'part-{index}', records, '')
    layout = choose_layout(VECTOR)
    cached, in_memory = seconds_of(
        lambda: _read(folder, layout, LIMIT_MB), lambda: _read(folder, layout, 1 << 14), 3
    )
    used = _peak_beyond_import(folder)
    allowed = LIMIT_MB + 300.0
    case = f'{TIMES} times the memory limit'
    return [
        rated(
            case,
            'examples/s',
            count / cached,
            count / in_memory,
            'in memory',
            in_memory / cached,
            0.5,
        ),
        rated(case, 'MiB beyond TensorFlow', used, allowed, 'limit + 300', allowed / used, 1.0),
    ]


def _parts(total: int, parts: int) -> Iterator[int]:
    yield from (total // parts for _ in range(parts))


def _peak_beyond_import(folder: Path) -> float:
    program = Path(__file__).with_name('peak_memory.py')
    ended = subprocess.run(
        [sys.executable, str(program), str(folder), str(D), str(LIMIT_MB)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(json.loads(ended.stdout.splitlines()[-1])['resident'])
