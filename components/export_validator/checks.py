"""The checks: small functions of one context, each with a verdict, what it expected and found."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.export_validator.context import SERVE_TAG, Context
from tfx_kmeans.export_validator.probing import SMALL_BATCHES, Outputs
from tfx_kmeans.export_validator.reference import compare

STRUCTURE, SERVING, CLUSTERING = 'structure', 'serving', 'clustering'
_PREDICT = 'tensorflow/serving/predict'
_INIT_OP = '__saved_model_init_op'
_FORBIDDEN = re.compile(
    r'.*PyFunc(Stateless)?|NumpyFunction'
    r'|.*Reader(V2)?|Reader(Read|Restore|Reset|Serialize).*|(Read|Write)File'
    r'|.*Queue(V2)?|Queue(Enqueue|Dequeue|Close|Size).*'
    r'|.*Summary(V2)?|.*Summary.*Writer'
    r'|(Resource)?(Sparse)?Apply[A-Z].*'
    r'|(Random|TruncatedNormal|ParameterizedTruncatedNormal|Multinomial)(?!Dataset).*'
    r'|Stateful(Random|TruncatedNormal|Uniform|StandardNormal).*'
    r'|.*Dropout.*'
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check has seen.

    Attributes:
      passed: its verdict.
      expected: in words.
      found: in words.
    """

    passed: bool
    expected: str
    found: str


@dataclasses.dataclass(frozen=True)
class Check:
    """A named check; `group` decides what a failure blocks."""

    name: str
    group: str
    run: Callable[[Context], Finding]


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """A check's name and group with what it has found."""

    name: str
    group: str
    passed: bool
    expected: str
    found: str


def run_checks(context: Context) -> list[CheckResult]:
    """Runs every check; one that raises has failed, and its exception is what was found."""
    return [_run(check, context) for check in CHECKS if _applies(check, context)]


def _run(check: Check, context: Context) -> CheckResult:
    try:
        finding = check.run(context)
    except Exception as error:
        finding = Finding(False, 'the check to run', f'{type(error).__name__}: {error}')
    return CheckResult(check.name, check.group, finding.passed, finding.expected, finding.found)


def _applies(check: Check, context: Context) -> bool:
    connected = context.sources.transformed_examples is not None
    return connected or check.run is not preprocess_matches_transform


def files(context: Context) -> Finding:
    """saved_model.pb, the variables' index and all their shards are there."""
    expected = 'saved_model.pb, variables/variables.index and every shard of the variables'
    found = set(context.files)
    missing = {'saved_model.pb', 'variables/variables.index'} - found
    shards = [name for name in found if name.startswith('variables/variables.data-')]
    counts = {int(name.rsplit('-of-', 1)[1]) for name in shards}
    if not missing and (len(counts) != 1 or counts != {len(shards)}):
        missing = {'shards of variables/variables.data'}
    return Finding(not missing, expected, f'missing: {_listed(missing)}' if missing else 'all')


def tags(context: Context) -> Finding:
    """The model has one graph, with the tag `serve` and no other."""
    found = [sorted(graph.meta_info_def.tags) for graph in context.meta_graphs]
    return Finding(found == [[SERVE_TAG]], f'[[{SERVE_TAG!r}]]', repr(found))


def signatures(context: Context) -> Finding:
    """The signatures have the inputs and outputs that clients rely on."""
    graph = context.serving_graph
    found = {name: one for name, one in graph.signature_def.items() if name != _INIT_OP}
    passthrough = context.description['passthrough_features']
    expected = _expected_signatures(
        context.payload.metadata.width, context.payload.metadata.num_clusters
    )
    wrong = {
        name: _described(found[name]) if name in found else 'missing'
        for name, wanted in expected.items()
        if name not in found or not wanted.holds(found[name], passthrough)
    }
    default = found.get(names.DEFAULT_SIGNATURE)
    kinds = (names.EXAMPLES_SIGNATURE, names.RAW_SIGNATURE, names.FEATURES_SIGNATURE)
    if default is None or not any(expected[kind].holds(default, passthrough) for kind in kinds):
        wrong[names.DEFAULT_SIGNATURE] = 'missing' if default is None else _described(default)
    more = sorted(set(found) - {*expected, names.DEFAULT_SIGNATURE, names.SERVING_INPUT_SIGNATURE})
    wrong.update({name: f'not expected: {_described(found[name])}' for name in more})
    wanted_lines = '; '.join(f'{name}{one}' for name, one in sorted(expected.items()))
    described = {name: _described(one) for name, one in found.items()}
    return Finding(
        not wrong,
        f'{wanted_lines}; {names.DEFAULT_SIGNATURE} as one of {", ".join(kinds)}',
        f'wrong: {_lines(wrong)}' if wrong else _lines(described),
    )


def forbidden_operations(context: Context) -> Finding:
    """No operation in any function of the graph trains, reads, draws or calls Python."""
    graph = context.serving_graph.graph_def
    nodes = [
        *graph.node,
        *(node for function in graph.library.function for node in function.node_def),
    ]
    found = {node.op for node in nodes if _FORBIDDEN.fullmatch(node.op)}
    return Finding(
        not found,
        'no Python function, reader, queue, optimizer, summary or random operation',
        _listed(found),
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


def loads_in_clean_process(context: Context) -> Finding:
    """A copy of the model in another folder loads with TensorFlow alone."""
    seconds = context.probe.seconds('load')
    return Finding(True, 'the model to load', f'loaded in {seconds:.1f} s')


def examples_parity(context: Context) -> Finding:
    """`examples` answers as NumPy does over the centroids artifact."""
    return _parity(context, names.EXAMPLES_SIGNATURE)


def features_parity(context: Context) -> Finding:
    """`features` answers as NumPy does over the centroids artifact."""
    return _parity(context, names.FEATURES_SIGNATURE)


def _parity(context: Context, signature: str) -> Finding:
    rows = _preprocessed(context)
    answers = context.probe.outputs(signature)
    cluster, distance = answers[names.CLUSTER_INDEX], answers[names.DISTANCE]
    expected = (
        'the clusters and distances of the NumPy reference, within the rounding of its precision'
    )
    if not len(rows):
        return Finding(False, expected, 'there is no example to compare')
    if cluster.shape != (len(rows),) or distance.shape != (len(rows),):
        return Finding(False, expected, f'shapes {cluster.shape}, {distance.shape} of {len(rows)}')
    precision = context.description['precision']
    seen = compare(context.payload, rows, cluster, distance, precision)
    found = (
        f'{seen.rows} rows: {seen.wrong_clusters} in a wrong cluster, {seen.wrong_distances} with '
        f'a wrong distance, largest difference {seen.largest_distance_error:.3g}'
    )
    return Finding(not seen, expected, found)


def batch_sizes(context: Context) -> Finding:
    """Batches of 0, 1 and 7 give what the first rows of the whole give."""
    wrong = [
        f'{signature}@{size}: {how}'
        for signature in (
            names.EXAMPLES_SIGNATURE,
            names.FEATURES_SIGNATURE,
            names.PREPROCESS_SIGNATURE,
        )
        for size in SMALL_BATCHES
        for how in _differences(context, signature, size)
    ]
    expected = f'batches of {_listed(SMALL_BATCHES)} to answer as the same rows of a large one'
    return Finding(not wrong, expected, '; '.join(wrong) or 'they do')


def _differences(context: Context, signature: str, size: int) -> Iterable[str]:
    whole = context.probe.outputs(signature)
    small = context.probe.outputs(f'{signature}@{size}')
    if set(small) != set(whole):
        yield f'outputs {_listed(small)}'
        return
    for name, values in small.items():
        first = whole[name][:size]
        if values.shape != first.shape or values.dtype != first.dtype:
            yield f'{name} has shape {values.shape} and type {values.dtype}'
        elif not _alike(values, first):
            yield f'{name} differs'


def _alike(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal integers; floats equal but for the last bits, which vectorised kernels may change."""
    if np.issubdtype(left.dtype, np.floating):
        return np.allclose(left, right, rtol=1e-5, atol=1e-6)
    return np.array_equal(left, right)


def finite_centroids(context: Context) -> Finding:
    """Every coordinate of every centroid is a finite number."""
    bad = np.flatnonzero(~np.isfinite(context.payload.centroids).all(axis=1))
    found = f'clusters with NaN or infinity: {_listed(bad.tolist())}'
    return Finding(not bad.size, 'finite coordinates', found if bad.size else 'all are finite')


def preprocess_matches_transform(context: Context) -> Finding:
    """What the model makes of the raw examples is what Transform made of them, by column.

    ExampleGen and Transform keep no order, so the columns are compared sorted. Where only some
    of the examples were tried, each of their values must be among the transformed ones.
    """
    expected = 'in every column the values of transformed_examples, whatever their order'
    served, trained = _preprocessed(context), context.transformed_rows
    complete = len(context.records) < context.options.max_examples
    if complete and len(served) != len(trained):
        return Finding(False, expected, f'{len(served)} rows, but {len(trained)} transformed ones')
    skewed = [
        name
        for column, name in enumerate(context.payload.metadata.column_names)
        if not _same_values(served[:, column], trained[:, column], complete)
    ]
    found = (
        f'columns that differ: {_listed(skewed)}' if skewed else f'{len(served)} rows, all alike'
    )
    return Finding(not skewed, expected, found)


def _same_values(served: np.ndarray, trained: np.ndarray, complete: bool) -> bool:
    served, trained = np.sort(served), np.sort(trained)
    tolerance = 1e-5 * float(np.abs(trained).max(initial=0.0)) + 1e-12
    if complete:
        return bool((np.abs(served - trained) <= tolerance).all())
    right = np.searchsorted(trained, served).clip(1, len(trained) - 1)
    gap = np.minimum(np.abs(trained[right] - served), np.abs(trained[right - 1] - served))
    return bool((gap <= tolerance).all())


def _preprocessed(context: Context) -> np.ndarray:
    outputs: Outputs = context.probe.outputs(names.PREPROCESS_SIGNATURE)
    return outputs[names.FEATURES_SIGNATURE]


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


def _listed(items: Iterable[Any]) -> str:
    return ', '.join(sorted(map(str, items))) or 'none'


CHECKS = (
    Check('files', STRUCTURE, files),
    Check('tags', STRUCTURE, tags),
    Check('signatures', STRUCTURE, signatures),
    Check('forbidden_operations', STRUCTURE, forbidden_operations),
    Check('size', STRUCTURE, size),
    Check('loads_in_clean_process', SERVING, loads_in_clean_process),
    Check('examples_parity', SERVING, examples_parity),
    Check('features_parity', SERVING, features_parity),
    Check('batch_sizes', SERVING, batch_sizes),
    Check('finite_centroids', CLUSTERING, finite_centroids),
    Check('preprocess_matches_transform', CLUSTERING, preprocess_matches_transform),
)
