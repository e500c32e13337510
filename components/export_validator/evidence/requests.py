"""What a client of the model would send: raw features of examples, recorded requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfx_kmeans import names
from tfx_kmeans.export_validator.probe.program.probe_arrays import blank_of, is_blank
from tfx_kmeans.serving.parsed_features import parsed_features


def raw_values_of(inputs: Mapping[str, Any], records: Sequence[bytes]) -> dict[str, np.ndarray]:
    """The raw features of examples as dense arrays, with blanks for missing values.

    Args:
      inputs: TensorInfos of the signature `raw`, by name.
      records: Serialized tf.Examples.
    """
    specs = {name: _dense_spec(info) for name, info in inputs.items()}
    parsed = tf.io.parse_example(tf.constant(list(records), tf.string), specs)
    return {
        name: _shaped(
            parsed[name].numpy(),
            [dimension.size for dimension in info.tensor_shape.dim[1:]],
            specs[name].default_value,
        )
        for name, info in inputs.items()
    }


def lost_values(
    graph: Any, inputs: Mapping[str, Any], records: Sequence[bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Which examples lack an input of fixed shape, and which have a value that means missing.

    A blank means missing at the end of a variable-length input, where it cannot be told from
    padding. Anywhere else it is passed on as it is.

    Args:
      graph: MetaGraphDef of the model.
      inputs: TensorInfos of the signature `raw`, by name.
      records: Serialized tf.Examples.

    Returns:
      bool [n], bool [n].
    """
    specs = {
        name: tf.io.RaggedFeature(tf.as_dtype(info.dtype), row_splits_dtype=tf.int64)
        for name, info in inputs.items()
    }
    parsed = tf.io.parse_example(tf.constant(list(records), tf.string), specs)
    fixed = {
        name
        for name, feature in parsed_features(graph, names.EXAMPLES_SIGNATURE).items()
        if feature.shape is not None
    }
    lacking, blank = np.zeros((2, len(records)), bool)
    for name, info in inputs.items():
        if name not in fixed:
            blank |= _ends_blank(parsed[name])
        if all(dimension.size >= 0 for dimension in info.tensor_shape.dim[1:]):
            lacking |= parsed[name].row_lengths().numpy() == 0
    return lacking, blank


def _ends_blank(rows: tf.RaggedTensor) -> np.ndarray:
    """Which rows have a blank as their last value: bool [n]."""
    limits, found = rows.row_limits().numpy(), rows.row_lengths().numpy() > 0
    found[found] = is_blank(rows.values.numpy())[limits[found] - 1]
    return found


def _dense_spec(info: Any) -> tf.io.FixedLenSequenceFeature:
    dtype = tf.as_dtype(info.dtype)
    return tf.io.FixedLenSequenceFeature([], dtype, True, blank_of(dtype.as_numpy_dtype))


def _shaped(values: np.ndarray, shape: Sequence[int], blank: object) -> np.ndarray:
    """Values [n, m] as [n, *shape], padded with blanks if m is less than the shape needs."""
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
