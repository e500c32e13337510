"""What a client of the model would send: raw features out of examples, recorded requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

_BLANK = {tf.float32: np.nan, tf.int64: np.iinfo(np.int64).min, tf.string: b''}


def raw_values_of(inputs: Mapping[str, Any], records: Sequence[bytes]) -> dict[str, np.ndarray]:
    """The raw features of examples as dense arrays, blank where one is missing.

    Args:
      inputs: TensorInfos of the signature `raw`, by name.
      records: serialized tf.Examples.
    """
    specs = {name: _spec(info) for name, info in inputs.items()}
    parsed = tf.io.parse_example(tf.constant(list(records), tf.string), specs)
    return {name: parsed[name].numpy() for name in specs}


def _spec(info: Any) -> Any:
    dtype = tf.as_dtype(info.dtype)
    shape = [dimension.size for dimension in info.tensor_shape.dim[1:]]
    if -1 in shape:
        return tf.io.FixedLenSequenceFeature([], dtype, True, _BLANK[dtype])
    return tf.io.FixedLenFeature(shape, dtype, np.full(shape, _BLANK[dtype]))


def read_warmup(path: str) -> list[tuple[str, dict[str, Any]]]:
    """Requests that TensorFlow Serving would replay: signature, and TensorProtos by input."""
    found = []
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        found.append((request.model_spec.signature_name, dict(request.inputs)))
    return found
