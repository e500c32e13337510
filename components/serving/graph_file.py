"""Reads and edits the saved_model.pb that TensorFlow has written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

from tfx_kmeans import filesystem, names
from tfx_kmeans.centroids.storage import newest_version
from tfx_kmeans.errors import ModelError

GRAPH_FILE = 'saved_model.pb'


def read_graph_file(folder: str) -> saved_model_pb2.SavedModel:
    """Reads the saved_model.pb of a model."""
    with tf.io.gfile.GFile(f'{folder}/{GRAPH_FILE}', 'rb') as file:
        return saved_model_pb2.SavedModel.FromString(file.read())


def find_saved_model(folder: str) -> str | None:
    """The folder of the SavedModel of an earlier run; None if there is none.

    Args:
      folder: Folder of a SavedModel, of a Model artifact, or of numbered versions of models, of
        which the newest (the largest number) is used.
    """
    folder = folder.rstrip('/')
    for candidate in (folder, f'{folder}/{names.MODEL_FOLDER}', newest_version(folder)):
        if filesystem.exists(f'{candidate}/{GRAPH_FILE}'):
            return candidate
    return None


def write_graph_file(folder: str, saved_model: saved_model_pb2.SavedModel) -> None:
    """Writes saved_model.pb; equal content gives equal bytes."""
    with tf.io.gfile.GFile(f'{folder}/{GRAPH_FILE}', 'wb') as file:
        file.write(saved_model.SerializeToString(deterministic=True))


def write_text_form(path: str, saved_model: saved_model_pb2.SavedModel) -> None:
    """Writes the graph of a model in protobuf's text format."""
    tf.io.gfile.makedirs(path.rpartition('/')[0])
    with tf.io.gfile.GFile(path, 'w') as file:
        file.write(text_format.MessageToString(saved_model))


def rename_inputs(
    saved_model: saved_model_pb2.SavedModel,
    signature: str,
    new_names: Mapping[str, str],
    positional: int = 0,
) -> None:
    """Renames the inputs of a signature, also to names such as 'a/b' that are not identifiers.

    TensorFlow does not accept such names for the arguments of a function. Servers read the names
    of inputs from the signature, TensorFlow in Python reads them from the object graph; both are
    changed.

    Args:
      saved_model: Model to change in place.
      signature: Name of the signature.
      new_names: New names of the inputs, by current name.
      positional: Number of inputs, the first ones, that Python can only pass by position.
    """
    graph = saved_model.meta_graphs[0]
    inputs = graph.signature_def[signature].inputs
    _rename_keys(inputs, new_names)
    objects = graph.object_graph_def
    function = objects.nodes[_signature_node(objects, signature)].bare_concrete_function
    function.argument_keywords[:] = [new_names[name] for name in function.argument_keywords]
    function.allowed_positional_arguments = max(function.allowed_positional_arguments, positional)
    function.ClearField('function_spec')  # has the old argument names; optional in TensorFlow
    traced = objects.concrete_functions[function.concrete_function_name]
    positional_part, keyword_part = traced.canonicalized_input_signature.tuple_value.values
    arguments = keyword_part.dict_value.fields
    _rename_keys(arguments, new_names)
    for name, value in arguments.items():
        value.tensor_spec_value.name = name
    for name in function.argument_keywords[:positional]:
        positional_part.tuple_value.values.add().CopyFrom(arguments[name])
        del arguments[name]


def restore_default_attributes(saved_model: saved_model_pb2.SavedModel) -> None:
    """Adds the attributes that TensorFlow has left out because they have default values."""
    info = saved_model.meta_graphs[0].meta_info_def
    defaults = {
        op.name: {
            attr.name: attr.default_value for attr in op.attr if attr.HasField('default_value')
        }
        for op in info.stripped_op_list.op
    }
    for node in nodes_of(saved_model.meta_graphs[0].graph_def):
        for name, value in defaults.get(node.op, {}).items():
            if name not in node.attr:
                node.attr[name].CopyFrom(value)
    info.stripped_default_attrs = False


def canonical(graph_def: Any) -> bytes:
    """The content of a graph, without the numbers that loading appends to function names."""
    content: bytes = graph_def.SerializeToString(deterministic=True)
    return re.sub(rb'(__[a-z]+_\w*?)(_\d+)+\b', rb'\1', content)


def nodes_of(graph_def: Any) -> Iterator[Any]:
    """All nodes of a graph, including those of its functions."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def _rename_keys(fields: Any, new_names: Mapping[str, str]) -> None:
    kept = {
        new_names[name]: type(value).FromString(value.SerializeToString())
        for name, value in fields.items()
    }
    for name in list(fields):
        del fields[name]
    for name, value in kept.items():
        fields[name].CopyFrom(value)


def _signature_node(objects: Any, signature: str) -> int:
    for node in objects.nodes:
        if (
            node.WhichOneof('kind') == 'user_object'
            and node.user_object.identifier == 'signature_map'
        ):
            return next(c.node_id for c in node.children if c.local_name == signature)
    raise ModelError('The model has no signatures.')
