"""Checks of how the model answers, in a process that has TensorFlow alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tfx_kmeans import names
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.findings import SERVING, Check, Finding, listed, within
from tfx_kmeans.export_validator.probing import FEW, SMALL_BATCHES, WIDE, Outputs
from tfx_kmeans.export_validator.reference import clusters_allowed, compare, compare_all


def loads_in_clean_process(context: Context) -> Finding:
    """A copy of the model in another folder loads with TensorFlow alone."""
    seconds = context.probe.seconds('load')
    return Finding(True, 'the model to load', f'loaded in {seconds:.1f} s')


def parity_of(signature: str) -> Callable[[Context], Finding]:
    """The check that a signature answers as NumPy does over the centroids artifact."""

    def parity(context: Context) -> Finding:
        rows = context.rows
        answers = context.probe.outputs(signature)
        told: slice | np.ndarray = slice(None)
        if signature == names.RAW_SIGNATURE:
            rows, told = rows[: len(context.raw_records)], ~context.untold
        cluster, distance = answers[names.CLUSTER_INDEX], answers[names.DISTANCE]
        expected = 'the clusters and distances of the NumPy reference, within rounding'
        if not len(rows):
            return Finding(False, expected, 'there is no example to compare')
        if cluster.shape != (len(rows),) or distance.shape != (len(rows),):
            found = f'shapes {cluster.shape}, {distance.shape} of {len(rows)}'
            return Finding(False, expected, found)
        precision = context.description['precision']
        seen = compare(context.payload, rows[told], cluster[told], distance[told], precision)
        found = (
            f'{seen.rows} rows: {seen.wrong_clusters} in a wrong cluster, '
            f'{seen.wrong_distances} with a wrong distance, largest difference '
            f'{seen.largest_distance_error:.3g}'
        )
        return Finding(not seen, expected, found)

    return parity


def all_distances_parity(context: Context) -> Finding:
    """`all_distances` answers as NumPy does over the centroids artifact."""
    rows = context.rows[:FEW]
    answer = context.probe.outputs(names.ALL_DISTANCES)[names.ALL_DISTANCES]
    expected = 'the distances of the NumPy reference, within rounding'
    if answer.shape != (len(rows), context.payload.metadata.num_clusters):
        return Finding(False, expected, f'shape {answer.shape} of {len(rows)} rows')
    wrong = compare_all(context.payload, rows, answer, context.description['precision'])
    return Finding(not wrong, expected, f'{len(rows)} rows: {wrong} wrong distances')


def cluster_index_agrees(context: Context) -> Finding:
    """`cluster_index` answers what `examples` does."""
    index = context.probe.outputs(names.CLUSTER_INDEX)[names.CLUSTER_INDEX]
    whole = context.probe.outputs(names.EXAMPLES_SIGNATURE)[names.CLUSTER_INDEX][:FEW]
    expected = 'the clusters of `examples`, or others just as near'
    if index.shape != whole.shape:
        return Finding(False, expected, f'shape {index.shape} of {len(whole)} rows')
    other = index != whole
    rows, precision = context.rows[:FEW], context.description['precision']
    allowed = clusters_allowed(context.payload, rows[other], index[other], precision)
    return Finding(
        bool(allowed.all()), expected, f'{len(whole)} rows, {int((~allowed).sum())} differ'
    )


def batch_sizes(context: Context) -> Finding:
    """Small batches give what the first rows of the whole give."""
    signatures = [
        names.EXAMPLES_SIGNATURE,
        names.FEATURES_SIGNATURE,
        names.PREPROCESS_SIGNATURE,
        *([names.RAW_SIGNATURE] if context.raw_values is not None else []),
    ]
    wrong = [
        f'{signature}@{size}: {how}'
        for signature in signatures
        for size in SMALL_BATCHES
        for how in _differences(context, signature, f'{signature}@{size}', slice(size))
    ]
    expected = f'batches of {listed(SMALL_BATCHES)} to answer as the same rows of a large one'
    return Finding(not wrong, expected, '; '.join(wrong) or 'they do')


def neighbours(context: Context) -> Finding:
    """A row gets the same answer whatever stands beside it, in whatever order."""
    signature = names.EXAMPLES_SIGNATURE
    how = list(_differences(context, signature, f'{signature}@reversed', slice(None, None, -1)))
    return Finding(not how, 'the same answers in reversed order', '; '.join(how) or 'the same')


def malformed_examples(context: Context) -> Finding:
    """Bytes that are no example are an error, after which the model answers as before."""
    context.probe.seconds('malformed')
    signature = names.EXAMPLES_SIGNATURE
    how = list(_differences(context, signature, f'{signature}@after', slice(FEW)))
    return Finding(not how, 'an error, and then the same answers', '; '.join(how) or 'the same')


def needless_inputs(context: Context) -> Finding:
    """The model takes nothing that it does not need, such as a label."""
    expected = 'every input of `raw` to change an answer, and examples to need no other feature'
    needless = context.probe.outputs('inputs')['needless'].tolist()
    signature = names.EXAMPLES_SIGNATURE
    how = [f'{name} changes no answer' for name in needless] + [
        f'without the other features: {difference}'
        for difference in _differences(context, signature, f'{signature}@stripped', slice(FEW))
    ]
    return Finding(not how, expected, '; '.join(how) or f'{len(context.raw_values or ())} inputs')


def server_answers(context: Context) -> Finding:
    """Every signature answers by the tensors that it names, as servers ask, as by itself."""
    context.probe.seconds('server')
    graph, tried, wrong = context.serving_graph, [], []
    wide = len(context.raw_values or ()) > WIDE
    for name, definition in sorted(graph.signature_def.items()):
        like = name if name != names.DEFAULT_SIGNATURE else _kind_of_default(definition)
        known = graph.signature_def.get(like)
        if like not in _ASKED or known is None or set(known.inputs) != set(definition.inputs):
            continue  # which is for `signatures` to tell
        if wide and name not in _ASKED_OF_WIDE:
            continue
        tried.append(name)
        wrong += [
            f'{name}: {how}' for how in _differences(context, like, f'server@{name}', slice(FEW))
        ]
    expected = 'the answers of the loaded functions'
    return Finding(not wrong, expected, '; '.join(wrong) or f'the same by {", ".join(tried)}')


def _kind_of_default(definition: Any) -> str:
    inputs = set(definition.inputs)
    for kind in (names.EXAMPLES_SIGNATURE, names.FEATURES_SIGNATURE):
        if inputs == {kind}:
            return kind
    return names.RAW_SIGNATURE


def warmup(context: Context) -> Finding:
    """The recorded requests can be answered."""
    context.probe.seconds('warmup')
    return Finding(True, 'every warmup request to be answered', f'{len(context.warmup_requests)}')


def concurrent_calls(context: Context) -> Finding:
    """Calls at the same time are answered as one alone."""
    seconds = context.probe.seconds('concurrent')
    return Finding(True, 'the same answers to calls at once', f'they are, after {seconds:.2f} s')


def latency_of(size: int) -> Callable[[Context], Finding]:
    """The check of how long a call of `examples` with so many rows takes."""

    def latency(context: Context) -> Finding:
        taken = float(context.probe.outputs('latency')[f'batch_{size}'][0])
        limits = context.options.thresholds
        most = limits.max_latency_ms_batch_1 if size == 1 else limits.max_latency_ms_batch_64
        return within(f'milliseconds for {size} examples', taken, most=most)

    return latency


def memory(context: Context) -> Finding:
    """The most memory that the model took, beyond TensorFlow's own."""
    taken = float(context.probe.outputs('memory')['mebibytes'][0])
    most = context.options.thresholds.max_memory_mb
    return within('mebibytes to load and to answer all examples', taken, most=most)


def _differences(context: Context, signature: str, task: str, part: slice) -> Iterable[str]:
    """How the outputs of a task differ from a part of those over all examples.

    Rows as near to two clusters as rounding may decide can have either.
    """
    whole = context.probe.outputs(signature)
    small = context.probe.outputs(task)
    if set(small) != set(whole):
        yield f'outputs {listed(small)}'
        return
    tied = _tied(context, whole, small, part)
    for name, values in small.items():
        expected, found = _of_one_width(whole[name][part], values)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            yield f'{name} has shape {found.shape} and type {found.dtype}'
        elif not _alike(found[~tied], expected[~tied]):
            yield f'{name} differs'


def _tied(context: Context, whole: Outputs, small: Outputs, part: slice) -> np.ndarray:
    """Rows in another cluster that is as right as the first: bool [n]."""
    none = np.zeros(len(next(iter(small.values()), ())), bool)
    if names.CLUSTER_INDEX not in small:
        return none
    given, expected = small[names.CLUSTER_INDEX], whole[names.CLUSTER_INDEX][part]
    if given.shape != expected.shape or np.array_equal(given, expected):
        return none
    tied = given != expected
    rows = context.rows[part][: len(tied)][tied]
    precision = context.description['precision']
    if names.DISTANCE in small:
        distances = small[names.DISTANCE][tied]
        seen = compare(context.payload, rows, given[tied], distances, precision)
        return tied & (not seen)
    return tied & clusters_allowed(context.payload, rows, given[tied], precision).all()


def _of_one_width(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the columns that one has more, where these are blank: batches are padded."""
    if left.ndim != 2 or right.ndim != 2:
        return left, right
    width = min(left.shape[1], right.shape[1])
    rest = [one[:, width:] for one in (left, right)]
    blank = all(
        np.isnan(one).all() if one.dtype.kind == 'f' else (one == np.iinfo(one.dtype).min).all()
        for one in rest
        if one.dtype.kind in 'fi'
    )
    return (left[:, :width], right[:, :width]) if blank else (left, right)


def _alike(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal integers; floats equal but for the last bits, which vectorised kernels may change."""
    if np.issubdtype(left.dtype, np.floating):
        return np.allclose(left, right, rtol=1e-5, atol=1e-6, equal_nan=True)
    return np.array_equal(left, right)


def _has_raw(context: Context) -> bool:
    return context.raw_values is not None


_ASKED = (
    names.EXAMPLES_SIGNATURE,
    names.RAW_SIGNATURE,
    names.FEATURES_SIGNATURE,
    names.PREPROCESS_SIGNATURE,
    names.ALL_DISTANCES,
    names.CLUSTER_INDEX,
)
_ASKED_OF_WIDE = (names.DEFAULT_SIGNATURE, names.RAW_SIGNATURE)
_PARITY = 'The model does not hold these centroids, or computes otherwise: export again.'
_GRAPH = 'Look for an operation in the preprocessing_fn that mixes rows.'

CHECKS = (
    Check(
        'loads_in_clean_process',
        SERVING,
        loads_in_clean_process,
        'See the error; raise thresholds.probe_seconds or probe_memory_mb for a large model.',
    ),
    Check('examples_parity', SERVING, parity_of(names.EXAMPLES_SIGNATURE), _PARITY),
    Check('raw_parity', SERVING, parity_of(names.RAW_SIGNATURE), _PARITY, _has_raw),
    Check('features_parity', SERVING, parity_of(names.FEATURES_SIGNATURE), _PARITY),
    Check('all_distances_parity', SERVING, all_distances_parity, _PARITY),
    Check('cluster_index_agrees', SERVING, cluster_index_agrees, _PARITY),
    Check(
        'server_answers',
        SERVING,
        server_answers,
        'Export again; for more than 1000 raw features raise thresholds.probe_memory_mb.',
    ),
    Check('batch_sizes', SERVING, batch_sizes, _GRAPH),
    Check('neighbours', SERVING, neighbours, _GRAPH),
    Check(
        'malformed_examples',
        SERVING,
        malformed_examples,
        'Look for state in the preprocessing_fn.',
    ),
    Check(
        'needless_inputs',
        SERVING,
        needless_inputs,
        'Export with CentroidExporter, which takes what the clustered features are made of.',
        _has_raw,
    ),
    Check(
        'warmup',
        SERVING,
        warmup,
        'Write the warmup requests with the exporter of this model.',
        lambda context: bool(context.warmup_requests),
    ),
    Check('concurrent_calls', SERVING, concurrent_calls, 'Look for state in the preprocessing_fn.'),
    Check('latency_batch_1', SERVING, latency_of(1), 'Make the preprocessing_fn cheaper.'),
    Check('latency_batch_64', SERVING, latency_of(64), 'Make the preprocessing_fn cheaper.'),
    Check(
        'memory',
        SERVING,
        memory,
        'Export with a smaller precision, or make the preprocessing_fn cheaper.',
    ),
)
