"""A Transform graph, cut down to the features that are clustered, inside another graph."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from tfx_kmeans.serving.graph_file import canonical
from tfx_kmeans.serving.python_calls import calls_python, refuse_python_calls
from tfx_kmeans.serving.raw_features import Tensors, raw_features_of


class TransformPreprocessing:
    """What a Transform graph does for some of its outputs, and no more than that.

    The operations that the outputs depend on are copied from the graph, so that nothing else of it
    is in a model: no other feature, and no vocabulary of theirs.
    """

    def __init__(self, transform_graph_uri: str, features: Sequence[str]) -> None:
        """Args:
          transform_graph_uri: folder of a TransformGraph artifact.
          features: the outputs of the graph that are wanted.

        Raises:
          ValueError: where the graph is one of TensorFlow 1.
          PythonCallError: where a wanted output needs a Python function, naming the output.
        """
        output = tft.TFTransformOutput(transform_graph_uri)
        function, loaded = _transform_function(output.transform_savedmodel_dir)
        self._fetches = _fetches(function, features)
        inputs = _inputs(function)
        raw = {part.op.name for parts in inputs.values() for part in parts}
        whole = function.graph.as_graph_def()
        for name, tensor in self._fetches.items():
            needed = _subgraph(whole, [tensor.op.name], raw)
            refuse_python_calls(needed, f'The transform_graph, for the feature {name!r},')
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
        """SHA-256 of what is computed: operations, values and vocabularies."""
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
        """See `Preprocessing`. Nodes can be copied into a graph only, so eager calls make one."""
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
    """The function that the graph is, and the loaded object that keeps its resources alive."""
    loaded = tf.saved_model.load(folder)
    function = getattr(loaded, 'transform_fn', None)
    if function is None:
        raise ValueError(
            f'{folder} is a graph of TensorFlow 1, which cannot be cut down to what is served. Run '
            'Transform without force_tf_compat_v1.'
        )
    concrete = getattr(function, 'concrete_functions', None)
    return (concrete[0] if concrete else function), loaded


def _inputs(function: Any) -> dict[str, list[tf.Tensor]]:
    """The placeholders of each raw feature: one, or the parts of a sparse or ragged tensor."""
    specs = function.structured_input_signature[0][0]
    parts = {name: tf.nest.flatten(specs[name], expand_composites=True) for name in sorted(specs)}
    placeholders = iter(function.graph.inputs)
    return {name: [next(placeholders) for _ in parts[name]] for name in parts}


def _fetches(function: Any, features: Sequence[str]) -> dict[str, tf.Tensor]:
    specs = function.structured_outputs
    counts = {
        name: len(tf.nest.flatten(specs[name], expand_composites=True)) for name in sorted(specs)
    }
    outputs = iter(function.graph.outputs)
    tensors = {name: [next(outputs) for _ in range(count)] for name, count in counts.items()}
    return {name: tensors[name][0] for name in features}


def _subgraph(graph_def: Any, nodes: Sequence[str], raw: Set[str]) -> Any:
    """What some nodes depend on, and what is done along with that, such as assertions.

    The graph runs every stateful operation before it gives any output. Of those, only what needs
    no further raw feature and no Python is kept.

    Args:
      graph_def: the whole.
      nodes: names of the wanted ones.
      raw: names of the placeholders of raw features.
    """
    by_name = {node.name: node for node in graph_def.node}
    kept = _dependencies(by_name, nodes)
    given = kept & raw
    waiting = [name for node in kept for name in _control_inputs(by_name[node])]
    while waiting:
        name = waiting.pop()
        along = _dependencies(by_name, [name]) - kept
        if along & raw <= given and not any(calls_python(by_name[one]) for one in along):
            kept |= along
            waiting.extend(after for one in along for after in _control_inputs(by_name[one]))
    found = tf.compat.v1.GraphDef(versions=graph_def.versions)
    found.node.extend(_among(node, kept) for node in graph_def.node if node.name in kept)
    functions = {function.signature.name: function for function in graph_def.library.function}
    called = sorted(_called(found.node, functions))
    found.library.function.extend(functions[name] for name in called)
    return found


def _dependencies(by_name: Mapping[str, Any], nodes: Iterable[str]) -> set[str]:
    """Names of nodes and of those whose outputs they take, directly or not."""
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


def _among(node: Any, kept: Set[str]) -> Any:
    """A node without what refers to nodes that are not kept."""
    copied = type(node).FromString(node.SerializeToString())
    dropped = {f'^{name}' for name in _control_inputs(node) if name not in kept}
    copied.input[:] = [name for name in node.input if name not in dropped]
    copied.attr.pop('_class', None)  # hints to stand beside another node
    return copied


def _called(nodes: Iterable[Any], functions: Mapping[str, Any]) -> set[str]:
    """Names of the functions that nodes call, and those that these call in turn."""
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
    """The tables and variables, of all that was loaded, that some handles belong to.

    A model must hold them as attributes, so that their vocabulary files are copied with it.
    """
    wanted = {id(handle) for handle in handles}
    return [
        owner
        for owner in tf.train.TrackableView(loaded).descendants()
        if id(getattr(owner, 'resource_handle', None)) in wanted
        or id(getattr(owner, 'handle', None)) in wanted
    ]


def _files_of(resources: Sequence[Any]) -> list[str]:
    """Paths of the files that tables are read from, in the order of their names."""
    paths = [
        part.asset_path.numpy().decode()
        for resource in resources
        for part in tf.train.TrackableView(resource).descendants()
        if hasattr(part, 'asset_path')
    ]
    return sorted(paths, key=os.path.basename)
