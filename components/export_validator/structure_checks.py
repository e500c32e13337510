"""Checks of the model's files and its graph."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.export_validator.context import SERVE_TAG, Context
from tfx_kmeans.export_validator.findings import STRUCTURE, Check, Finding, listed
from tfx_kmeans.serving.graph_file import nodes_of

_PREDICT = 'tensorflow/serving/predict'
_ALWAYS = (
    names.EXAMPLES_SIGNATURE,
    names.FEATURES_SIGNATURE,
    names.PREPROCESS_SIGNATURE,
    names.ALL_DISTANCES,
    names.CLUSTER_INDEX,
)
_PATH = re.compile(r'(/[^/\s]+/[^/\s].*|(file|gs|s3|hdfs|viewfs)://.+)', re.DOTALL)
_INIT_OP = '__saved_model_init_op'
_PLACES = r'saved_model\.pb|fingerprint\.pb|variables/variables\.[^/]+|assets/.+|assets\.extra/.+'
_OF_TRAINING = r'(^|/)(checkpoint$|events\.out\.tfevents|model\.ckpt|.*\.h5$)'
_FORBIDDEN = re.compile(
    r'.*PyFunc(Stateless)?|NumpyFunction'
    r'|.*Reader(V2)?|Reader(Read|Restore|Reset|Serialize).*|(Read|Write)File'
    r'|.*Queue(V2)?|Queue(Enqueue|Dequeue|Close|Size).*'
    r'|.*Summary(V2)?|.*Summary.*Writer'
    r'|(Resource)?(Sparse)?Apply[A-Z].*'
    r'|(Random|TruncatedNormal|ParameterizedTruncatedNormal|Multinomial)(?!Dataset).*'
    r'|Stateful(Random|TruncatedNormal|Uniform|StandardNormal).*|Rng(ReadAndSkip|Skip)'
    r'|.*CandidateSampler|(RandomShuffle|RandomDataset).*'
    r'|(Experimental)?(TextLine|TFRecord|FixedLengthRecord|Sql|LMDB|CSV|Save|Load)Dataset(V[0-9])?'
    r'|MatchingFiles|WholeFileReader.*|Rpc.*|(Ordered)?(Map)?(Stage|Unstage)|.*Barrier.*'
    r'|.*Dropout.*|.*CrossEntropy.*|.*Loss(V2)?|Abort'
)


def files(context: Context) -> Finding:
    """saved_model.pb, the variables' index and all their shards are there."""
    expected = 'saved_model.pb, variables/variables.index and every shard of the variables'
    found = set(context.files)
    missing = {'saved_model.pb', 'variables/variables.index'} - found
    shards = [name for name in found if name.startswith('variables/variables.data-')]
    counts = {int(name.rsplit('-of-', 1)[1]) for name in shards}
    if not missing and (len(counts) != 1 or counts != {len(shards)}):
        missing = {'shards of variables/variables.data'}
    return Finding(not missing, expected, f'missing: {listed(missing)}' if missing else 'all')


def tags(context: Context) -> Finding:
    """The model has one graph, with the tag `serve` and no other."""
    found = [sorted(graph.meta_info_def.tags) for graph in context.meta_graphs]
    return Finding(found == [[SERVE_TAG]], f'[[{SERVE_TAG!r}]]', repr(found))


def signatures(context: Context) -> Finding:
    """The signatures have the inputs and outputs that clients rely on."""
    graph = context.serving_graph
    found = {name: one for name, one in graph.signature_def.items() if name != _INIT_OP}
    passthrough = context.description['passthrough_features']
    listed_signatures = {*context.description['signatures'], *_ALWAYS}
    expected = _expected_signatures(
        context.payload.metadata.width, context.payload.metadata.num_clusters
    )
    wrong = {
        name: _described(found[name]) if name in found else 'missing'
        for name, wanted in expected.items()
        if (name in found or name in listed_signatures)
        and (name not in found or not wanted.holds(found[name], passthrough))
    }
    default = found.get(names.DEFAULT_SIGNATURE)
    kinds = (names.EXAMPLES_SIGNATURE, names.RAW_SIGNATURE, names.FEATURES_SIGNATURE)
    described = {name: _described(one) for name, one in found.items()}
    of_kinds = [described[kind] for kind in kinds if kind in found and kind not in wrong]
    if default is None or described[names.DEFAULT_SIGNATURE] not in of_kinds:
        wrong[names.DEFAULT_SIGNATURE] = described.get(names.DEFAULT_SIGNATURE, 'missing')
    more = sorted(set(found) - {*expected, names.DEFAULT_SIGNATURE, names.SERVING_INPUT_SIGNATURE})
    wrong.update({name: f'not expected: {_described(found[name])}' for name in more})
    wanted_lines = '; '.join(f'{name}{one}' for name, one in sorted(expected.items()))
    return Finding(
        not wrong,
        f'{wanted_lines}; {names.DEFAULT_SIGNATURE} as one of {", ".join(kinds)}',
        f'wrong: {_lines(wrong)}' if wrong else _lines(described),
    )


def forbidden_operations(context: Context) -> Finding:
    """No operation in any function of the graph trains, reads, draws or calls Python."""
    found = {
        node.op
        for node in nodes_of(context.serving_graph.graph_def)
        if _FORBIDDEN.fullmatch(node.op)
    }
    return Finding(
        not found,
        'no Python function, reader, queue, dropout, loss, optimizer, summary or random operation',
        listed(found),
    )


def size(context: Context) -> Finding:
    """The model is no larger than servers take."""
    limits = context.options.thresholds
    total, count = sum(context.files.values()), len(context.files)
    return Finding(
        total <= limits.max_model_bytes and count <= limits.max_model_files,
        f'at most {limits.max_model_bytes} bytes in at most {limits.max_model_files} files',
        f'{total} bytes in {count} files',
    )


@dataclasses.dataclass(frozen=True)
class ExpectedSignature:
    """Inputs and outputs that clients rely on.

    Attributes:
      inputs: as text; None for the raw features, each of which must have an open first dimension.
      outputs: as text.
      passes_through: whether raw features may come back beside these.
    """

    inputs: tuple[str, ...] | None
    outputs: tuple[str, ...]
    passes_through: bool = False

    def holds(self, definition: Any, passthrough: Sequence[str]) -> bool:
        """Whether a SignatureDef is as expected."""
        beside = set(passthrough) if self.passes_through else set()
        answers = {key: value for key, value in definition.outputs.items() if key not in beside}
        return (
            definition.method_name == _PREDICT
            and beside <= set(definition.outputs)
            and _tensors(answers) == self.outputs
            and all(map(_is_batch, definition.outputs.values()))
            and all(map(_is_batch, definition.inputs.values()))
            and self.inputs in (None, _tensors(definition.inputs))
        )

    def __str__(self) -> str:
        inputs = ', '.join(self.inputs or ('one for each raw feature',))
        beside = ', and what is passed through' if self.passes_through else ''
        return f'({inputs}) -> {", ".join(self.outputs)}{beside}'


def _expected_signatures(width: int, num_clusters: int) -> dict[str, ExpectedSignature]:
    index, distance = f'{names.CLUSTER_INDEX}: int64 [None]', f'{names.DISTANCE}: float32 [None]'
    rows = (f'{names.FEATURES_SIGNATURE}: float32 [None, {width}]',)
    examples = (f'{names.EXAMPLES_SIGNATURE}: string [None]',)
    to_all = (f'{names.ALL_DISTANCES}: float32 [None, {num_clusters}]',)
    return {
        names.EXAMPLES_SIGNATURE: ExpectedSignature(examples, (index, distance), True),
        names.RAW_SIGNATURE: ExpectedSignature(None, (index, distance), True),
        names.FEATURES_SIGNATURE: ExpectedSignature(rows, (index, distance)),
        names.ALL_DISTANCES: ExpectedSignature(examples, to_all),
        names.CLUSTER_INDEX: ExpectedSignature(examples, (index,)),
        names.PREPROCESS_SIGNATURE: ExpectedSignature(examples, rows),
    }


def _described(definition: Any) -> str:
    inputs, outputs = _tensors(definition.inputs), _tensors(definition.outputs)
    return f'({", ".join(inputs)}) -> {", ".join(outputs)} [{definition.method_name}]'


def _tensors(infos: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f'{name}: {_tensor(info)}' for name, info in sorted(infos.items()))


def _tensor(info: Any) -> str:
    shape = [None if dimension.size < 0 else dimension.size for dimension in info.tensor_shape.dim]
    return f'{tf.dtypes.as_dtype(info.dtype).name} {shape}'


def _is_batch(info: Any) -> bool:
    """Whether the first dimension is open."""
    shape = info.tensor_shape
    return not shape.unknown_rank and len(shape.dim) > 0 and shape.dim[0].size == -1


def _lines(signatures_by_name: Mapping[str, str]) -> str:
    return '; '.join(f'{name}{how}' for name, how in sorted(signatures_by_name.items()))


def assets(context: Context) -> Finding:
    """Every file that the graph reads is an asset inside the folder."""
    graph = context.serving_graph
    asset_names = [asset.filename for asset in graph.asset_file_def]
    lost = [name for name in asset_names if f'assets/{name}' not in context.files]
    inside = {asset.tensor_info.name.split(':')[0] for asset in graph.asset_file_def}
    outside = [
        f'{node.name} = {path}'
        for node in nodes_of(context.serving_graph.graph_def)
        if node.op == 'Const' and node.name not in inside
        for path in _absolute_paths(node.attr['value'].tensor)
    ]
    found = [f'not there: {name}' for name in lost] + [f'outside: {path}' for path in outside]
    return Finding(
        not found,
        'every asset in assets/, and no path to a file elsewhere in the graph',
        '; '.join(found) or f'{len(asset_names)} assets, all there',
    )


def _absolute_paths(tensor: Any) -> list[str]:
    found = [value.decode(errors='replace') for value in tensor.string_val]
    return [path for path in found if _PATH.fullmatch(path)]


def leftovers(context: Context) -> Finding:
    """There is nothing in the folder but a model and its assets."""
    misplaced = [
        path
        for path in context.files
        if not re.fullmatch(_PLACES, path) or re.search(_OF_TRAINING, path)
    ]
    return Finding(
        not misplaced,
        'saved_model.pb, variables/, assets/ and assets.extra/; no checkpoint and no events',
        listed(misplaced),
    )


def centroids_in_model(context: Context) -> Finding:
    """The centroids beside the model, which later runs go on from, are those of the artifact."""
    beside = read_payload(f'{context.sources.model}/{names.PAYLOAD_IN_MODEL}')
    ours = context.payload
    wrong = [
        name
        for name in ('centroids', 'shift')
        if not np.array_equal(getattr(beside, name), getattr(ours, name), equal_nan=True)
    ] + [
        name
        for name in ('distance_metric', 'features', 'column_names')
        if getattr(beside.metadata, name) != getattr(ours.metadata, name)
    ]
    found = f'other {listed(wrong)}' if wrong else 'the same'
    return Finding(not wrong, f'those of the artifact in {names.PAYLOAD_IN_MODEL}', found)


def known_operations(context: Context) -> Finding:
    """Every operation is one that TensorFlow has as it is installed."""
    functions = {one.signature.name for one in context.serving_graph.graph_def.library.function}
    unknown = {
        node.op
        for node in nodes_of(context.serving_graph.graph_def)
        if not hasattr(tf.raw_ops, node.op) and node.op not in functions
    }
    return Finding(
        not unknown,
        'operations of stock TensorFlow',
        f'unknown: {listed(unknown)}' if unknown else 'all are',
    )


CHECKS = (
    Check('files', STRUCTURE, files, 'Export again: the model was not written or copied whole.'),
    Check('tags', STRUCTURE, tags, 'Save one graph, with the tag `serve`.'),
    Check('signatures', STRUCTURE, signatures, 'Export with CentroidExporter.'),
    Check(
        'forbidden_operations',
        STRUCTURE,
        forbidden_operations,
        'Take the operation out of the preprocessing_fn or the serving_input_fn.',
    ),
    Check(
        'known_operations',
        STRUCTURE,
        known_operations,
        'Take the operation out of the preprocessing_fn: a server does not have it.',
    ),
    Check('assets', STRUCTURE, assets, 'Read files as assets only, such as vocabularies of tft.'),
    Check('leftovers', STRUCTURE, leftovers, 'Remove the file; files of yours go to assets_extra.'),
    Check(
        'centroids_in_model',
        STRUCTURE,
        centroids_in_model,
        'Export again: the next warm start or baseline would begin with other centroids.',
        lambda context: f'{names.PAYLOAD_IN_MODEL}/metadata.json' in context.files,
    ),
    Check('size', STRUCTURE, size, 'Export with a smaller precision, or raise the limit.'),
)
