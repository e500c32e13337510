"""Parsing specs of the features that a Transform graph or a schema describes."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from tfx_kmeans.errors import MissingSchemaError


def transformed_feature_spec(transform_graph_uri: str) -> dict[str, Any]:
    """Parsing specs of the outputs of a Transform graph, by feature name."""
    return dict(tft.TFTransformOutput(transform_graph_uri).transformed_feature_spec())


def schema_feature_spec(schema_uri: str) -> dict[str, Any]:
    """Parsing specs of the schema in a Schema artifact's folder, by feature name.

    Raises:
      MissingSchemaError: If the folder does not contain a schema.pbtxt.
    """
    return feature_spec_of_schema(read_schema(schema_uri))


def feature_spec_of_schema(schema: schema_pb2.Schema) -> dict[str, Any]:
    """Parsing specs of a schema, by feature name."""
    return dict(schema_utils.schema_as_feature_spec(schema).feature_spec)


def read_schema(schema_uri: str) -> schema_pb2.Schema:
    """Reads the schema in a Schema artifact's folder.

    Raises:
      MissingSchemaError: If the folder does not contain a schema.pbtxt.
    """
    path = f'{schema_uri.rstrip("/")}/schema.pbtxt'
    if not tf.io.gfile.exists(path):
        raise MissingSchemaError(f'There is no schema file at {path}.')
    with tf.io.gfile.GFile(path) as file:
        return text_format.Parse(file.read(), schema_pb2.Schema())
