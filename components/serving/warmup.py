"""Warmup requests, which TensorFlow Serving runs on loading so that later requests are fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tfx_kmeans import names
from tfx_kmeans.serving.module import KMeansModule
from tfx_kmeans.serving.raw_features import parse

MAX_REQUESTS = 1000
"""Maximum number of warmup requests that TensorFlow Serving accepts for a model."""

Inputs = Mapping[str, np.ndarray]


def write_warmup(
    path: str, module: KMeansModule, signatures: Mapping[str, str], records: Sequence[bytes]
) -> None:
    """Writes a TFRecord file of PredictionLogs that contains every example once per signature.

    Each request contains one example, or several if there would be more than `MAX_REQUESTS`
    requests otherwise.

    Args:
      path: Path of the file to write.
      module: Model whose preprocessing computes the rows and the raw features.
      signatures: Input of each signature to warm up, `examples`, `raw` or `features`, by name.
      records: Raw examples as serialized tf.Examples.
    """
    inputs = _inputs(module, records)
    per_signature = min(len(records), MAX_REQUESTS // len(signatures))
    with tf.io.TFRecordWriter(path) as writer:
        for signature, kind in sorted(signatures.items()):
            for request in _requests(signature, inputs[kind], per_signature):
                writer.write(request.SerializeToString())


def _inputs(module: KMeansModule, records: Sequence[bytes]) -> dict[str, Inputs]:
    """Inputs for all records, by kind of signature."""
    serialized = tf.constant(list(records), tf.string)
    parsed, _ = parse(serialized, module.raw_inputs.values(), ())
    return {
        names.EXAMPLES_SIGNATURE: {names.EXAMPLES_SIGNATURE: serialized.numpy()},
        names.FEATURES_SIGNATURE: {names.FEATURES_SIGNATURE: module.preprocess(serialized).numpy()},
        names.RAW_SIGNATURE: {
            name: feature.to_dense(parsed[name]).numpy()
            for name, feature in module.raw_inputs.items()
        },
    }


def _requests(
    signature: str, inputs: Inputs, count: int
) -> Iterator[prediction_log_pb2.PredictionLog]:
    rows = len(next(iter(inputs.values())))
    for part in np.array_split(np.arange(rows), count):
        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values[part]))
        yield _log(request)


def _log(request: Any) -> prediction_log_pb2.PredictionLog:
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
