"""Generates the data of the benchmarks: the same bytes as TensorFlow writes, but faster."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy.stats import norm


def clustered(count: int, width: int, clusters: int, overlap: float = 0.08) -> np.ndarray:
    """Rows float32 [n, d] of unit Gaussians, about `overlap` of them nearer to another centre.

    If two centres have a distance of 2 z, a row is nearer to the other centre with probability
    P(Z > z). The typical distance is chosen such that these probabilities add up to `overlap`.
    """
    rng = np.random.default_rng(0)
    distance = 2 * norm.isf(overlap / (clusters - 1))
    centers = rng.normal(size=(clusters, width)) * distance / np.sqrt(2 * width)
    rows = rng.standard_normal((count, width), np.float32)
    rows += centers.astype(np.float32)[rng.integers(clusters, size=count)]
    return rows


def vector_records(vectors: np.ndarray, weights: np.ndarray | None = None) -> list[bytes]:
    """A serialized Example for each row of [n, d], with `features` and optionally `weight`.

    The order of the two features varies from record to record, as in Transform's output.
    """
    count, width = vectors.shape
    if weights is None:
        return list(_filled(_example(features=width), {'features': vectors}))
    filled = [
        _filled(_example(**order), {'features': vectors, 'weight': weights[:, np.newaxis]})
        for order in ({'features': width, 'weight': 1}, {'weight': 1, 'features': width})
    ]
    which = np.random.default_rng(0).integers(2, size=count)
    return [filled[choice][index] for index, choice in enumerate(which)]


def mixed_records(rng: np.random.Generator, count: int, scalars: int) -> list[bytes]:
    """Serialized Examples of scalar floats, an integer and a string of varying length."""
    records = []
    for index, row in enumerate(rng.normal(size=(count, scalars))):
        example = tf.train.Example()
        feature = example.features.feature
        for column, value in enumerate(row):
            feature[f'x{column:02}'].float_list.value.append(value)
        feature['count'].int64_list.value.append(index)
        feature['name'].bytes_list.value.append(b'x' * (index % 30))
        records.append(example.SerializeToString())
    return records


def write_tfrecords(path: object, records: list[bytes], compression: str) -> None:
    """Writes a TFRecord file with TensorFlow's writer."""
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)


def _example(**widths: int) -> tuple[bytes, dict[str, int]]:
    """A serialized Example of ones in the order of the keywords, and the offsets of its floats."""
    entries, places = b'', {}
    for name, width in widths.items():
        feature = tf.train.Feature(float_list=tf.train.FloatList(value=np.ones(width)))
        one = tf.train.Features(feature={name: feature}).SerializeToString()
        places[name] = len(entries) + len(one) - 4 * width
        entries += one
    header = b'\x0a' + _varint(len(entries))
    return header + entries, {name: place + len(header) for name, place in places.items()}


def _filled(template: tuple[bytes, dict[str, int]], values: dict[str, np.ndarray]) -> list[bytes]:
    record, places = template
    count = len(next(iter(values.values())))
    records = np.tile(np.frombuffer(record, np.uint8), (count, 1))
    for name, rows in values.items():
        width = 4 * rows.shape[1]
        records[:, places[name] : places[name] + width] = np.ascontiguousarray(rows, '<f4').view(
            np.uint8
        )
    return [row.tobytes() for row in records]


def _varint(value: int) -> bytes:
    out = b''
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
