"""Checks of the model's results, in a process with only TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from tfx_kmeans import names
from tfx_kmeans.export_validator.checks.finding import SERVING, Finding, check, listed, within
from tfx_kmeans.export_validator.context import Context
from tfx_kmeans.export_validator.evidence.reference import clusters_allowed, compare, compare_all
from tfx_kmeans.export_validator.evidence.signatures import expected_signatures, kind_of_default
from tfx_kmeans.export_validator.probe.program import probe_protocol as protocol
from tfx_kmeans.export_validator.probe.program.probe_arrays import Arrays, is_blank, same_values

_PARITY = 'The model does not hold these centroids or computes differently: export again.'
_MIXED = 'Look for an operation in the preprocessing_fn that mixes rows.'
_STATE = 'Look for state in the preprocessing_fn.'
_SLOW = 'Make the preprocessing_fn cheaper.'


def _has_raw(context: Context) -> bool:
    return context.raw_values is not None


@check(
    SERVING,
    advice='Read the error; raise thresholds.probe_seconds or probe_memory_mb for a large model.',
)
def loads_in_clean_process(context: Context) -> Finding:
    """A copy of the model in another folder loads with TensorFlow alone."""
    seconds = context.probe.seconds(protocol.LOAD)
    return Finding(True, 'the model loads', f'loaded in {seconds:.1f} s')


@check(SERVING, advice=_PARITY)
def examples_parity(context: Context) -> Finding:
    """`examples` returns the same results as the NumPy reference with the artifact's centroids."""
    answers = context.probe.outputs(names.EXAMPLES_SIGNATURE)
    return _parity(context, context.rows, answers)


@check(SERVING, advice=_PARITY, applies=_has_raw)
def raw_parity(context: Context) -> Finding:
    """`raw` returns the same results as the NumPy reference with the artifact's centroids."""
    rows = context.rows[: len(context.raw_records)]
    answers = context.probe.outputs(names.RAW_SIGNATURE)
    finding = _parity(context, rows, answers, ~context.lost_in_raw)
    lost = int(context.lost_in_raw.sum())
    if not lost:
        return finding
    left_out = f'not compared: {lost}, because dense inputs cannot represent them'
    return dataclasses.replace(finding, found=f'{finding.found}; {left_out}')


@check(SERVING, advice=_PARITY)
def features_parity(context: Context) -> Finding:
    """`features` returns the same results as the NumPy reference with the artifact's centroids."""
    answers = context.probe.outputs(names.FEATURES_SIGNATURE)
    return _parity(context, context.rows, answers)


def _parity(
    context: Context,
    rows: np.ndarray,
    answers: Arrays,
    compared: slice | np.ndarray = slice(None),
) -> Finding:
    cluster, distance = answers[names.CLUSTER_INDEX], answers[names.DISTANCE]
    expected = 'the clusters and distances of the NumPy reference, within rounding'
    if not len(rows):
        return Finding(False, expected, 'no example to compare')
    if cluster.shape != (len(rows),) or distance.shape != (len(rows),):
        found = f'shapes {cluster.shape} and {distance.shape} for {len(rows)} rows'
        return Finding(False, expected, found)
    mismatch = compare(
        context.payload,
        rows[compared],
        cluster[compared],
        distance[compared],
        context.description.precision,
    )
    found = (
        f'{mismatch.rows} rows: {mismatch.wrong_clusters} in a wrong cluster, '
        f'{mismatch.wrong_distances} with a wrong distance, largest difference '
        f'{mismatch.largest_distance_error:.3g}'
    )
    return Finding(not mismatch, expected, found)


@check(SERVING, advice=_PARITY)
def all_distances_parity(context: Context) -> Finding:
    """`all_distances` returns the distances of the NumPy reference with these centroids."""
    rows = context.rows[: protocol.FEW]
    answer = context.probe.outputs(names.ALL_DISTANCES)[names.ALL_DISTANCES]
    expected = 'the distances of the NumPy reference, within rounding'
    if answer.shape != (len(rows), context.payload.metadata.num_clusters):
        return Finding(False, expected, f'shape {answer.shape} for {len(rows)} rows')
    wrong = compare_all(context.payload, rows, answer, context.description.precision)
    return Finding(not wrong, expected, f'{len(rows)} rows: {wrong} wrong distances')


@check(SERVING, advice=_PARITY)
def cluster_index_agrees(context: Context) -> Finding:
    """`cluster_index` returns the same clusters as `examples`."""
    index = context.probe.outputs(names.CLUSTER_INDEX)[names.CLUSTER_INDEX]
    answers = context.probe.outputs(names.EXAMPLES_SIGNATURE)
    whole = answers[names.CLUSTER_INDEX][: protocol.FEW]
    expected = 'the clusters of `examples`, or equally near ones'
    if index.shape != whole.shape:
        return Finding(False, expected, f'shape {index.shape} for {len(whole)} rows')
    other = index != whole
    rows, precision = context.rows[: protocol.FEW], context.description.precision
    allowed = clusters_allowed(context.payload, rows[other], index[other], precision)
    found = f'{len(whole)} rows, {int((~allowed).sum())} differ'
    return Finding(bool(allowed.all()), expected, found)


@check(
    SERVING,
    advice='Export again; for thousands of raw features raise thresholds.probe_memory_mb.',
)
def server_answers(context: Context) -> Finding:
    """Signatures called by their tensor names, as servers do, answer like the loaded functions."""
    context.probe.seconds(protocol.SERVER)
    wide = len(context.raw_values or ()) > protocol.WIDE
    compared = {
        name: reference
        for name, reference in _references(context).items()
        if not wide or name in protocol.SERVED_WHEN_WIDE
    }
    wrong = [
        f'{name}: {difference}'
        for name, reference in compared.items()
        for difference in _differences(
            context, reference, protocol.server_task(name), slice(protocol.FEW)
        )
    ]
    expected = 'the answers of the loaded functions'
    return Finding(not wrong, expected, '; '.join(wrong) or f'the same by {", ".join(compared)}')


def _references(context: Context) -> dict[str, str]:
    """By signature, the signature that must give the same answers.

    Signatures that are not as expected are left to the check `signatures`.
    """
    definitions = context.serving_graph.signature_def
    metadata = context.payload.metadata
    expected = expected_signatures(metadata.width, metadata.num_clusters, context.payload.row_type)
    found = {}
    for name, definition in sorted(definitions.items()):
        same = kind_of_default(definition) if name == names.DEFAULT_SIGNATURE else name
        known = definitions.get(same)
        if same in expected and known is not None and set(known.inputs) == set(definition.inputs):
            found[name] = same
    return found


@check(SERVING, advice=_MIXED)
def batch_sizes(context: Context) -> Finding:
    """Small batches are answered like the first rows of a large one."""
    signatures = [
        names.EXAMPLES_SIGNATURE,
        names.FEATURES_SIGNATURE,
        names.PREPROCESS_SIGNATURE,
        *([names.RAW_SIGNATURE] if _has_raw(context) else []),
    ]
    wrong = [
        f'{task}: {difference}'
        for signature in signatures
        for size in protocol.SMALL_BATCHES
        for task in [protocol.batch_task(signature, size)]
        for difference in _differences(context, signature, task, slice(size))
    ]
    sizes = listed(protocol.SMALL_BATCHES)
    expected = f'the same results for batches of {sizes} rows as for a large batch'
    return Finding(not wrong, expected, '; '.join(wrong) or 'equal results')


@check(SERVING, advice=_MIXED)
def neighbours(context: Context) -> Finding:
    """The answer to a row does not depend on the other rows or on their order."""
    backwards = slice(None, None, -1)
    different = _examples_differences(context, protocol.REVERSED, backwards)
    expected = 'the same answers in reversed order'
    return Finding(not different, expected, '; '.join(different) or 'the same')


@check(SERVING, advice=_STATE)
def malformed_examples(context: Context) -> Finding:
    """Bytes that are not a tf.Example are an error, after which the model answers as before."""
    context.probe.seconds(protocol.MALFORMED)
    different = _examples_differences(context, protocol.AFTER_MALFORMED, slice(protocol.FEW))
    expected = 'an error, and then the same answers'
    return Finding(not different, expected, '; '.join(different) or 'the same')


@check(
    SERVING,
    advice='Export with CentroidExporter, which takes only what the clustered features need.',
    applies=_has_raw,
)
def needless_inputs(context: Context) -> Finding:
    """The model takes no input that it does not need, such as a label."""
    expected = 'every input of `raw` affects a result, and examples need no other feature'
    needless = context.probe.outputs(protocol.NEEDLESS)[protocol.NEEDLESS_OUTPUT].tolist()
    different = _examples_differences(context, protocol.STRIPPED, slice(protocol.FEW))
    wrong = [f'{name} changes no answer' for name in needless] + [
        f'without the other features: {difference}' for difference in different
    ]
    found = '; '.join(wrong) or f'{len(context.raw_values or ())} inputs'
    return Finding(not wrong, expected, found)


@check(
    SERVING,
    advice='Write the warmup requests with the exporter of this model.',
    applies=lambda context: bool(context.warmup_requests),
)
def warmup(context: Context) -> Finding:
    """The recorded requests can be answered."""
    context.probe.seconds(protocol.WARMUP)
    return Finding(True, 'all warmup requests succeed', f'{len(context.warmup_requests)}')


@check(SERVING, advice=_STATE)
def concurrent_calls(context: Context) -> Finding:
    """Concurrent calls are answered like a single one."""
    seconds = context.probe.seconds(protocol.CONCURRENT)
    return Finding(True, 'the same answers to concurrent calls', f'the same, in {seconds:.2f} s')


@check(SERVING, advice=_SLOW)
def latency_batch_1(context: Context) -> Finding:
    """Median time of a call of `examples` with one example."""
    return _latency(context, 1, context.options.thresholds.max_latency_ms_batch_1)


@check(SERVING, advice=_SLOW)
def latency_batch_64(context: Context) -> Finding:
    """Median time of a call of `examples` with 64 examples."""
    return _latency(context, 64, context.options.thresholds.max_latency_ms_batch_64)


def _latency(context: Context, batch: int, maximum: float | None) -> Finding:
    outputs = context.probe.outputs(protocol.LATENCY)
    taken = float(outputs[protocol.latency_output(batch)][0])
    return within(f'milliseconds for a batch of {batch}', taken, maximum=maximum)


@check(SERVING, advice='Export with a smaller precision, or make the preprocessing_fn cheaper.')
def memory(context: Context) -> Finding:
    """Maximum memory that the model took, beyond TensorFlow's own."""
    taken = float(context.probe.outputs(protocol.MEMORY)[protocol.MEMORY_OUTPUT][0])
    maximum = context.options.thresholds.max_memory_mb
    return within('mebibytes to load and to answer all examples', taken, maximum=maximum)


def _examples_differences(context: Context, task: str, part: slice) -> list[str]:
    return list(_differences(context, names.EXAMPLES_SIGNATURE, task, part))


def _differences(context: Context, signature: str, task: str, part: slice) -> Iterable[str]:
    """How a task's outputs differ from a part of the signature's outputs for all examples.

    A row that is as near to two clusters, within rounding, may be answered with either.
    """
    whole = context.probe.outputs(signature)
    found = context.probe.outputs(task)
    if set(found) != set(whole):
        yield f'outputs {listed(found)}'
        return
    tied = _tied(context, whole, found, part)
    for name, given in found.items():
        expected, values = _of_one_width(whole[name][part], given)
        if values.shape != expected.shape or values.dtype != expected.dtype:
            yield f'{name} has shape {values.shape} and type {values.dtype}'
        elif not same_values(values[~tied], expected[~tied]):
            yield f'{name} differs'


def _tied(context: Context, whole: Arrays, found: Arrays, part: slice) -> np.ndarray:
    """Rows in another cluster that is as near as the first: bool [n]."""
    none = np.zeros(len(next(iter(found.values()), ())), bool)
    if names.CLUSTER_INDEX not in found:
        return none
    given, expected = found[names.CLUSTER_INDEX], whole[names.CLUSTER_INDEX][part]
    if given.shape != expected.shape or np.array_equal(given, expected):
        return none
    tied = given != expected
    rows = context.rows[part][: len(tied)][tied]
    precision = context.description.precision
    if names.DISTANCE in found:
        distances = found[names.DISTANCE][tied]
        mismatch = compare(context.payload, rows, given[tied], distances, precision)
        return tied & (not mismatch)
    return tied & clusters_allowed(context.payload, rows, given[tied], precision).all()


def _of_one_width(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both without the additional columns of the wider one, if these are blank padding."""
    if left.ndim != 2 or right.ndim != 2:
        return left, right
    width = min(left.shape[1], right.shape[1])
    rest = [one[:, width:] for one in (left, right)]
    blank = all(is_blank(one).all() for one in rest if one.dtype.kind in 'fi')
    return (left[:, :width], right[:, :width]) if blank else (left, right)
