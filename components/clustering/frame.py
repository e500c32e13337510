"""The frame in which distances are computed: rows minus their mean, or rows of length one.

With norms and a matmul in float32, data far from the origin loses its distances to cancellation
(at an offset of 1e3 a tenth of the rows land in a wrong cluster). So the weighted mean is taken
off first. Under cosine the direction from the origin is what counts, and rows are normalised
instead. A frame turns feature-space rows into its own and centroids back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from tfx_kmeans.clustering.options import COSINE_DISTANCE
from tfx_kmeans.clustering.segments import segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows

_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class Frame:
    """Where distances are computed.

    Attributes:
      metric: 'squared_euclidean' or 'cosine'.
      shift: float64 [d], subtracted from rows and centroids. Each value is one that float32
        holds, so that a float32 subtraction is rounded once, and alike wherever it runs.
    """

    metric: str
    shift: np.ndarray

    @property
    def scale(self) -> float:
        """Distance per squared difference: for rows of length one, 1 - cos = |x - c|^2 / 2."""
        return 0.5 if self.metric == COSINE_DISTANCE else 1.0

    def enter(self, rows: np.ndarray) -> np.ndarray:
        """Feature-space rows [n, d] as float32 rows of this frame, in a new array."""
        if self.metric == COSINE_DISTANCE:
            return normalised(rows).astype(np.float32)
        return np.asarray(rows, np.float32) - self.shift.astype(np.float32)

    def refuse_unusable(self, rows: np.ndarray) -> None:
        """Raises ValueError for feature-space rows [n, d] that have no place in this frame."""
        if self.metric == COSINE_DISTANCE:
            _refuse_zero_rows(rows)
        for block in _blocks(slice(0, len(rows))):
            _refuse_overflow(_largest(self.enter(rows[block])), rows.shape[1])

    def leave(self, centroids: np.ndarray) -> np.ndarray:
        """Centroids of this frame [k, d] as float32 feature-space centroids."""
        return (np.asarray(centroids, np.float64) + self.shift).astype(np.float32)

    def means(self, sums: np.ndarray, weights: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The centroids [k, d] that sums [k, d] and weights [k] stand for.

        A cluster without weight, or under cosine one whose rows cancel out, keeps its `previous`.
        """
        with np.errstate(divide='ignore', invalid='ignore'):
            if self.metric == COSINE_DISTANCE:
                means = sums / np.linalg.norm(sums, axis=1, keepdims=True)
            else:
                means = sums / weights[:, np.newaxis]
        usable = (weights > 0) & np.isfinite(means).all(axis=1)
        return np.where(usable[:, np.newaxis], means, previous).astype(np.float32)


def normalised(rows: np.ndarray) -> np.ndarray:
    """Rows [n, d] divided by their Euclidean length, as float64; rows of zeros stay zeros."""
    rows = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def enter_in_place(
    rows: WeightedRows, metric: str, threads: ThreadPoolExecutor, compiled: bool = False
) -> Frame:
    """Overwrites feature-space rows with rows of the frame that suits them.

    Args:
      rows: finite.
      metric: 'squared_euclidean' or 'cosine'.
      threads: where segments of rows run.
      compiled: whether to use compiled passes (under squared_euclidean).

    Raises:
      ValueError: counting the rows of length zero under cosine, or where values are so large
        that their squared distances overflow float32.
    """
    segments = segments_of(len(rows))
    if metric == COSINE_DISTANCE:
        _refuse_zero_rows(rows.values)
        frame, enter = Frame(metric, np.zeros(rows.width)), _enter
    else:
        sum_of, enter = (_compiled_sum, _compiled_enter) if compiled else (_sum, _enter)
        sums = list(threads.map(partial(sum_of, rows), segments))
        mean = np.sum(sums, axis=0) / rows.total_weight
        frame = Frame(metric, mean.astype(np.float32).astype(np.float64))
    for largest in threads.map(partial(enter, rows, frame), segments):
        _refuse_overflow(largest, rows.width)
    return frame


def _sum(rows: WeightedRows, segment: slice) -> np.ndarray:
    """The weighted sum of some rows, float64 [d], block by block."""
    total = np.zeros(rows.width)
    for block in _blocks(segment):
        total += rows.weights_in(block) @ rows.values[block]
    return total


def _enter(rows: WeightedRows, frame: Frame, segment: slice) -> float:
    """Brings some rows into a frame, in place; returns the largest absolute value there."""
    largest = 0.0
    for block in _blocks(segment):
        rows.values[block] = entered = frame.enter(rows.values[block])
        largest = max(largest, _largest(entered))
    return largest


def _compiled_sum(rows: WeightedRows, segment: slice) -> np.ndarray:
    from tfx_kmeans.clustering.compiled_frame import add_column_sums

    total = np.zeros(rows.width)
    weights = np.empty(0) if rows.weights is None else rows.weights[segment]
    add_column_sums(rows.values[segment], weights, total)
    return total


def _compiled_enter(rows: WeightedRows, frame: Frame, segment: slice) -> float:
    from tfx_kmeans.clustering.compiled_frame import shift_rows

    return float(shift_rows(rows.values[segment], frame.shift.astype(np.float32)))


def _blocks(segment: slice) -> Iterator[slice]:
    for start in range(segment.start, segment.stop, _BLOCK):
        yield slice(start, min(start + _BLOCK, segment.stop))


def _refuse_zero_rows(rows: np.ndarray) -> None:
    zero = np.concatenate(
        [~rows[start : start + _BLOCK].any(axis=1) for start in range(0, len(rows), _BLOCK)]
    )
    if zero.any():
        raise ValueError(
            f"distance_metric 'cosine' has no answer for rows of length zero: {zero.sum()} of "
            f'{len(rows)} rows are all zeros, the first is row {zero.argmax()}. Remove them, or '
            "use 'squared_euclidean'."
        )


def _largest(rows: np.ndarray) -> float:
    return float(max(rows.max(initial=0.0), -rows.min(initial=0.0)))


def _refuse_overflow(largest: float, width: int) -> None:
    """Raises ValueError where squared distances of `width` such values overflow float32."""
    limit = float(np.sqrt(np.finfo(np.float32).max / (8 * width)))
    if not largest <= limit:
        raise ValueError(
            f"A value lies {largest:.3g} from its column's mean, more than {limit:.3g}: squared "
            'distances overflow float32. Scale the features, for example with '
            'tft.scale_to_z_score.'
        )
