"""Checks of the model's files and its graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import METADATA_FILE, read_payload
from tfx_kmeans.export_validator.checks.finding import STRUCTURE, Finding, check, listed
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.evidence.signatures import (
    ExpectedSignature,
    described,
    expected_signatures,
)
from tfx_kmeans.serving.description import ExportDescription
from tfx_kmeans.serving.graph_file import GRAPH_FILE, nodes_of
from tfx_kmeans.serving.python_calls import PYTHON_CALLS

_INDEX_FILE = 'variables/variables.index'
_SHARDS = 'variables/variables.data-'
_PATH = re.compile(r'(/[^/\s]+/[^/\s].*|(file|gs|s3|hdfs|viewfs)://.+)', re.DOTALL)
_INIT_OP = '__saved_model_init_op'
_PLACES = r'saved_model\.pb|fingerprint\.pb|variables/variables\.[^/]+|assets/.+|assets\.extra/.+'
_OF_TRAINING = r'(^|/)(checkpoint$|events\.out\.tfevents|model\.ckpt|.*\.h5$)'

FORBIDDEN_OPERATIONS = re.compile(
    rf'{PYTHON_CALLS}'
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
"""Operations that train, read, draw random numbers or call Python."""


@check(STRUCTURE, advice='Export again: the model was not written or copied completely.')
def files(context: Context) -> Finding:
    """saved_model.pb, the index of the variables and all their shards exist."""
    expected = f'{GRAPH_FILE}, {_INDEX_FILE} and every shard of the variables'
    found = set(context.files)
    missing = {GRAPH_FILE, _INDEX_FILE} - found
    shards = [name for name in found if name.startswith(_SHARDS)]
    counts = {int(name.rsplit('-of-', 1)[1]) for name in shards}
    if not missing and (len(counts) != 1 or counts != {len(shards)}):
        missing = {'shards of variables/variables.data'}
    return Finding(not missing, expected, f'missing: {listed(missing)}' if missing else 'all')


@check(STRUCTURE, advice='Save one graph, with the tag `serve`.')
def tags(context: Context) -> Finding:
    """The model has one graph, with the tag `serve` and no other."""
    found = [sorted(graph.meta_info_def.tags) for graph in context.meta_graphs]
    return Finding(found == [[names.SERVE_TAG]], f'[[{names.SERVE_TAG!r}]]', repr(found))


@check(STRUCTURE, advice='Export with CentroidExporter.')
def signatures(context: Context) -> Finding:
    """The signatures have the inputs and outputs that clients rely on."""
    definitions = context.serving_graph.signature_def
    found = {name: one for name, one in definitions.items() if name != _INIT_OP}
    metadata = context.payload.metadata
    expected = expected_signatures(metadata.width, metadata.num_clusters, context.payload.row_type)
    wrong = _unlike(found, expected, context.description)
    wrong |= _wrong_default(found, set(wrong))
    known = {*expected, names.DEFAULT_SIGNATURE, names.SERVING_INPUT_SIGNATURE}
    wrong |= {name: f'not expected: {described(found[name])}' for name in set(found) - known}
    wanted = _lines({name: str(one) for name, one in expected.items()})
    return Finding(
        not wrong,
        f'{wanted}; {names.DEFAULT_SIGNATURE} like one of {", ".join(names.DEFAULT_KINDS)}',
        f'wrong: {_lines(wrong)}'
        if wrong
        else _lines({name: described(one) for name, one in found.items()}),
    )


def _unlike(
    found: Mapping[str, Any],
    expected: Mapping[str, ExpectedSignature],
    description: ExportDescription,
) -> dict[str, str]:
    """Descriptions of the signatures that are missing or not as expected, by name."""
    wrong = {}
    for name, wanted in expected.items():
        if name not in found:
            if wanted.required or name in description.signatures:
                wrong[name] = 'missing'
        elif not wanted.matches(found[name], description.passthrough_features):
            wrong[name] = described(found[name])
    return wrong


def _wrong_default(found: Mapping[str, Any], wrong: set[str]) -> dict[str, str]:
    """A description of `serving_default`, unless it equals a signature that is as expected."""
    allowed = [described(found[k]) for k in names.DEFAULT_KINDS if k in found and k not in wrong]
    default = found.get(names.DEFAULT_SIGNATURE)
    text = 'missing' if default is None else described(default)
    return {} if text in allowed else {names.DEFAULT_SIGNATURE: text}


def _lines(signatures_by_name: Mapping[str, str]) -> str:
    return '; '.join(f'{name}{text}' for name, text in sorted(signatures_by_name.items()))


@check(STRUCTURE, advice='Remove the operation from the preprocessing_fn or the serving_input_fn.')
def forbidden_operations(context: Context) -> Finding:
    """No operation in any function of the graph trains, reads, draws or calls Python."""
    found = {
        node.op
        for node in nodes_of(context.serving_graph.graph_def)
        if FORBIDDEN_OPERATIONS.fullmatch(node.op)
    }
    return Finding(
        not found,
        'no Python function, reader, queue, dropout, loss, optimizer, summary or random operation',
        listed(found),
    )


@check(
    STRUCTURE,
    advice='Remove the operation from the preprocessing_fn: a server does not have it.',
)
def known_operations(context: Context) -> Finding:
    """Every operation is part of the installed TensorFlow."""
    functions = {one.signature.name for one in context.serving_graph.graph_def.library.function}
    unknown = {
        node.op
        for node in nodes_of(context.serving_graph.graph_def)
        if not hasattr(tf.raw_ops, node.op) and node.op not in functions
    }
    return Finding(
        not unknown,
        'operations of stock TensorFlow',
        f'unknown: {listed(unknown)}' if unknown else 'all operations are known',
    )


@check(STRUCTURE, advice='Read files only as assets, such as vocabularies of tft.')
def assets(context: Context) -> Finding:
    """Every file that the graph reads is an asset inside the folder."""
    graph = context.serving_graph
    asset_names = [asset.filename for asset in graph.asset_file_def]
    lost = [name for name in asset_names if f'assets/{name}' not in context.files]
    inside = {asset.tensor_info.name.split(':')[0] for asset in graph.asset_file_def}
    outside = [
        f'{node.name} = {path}'
        for node in nodes_of(graph.graph_def)
        if node.op == 'Const' and node.name not in inside
        for path in _absolute_paths(node.attr['value'].tensor)
    ]
    found = [f'missing: {name}' for name in lost] + [f'outside: {path}' for path in outside]
    return Finding(
        not found,
        'every asset in assets/, and no path in the graph to a file elsewhere',
        '; '.join(found) or f'{len(asset_names)} assets, all in assets/',
    )


def _absolute_paths(tensor: Any) -> list[str]:
    found = [value.decode(errors='replace') for value in tensor.string_val]
    return [path for path in found if _PATH.fullmatch(path)]


@check(STRUCTURE, advice='Remove the file; export your own files with assets_extra.')
def leftovers(context: Context) -> Finding:
    """The folder has only files of the model and its assets."""
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


@check(
    STRUCTURE,
    advice='Export again: the next warm start or baseline would use other centroids.',
    applies=lambda context: f'{names.PAYLOAD_IN_MODEL}/{METADATA_FILE}' in context.files,
)
def centroids_in_model(context: Context) -> Finding:
    """The payload in the model's folder, which later runs read, is that of the artifact."""
    inside = read_payload(f'{context.sources.model}/{names.PAYLOAD_IN_MODEL}')
    wrong = _differing_parts(inside, context.payload)
    found = f'different: {listed(wrong)}' if wrong else 'the same'
    expected = f'the same centroids in {names.PAYLOAD_IN_MODEL} as in the artifact'
    return Finding(not wrong, expected, found)


def _differing_parts(left: CentroidsPayload, right: CentroidsPayload) -> list[str]:
    arrays = [
        name
        for name in ('centroids', 'shift')
        if not np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True)
    ]
    return arrays + [
        name
        for name in ('distance_metric', 'features', 'column_names')
        if getattr(left.metadata, name) != getattr(right.metadata, name)
    ]


@check(STRUCTURE, advice='Export with a smaller precision, or raise the limit.')
def size(context: Context) -> Finding:
    """The model is not larger than servers accept."""
    limits = context.options.thresholds
    total, count = sum(context.files.values()), len(context.files)
    return Finding(
        total <= limits.max_model_bytes and count <= limits.max_model_files,
        f'at most {limits.max_model_bytes} bytes in at most {limits.max_model_files} files',
        f'{total} bytes in {count} files',
    )
