"""What a client of the model would send: raw features out of examples, recorded requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfx_kmeans import names

_BLANK = {tf.float32: np.nan, tf.int64: np.iinfo(np.int64).min, tf.string: b''}


def raw_values_of(inputs: Mapping[str, Any], records: Sequence[bytes]) -> dict[str, np.ndarray]:
    """The raw features of examples as dense arrays, blank where one is missing.

    Args:
      inputs: TensorInfos of the signature `raw`, by name.
      records: serialized tf.Examples.
    """
    dtypes = {name: tf.as_dtype(info.dtype) for name, info in inputs.items()}
    specs = {
        name: tf.io.FixedLenSequenceFeature([], dtype, True, _BLANK[dtype])
        for name, dtype in dtypes.items()
    }
    parsed = tf.io.parse_example(tf.constant(list(records), tf.string), specs)
    return {
        name: _shaped(
            parsed[name].numpy(),
            [dimension.size for dimension in info.tensor_shape.dim[1:]],
            _BLANK[dtypes[name]],
        )
        for name, info in inputs.items()
    }


def untold_by_raw(
    inputs: Mapping[str, Any], records: Sequence[bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Which examples have no value for an input of fixed shape, and which have a blank one.

    Args:
      inputs: TensorInfos of the signature `raw`, by name.
      records: serialized tf.Examples.

    Returns:
      bool [n], bool [n].
    """
    specs = {
        name: tf.io.RaggedFeature(tf.as_dtype(info.dtype), row_splits_dtype=tf.int64)
        for name, info in inputs.items()
    }
    parsed = tf.io.parse_example(tf.constant(list(records), tf.string), specs)
    lacking, blank = np.zeros((2, len(records)), bool)
    for name, info in inputs.items():
        values = parsed[name].values.numpy()
        is_blank = (
            np.isnan(values) if values.dtype == np.float32 else values == _BLANK[specs[name].dtype]
        )
        blank[parsed[name].value_rowids().numpy()[is_blank]] = True
        if all(dimension.size >= 0 for dimension in info.tensor_shape.dim[1:]):
            lacking |= parsed[name].row_lengths().numpy() == 0
    return lacking, blank


def _shaped(values: np.ndarray, shape: Sequence[int], blank: object) -> np.ndarray:
    """Values [n, most] as [n, *shape], filled up with blanks where none has so many."""
    if -1 in shape:
        return values
    missing = max(math.prod(shape) - values.shape[1], 0)
    filled = np.pad(values, ((0, 0), (0, missing)), constant_values=blank)  # type: ignore[call-overload]
    return filled.reshape(len(values), *shape)


def read_warmup(path: str) -> list[tuple[str, dict[str, Any]]]:
    """Requests that TensorFlow Serving would replay: signature, and TensorProtos by input."""
    found = []
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        signature = request.model_spec.signature_name or names.DEFAULT_SIGNATURE
        found.append((signature, dict(request.inputs)))
    return found
