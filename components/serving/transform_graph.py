"""Embeds the part of a Transform graph that computes the clustered features in a model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from tfx_kmeans.errors import ExportError
from tfx_kmeans.serving.graph_file import canonical
from tfx_kmeans.serving.python_calls import calls_python, refuse_python_calls
from tfx_kmeans.serving.raw_features import Tensors, raw_features_of


class TransformPreprocessing:
    """The part of a Transform graph that some of its outputs depend on.

    The operations that these outputs depend on are copied from the graph. Nothing else of the graph
    becomes part of a model: neither other features nor their vocabularies.

    Attributes:
      resources: Tables and variables that the copied operations use; the model must track them.
      raw_features: Raw features that the outputs depend on, by name.
      all_raw_features: All raw features of the examples, by name.
    """

    def __init__(self, transform_graph_uri: str, features: Sequence[str]) -> None:
        """Extracts the part of the graph that computes some of its outputs.

        Args:
          transform_graph_uri: Folder of a TransformGraph artifact.
          features: Names of the outputs to compute.

        Raises:
          ExportError: If the graph is a TensorFlow 1 graph.
          PythonCallError: If an output depends on a Python function; names the output.
        """
        output = tft.TFTransformOutput(transform_graph_uri)
        function, loaded = _transform_function(output.transform_savedmodel_dir)
        self._fetches = _fetches(function, features)
        inputs = _inputs(function)
        raw = {part.op.name for parts in inputs.values() for part in parts}
        whole = function.graph.as_graph_def()
        for name, tensor in self._fetches.items():
            needed = _subgraph(whole, [tensor.op.name], raw)
            refuse_python_calls(needed, f'The part of the transform_graph for feature {name!r}')
        wanted = [tensor.op.name for tensor in self._fetches.values()]
        self._graph_def = _subgraph(whole, wanted, raw)
        names = {node.name for node in self._graph_def.node}
        self._inputs = {
            name: parts
            for name, parts in inputs.items()
            if any(part.op.name in names for part in parts)
        }
        captured = function.graph.inputs[-len(function.captured_inputs) :]
        self._captures = {
            inside.op.name: outside
            for inside, outside in zip(captured, function.captured_inputs, strict=False)
            if inside.op.name in names
        }
        self.resources = _owners(loaded, self._captures.values())
        self._vocabularies = _files_of(self.resources)
        specs = output.raw_feature_spec()
        self.all_raw_features = raw_features_of(specs, output.raw_metadata.schema)
        self.raw_features = {name: self.all_raw_features[name] for name in sorted(self._inputs)}
        self._in_function = tf.function(self._imported, autograph=False, reduce_retracing=True)

    def digest(self) -> str:
        """SHA-256 hash of the operations, values and vocabularies that determine the result."""
        found = hashlib.sha256()
        found.update(canonical(self._graph_def))
        for name in sorted(self._captures):
            if self._captures[name].dtype not in (tf.resource, tf.variant):
                found.update(repr(self._captures[name].numpy().tolist()).encode())
        for path in self._vocabularies:
            with tf.io.gfile.GFile(path, 'rb') as file:
                found.update(file.read())
        return found.hexdigest()

    def __call__(self, raw: Tensors) -> Tensors:
        """See `Preprocessing`.

        Operations can only be copied into a graph; in eager mode, a tf.function provides one.
        """
        needed = {name: raw[name] for name in self._inputs}
        return self._in_function(needed) if tf.executing_eagerly() else self._imported(needed)

    def _imported(self, raw: Tensors) -> Tensors:
        given = {
            part.op.name: tensor
            for name, parts in self._inputs.items()
            for part, tensor in zip(
                parts, tf.nest.flatten(raw[name], expand_composites=True), strict=True
            )
        }
        present = {node.name for node in self._graph_def.node}
        input_map = {
            f'{name}:0': tf.convert_to_tensor(tensor)
            for name, tensor in {**given, **self._captures}.items()
            if name in present
        }
        names = list(self._fetches)
        found = tf.graph_util.import_graph_def(
            self._graph_def,
            input_map=input_map,
            return_elements=[self._fetches[name].name for name in names],
            name='transform',
        )
        for name, tensor in zip(names, found, strict=True):
            tensor.set_shape(self._fetches[name].shape)
        return dict(zip(names, found, strict=True))


def _transform_function(folder: str) -> tuple[Any, Any]:
    """The function of the graph, and the loaded object that keeps its resources alive."""
    loaded = tf.saved_model.load(folder)
    function = getattr(loaded, 'transform_fn', None)
    if function is None:
        raise ExportError(
            f'{folder} is a TensorFlow 1 graph, from which the part to serve cannot be extracted. '
            'Run Transform without force_tf_compat_v1.'
        )
    concrete = getattr(function, 'concrete_functions', None)
    return (concrete[0] if concrete else function), loaded


def _inputs(function: Any) -> dict[str, list[tf.Tensor]]:
    """Placeholders of each raw feature: one, or several for a sparse or ragged tensor."""
    specs = function.structured_input_signature[0][0]
    parts = {name: tf.nest.flatten(specs[name], expand_composites=True) for name in sorted(specs)}
    placeholders = iter(function.graph.inputs)
    return {name: [next(placeholders) for _ in parts[name]] for name in parts}


def _fetches(function: Any, features: Sequence[str]) -> dict[str, tf.Tensor]:
    """Output tensor of each feature."""
    specs = function.structured_outputs
    counts = {
        name: len(tf.nest.flatten(specs[name], expand_composites=True)) for name in sorted(specs)
    }
    outputs = iter(function.graph.outputs)
    tensors = {name: [next(outputs) for _ in range(count)] for name, count in counts.items()}
    return {name: tensors[name][0] for name in features}


def _subgraph(graph_def: Any, nodes: Sequence[str], raw: Set[str]) -> Any:
    """Some nodes of a graph, all nodes they depend on, and related side effects.

    The whole graph runs every stateful operation, such as an assertion, before it returns any
    output. Of these operations, only those are kept that need no additional raw features and call
    no Python function.

    Args:
      graph_def: Whole graph.
      nodes: Names of the nodes to keep.
      raw: Names of the placeholders of raw features.
    """
    by_name = {node.name: node for node in graph_def.node}
    kept = _dependencies(by_name, nodes)
    given = kept & raw
    waiting = [name for node in kept for name in _control_inputs(by_name[node])]
    while waiting:
        name = waiting.pop()
        added = _dependencies(by_name, [name]) - kept
        if added & raw <= given and not any(calls_python(by_name[node]) for node in added):
            kept |= added
            waiting.extend(before for node in added for before in _control_inputs(by_name[node]))
    found = tf.compat.v1.GraphDef(versions=graph_def.versions)
    found.node.extend(_restricted(node, kept) for node in graph_def.node if node.name in kept)
    functions = {function.signature.name: function for function in graph_def.library.function}
    called = sorted(_called(found.node, functions))
    found.library.function.extend(functions[name] for name in called)
    return found


def _dependencies(by_name: Mapping[str, Any], nodes: Iterable[str]) -> set[str]:
    """Names of some nodes and of all nodes whose outputs they use, directly or indirectly."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            inputs = by_name[name].input
            waiting.extend(one.partition(':')[0] for one in inputs if not one.startswith('^'))
    return found


def _control_inputs(node: Any) -> list[str]:
    return [name[1:] for name in node.input if name.startswith('^')]


def _restricted(node: Any, kept: Set[str]) -> Any:
    """A copy of a node without references to nodes that are not kept."""
    copied = type(node).FromString(node.SerializeToString())
    dropped = {f'^{name}' for name in _control_inputs(node) if name not in kept}
    copied.input[:] = [name for name in node.input if name not in dropped]
    copied.attr.pop('_class', None)  # hints to be placed on the same device as another node
    return copied


def _called(nodes: Iterable[Any], functions: Mapping[str, Any]) -> set[str]:
    """Names of the functions that nodes call, directly or indirectly."""
    called: set[str] = set()
    waiting = list(nodes)
    while waiting:
        for value in waiting.pop().attr.values():
            for name in {value.func.name, *(one.name for one in value.list.func)} - called:
                if name in functions:
                    called.add(name)
                    waiting.extend(functions[name].node_def)
    return called


def _owners(loaded: Any, handles: Any) -> list[Any]:
    """The tables and variables of a loaded object that some handles belong to.

    A model must have them as attributes, so that their vocabulary files are saved with it.
    """
    wanted = {id(handle) for handle in handles}
    return [
        owner
        for owner in tf.train.TrackableView(loaded).descendants()
        if id(getattr(owner, 'resource_handle', None)) in wanted
        or id(getattr(owner, 'handle', None)) in wanted
    ]


def _files_of(resources: Sequence[Any]) -> list[str]:
    """Paths of the files that tables are initialised from, sorted by file name."""
    paths = [
        part.asset_path.numpy().decode()
        for resource in resources
        for part in tf.train.TrackableView(resource).descendants()
        if hasattr(part, 'asset_path')
    ]
    return sorted(paths, key=os.path.basename)
