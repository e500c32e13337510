"""Features that a signature of a SavedModel parses from tf.Examples, read from its graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from tfx_kmeans import names

_PARSER = 'ParseExampleV2'
_KINDS = ('sparse', 'dense', 'ragged')


@dataclasses.dataclass(frozen=True)
class ParsedFeature:
    """A feature as a graph parses it.

    Attributes:
      dtype: Type of the values: 'float32', 'int64' or 'string'.
      shape: Shape of the values of one example; None for a variable number of values.
    """

    dtype: str
    shape: tuple[int, ...] | None

    def __str__(self) -> str:
        shape = 'of variable length' if self.shape is None else f'of shape {list(self.shape)}'
        return f'{self.dtype} {shape}'


def parsed_features(meta_graph: Any, signature: str) -> dict[str, ParsedFeature]:
    """Features that a signature parses from serialized tf.Examples, by name.

    Only features whose names are constants of the graph are found.

    Args:
      meta_graph: MetaGraphDef of a SavedModel in the format of TensorFlow 2.
      signature: Name of the signature.
    """
    if signature not in meta_graph.signature_def:
        return {}
    found: dict[str, ParsedFeature] = {}
    for nodes in _called_functions(meta_graph, signature):
        constants = {node.name: node for node in nodes if node.op == 'Const'}
        for node in nodes:
            if node.op == _PARSER:
                found.update(_features_of(node, constants))
    return found


def required_features(meta_graph: Any) -> list[str]:
    """Features of fixed length that the preprocessing of an exported model parses, by name."""
    parsed = parsed_features(meta_graph, names.PREPROCESS_SIGNATURE)
    return sorted(name for name, feature in parsed.items() if feature.shape is not None)


def missing_features(wanted: Sequence[str], records: Sequence[bytes]) -> list[str]:
    """Those of the features that none of some serialized tf.Examples has."""
    present = {
        name
        for record in records
        for name, feature in tf.train.Example.FromString(record).features.feature.items()
        if feature.WhichOneof('kind') is not None
    }
    return [name for name in wanted if name not in present]


def _called_functions(meta_graph: Any, signature: str) -> Iterator[Sequence[Any]]:
    """The nodes of each function that the signature calls, directly or indirectly."""
    functions = {one.signature.name: one for one in meta_graph.graph_def.library.function}
    outputs = meta_graph.signature_def[signature].outputs.values()
    wanted = {info.name.partition(':')[0] for info in outputs}
    waiting = [node for node in meta_graph.graph_def.node if node.name in wanted]
    seen: set[str] = set()
    while waiting:
        for value in waiting.pop().attr.values():
            for name in {value.func.name, *(one.name for one in value.list.func)} - seen:
                seen.add(name)
                if name in functions:
                    yield functions[name].node_def
                    waiting.extend(functions[name].node_def)


def _features_of(node: Any, constants: dict[str, Any]) -> Iterator[tuple[str, ParsedFeature]]:
    """The features of a ParseExampleV2 operation; its inputs 2 to 4 are the names of each kind."""
    types = {
        'sparse': node.attr['sparse_types'].list.type,
        'dense': node.attr['Tdense'].list.type,
        'ragged': node.attr['ragged_value_types'].list.type,
    }
    shapes = node.attr['dense_shapes'].list.shape
    for kind, source in zip(_KINDS, node.input[2:5], strict=True):
        constant = constants.get(source.partition(':')[0])
        keys = [] if constant is None else tf.make_ndarray(constant.attr['value'].tensor).ravel()
        for index, key in enumerate(keys):
            shape = tuple(dim.size for dim in shapes[index].dim) if kind == 'dense' else None
            dtype = tf.as_dtype(types[kind][index]).name
            yield key.decode(), ParsedFeature(dtype, shape)
