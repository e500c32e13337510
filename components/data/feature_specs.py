"""The parsing specs that Transform graphs and schemas give for their features."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils


def transformed_feature_spec(transform_graph_uri: str) -> dict[str, Any]:
    """Name to parsing spec of what a Transform graph puts out."""
    return dict(tft.TFTransformOutput(transform_graph_uri).transformed_feature_spec())


def schema_feature_spec(schema_uri: str) -> dict[str, Any]:
    """Name to parsing spec of the schema in a Schema artifact's folder; raises as `read_schema`."""
    return feature_spec_of_schema(read_schema(schema_uri))


def feature_spec_of_schema(schema: schema_pb2.Schema) -> dict[str, Any]:
    """Name to parsing spec."""
    return dict(schema_utils.schema_as_feature_spec(schema).feature_spec)


def read_schema(schema_uri: str) -> schema_pb2.Schema:
    """The schema in a Schema artifact's folder.

    Raises:
      FileNotFoundError: where the folder holds no schema.pbtxt.
    """
    path = f'{schema_uri.rstrip("/")}/schema.pbtxt'
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(f'No schema at {path}.')
    with tf.io.gfile.GFile(path) as file:
        return text_format.Parse(file.read(), schema_pb2.Schema())
