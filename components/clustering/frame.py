"""The frame in which distances are computed: rows minus their mean, or rows of length one.

If distances are computed in float32 from norms and a matmul, data far from the origin loses them to
cancellation: at an offset of 1e3, a tenth of the rows are assigned to a wrong cluster. So the
weighted mean is subtracted first. Under cosine only the direction from the origin matters, and rows
are normalised instead. `Frame.enter` maps feature-space rows to the frame, and `Frame.leave` maps
centroids back to feature space.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property, partial

import numpy as np

from tfx_kmeans.clustering.kernels.interface import Kernels
from tfx_kmeans.clustering.metric import Metric
from tfx_kmeans.clustering.segments import Workers, segments_of
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.errors import DataError

_BLOCK = 4096
_SAMPLE = 256
LARGEST_WHOLE = 2.0**63 - 1024
"""The largest float64 that is an int64."""

_DRAGGED = 168  # 1e-5 of float32's 2^24
# The square of a 2^24th of it is the smallest float32 with all its digits.
_TINIEST = float(np.sqrt(np.finfo(np.float32).tiny)) * 2.0**12


@dataclasses.dataclass(frozen=True)
class Frame:
    """The coordinates in which distances are computed.

    Attributes:
      metric: Distance metric.
      shift: Vector subtracted from rows and centroids, float64 [d]. If `single`, each value is
        representable in float32, so that a float32 subtraction rounds once, and in the same way on
        every machine.
    """

    metric: Metric
    shift: np.ndarray

    @cached_property
    def single(self) -> bool:
        """Whether float32 represents the shift, so that float32 rows are subtracted in float32."""
        return bool((self.shift.astype(np.float32) == self.shift).all())

    @property
    def scale(self) -> float:
        """Distance per squared difference in this frame, see `Metric.scale`."""
        return self.metric.scale

    def enter(self, rows: np.ndarray) -> np.ndarray:
        """Maps feature-space rows [n, d] to this frame, as a new float32 array.

        Rows in float64 and int64 are subtracted before they are rounded to float32.
        """
        if self.metric.normalised:
            return normalised(rows).astype(np.float32)
        if self.single and rows.dtype == np.float32:
            return rows - self.shift.astype(np.float32)
        return subtracted(rows, self.shift)

    def refuse_unusable(self, rows: np.ndarray) -> None:
        """Checks that feature-space rows [n, d] have distances in this frame.

        Raises:
          DataError: If there are rows of zeros under cosine, or values so large that squared
            distances overflow float32.
        """
        if self.metric.normalised:
            _refuse_zero_rows(rows)
        for block in _blocks(slice(0, len(rows))):
            _refuse_overflow(_largest(self.enter(rows[block])), rows.shape[1])

    def leave(self, points: np.ndarray) -> np.ndarray:
        """Maps centroids [k, d] from this frame to feature space, as float32."""
        return (np.asarray(points, np.float64) + self.shift).astype(np.float32)

    def means(self, sums: np.ndarray, weights: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The centroids float32 [k, d] of clusters with these sums [k, d] and weights [k].

        A cluster without weight keeps its centroid in `previous` [k, d]. So does, under cosine, a
        cluster whose rows add up to zero.
        """
        divisor = np.linalg.norm(sums, axis=1) if self.metric.normalised else weights
        if divisor.all():
            return (sums / divisor[:, np.newaxis]).astype(np.float32)
        usable = (weights > 0) & (divisor > 0)
        means = previous.astype(np.float32)
        means[usable] = sums[usable] / divisor[usable, np.newaxis]
        return means


def subtracted(rows: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Rows of any numeric type [n, d] minus shift float64 [d], rounded once, to float32."""
    return residuals(rows, shift).astype(np.float32)


def residuals(rows: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Rows of any numeric type [n, d] minus shift float64 [d], float64.

    The whole part of the shift is subtracted from integers as an integer, since float64 does not
    hold integers beyond 2^53.
    """
    if rows.dtype.kind in 'iu':
        whole = np.clip(np.rint(shift), -LARGEST_WHOLE, LARGEST_WHOLE)
        return (np.asarray(rows, np.int64) - whole.astype(np.int64)) - (shift - whole)
    return np.asarray(rows, np.float64) - shift


def centre_of(rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The vector to subtract from float64 or int64 rows [n, d], float64 [d]; see `robust_centre`.

    It is one that float32 represents if that is within the spread of the rows.
    """
    total = np.zeros(rows.shape[1])
    for block in _blocks(slice(0, len(rows))):
        part = np.ones(block.stop - block.start) if weights is None else weights[block]
        total += part @ np.asarray(rows[block], np.float64)
    mean = total / (len(rows) if weights is None else weights.sum())
    centre, spread = robust_centre(mean, sample_of(rows))
    rounded = centre.astype(np.float32).astype(np.float64)
    close = (np.abs(rounded - centre) <= spread) | (spread == 0)
    return np.where(close, rounded, np.rint(centre) if rows.dtype.kind in 'iu' else centre)


def sample_of(rows: np.ndarray, size: int = _SAMPLE) -> np.ndarray:
    """At most `size` rows from all over [n, d], float64."""
    return np.asarray(rows[:: len(rows) // size + 1], np.float64)


def robust_centre(mean: np.ndarray, sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each column, or its median if a few huge values drag the mean away.

    Rows are rounded to float32 after the subtraction. Beside a mean that is farther from the bulk
    of the rows than 168 times their spread, more than 1e-5 of that spread would be rounded away.

    Args:
      mean: Weighted mean of all rows, float64 [d].
      sample: Some of the rows, float64 [m, d].

    Returns:
      The centre, float64 [d], and the spread of the column around it, float64 [d]: the
      interquartile range, or the least distance from the median if that is 0.
    """
    ordered = np.sort(sample.T)
    lower, median, upper = (ordered[:, len(sample) * part // 4] for part in (1, 2, 3))
    spread = upper - lower
    for column in np.flatnonzero(spread == 0):
        distance = np.abs(ordered[column] - median[column])
        spread[column] = distance[distance > 0].min(initial=np.inf)
    dragged = np.abs(mean - median) > _DRAGGED * spread
    return np.where(dragged, median, mean), np.where(np.isfinite(spread), spread, 0.0)


def normalised(rows: np.ndarray) -> np.ndarray:
    """Rows [n, d] divided by their Euclidean length, as float64; rows of zeros stay zeros."""
    rows = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def enter_in_place(rows: WeightedRows, metric: Metric, workers: Workers) -> Frame:
    """Overwrites feature-space rows with the same rows in their frame, and returns the frame.

    Args:
      rows: Rows with finite values.
      metric: Distance metric.
      workers: Threads and kernels.

    Raises:
      DataError: If there are rows of length zero under cosine (gives their number), or if values
        are so large that squared distances overflow float32.
    """
    segments = segments_of(len(rows), rows.width)
    if metric.normalised:
        _refuse_zero_rows(rows.values)
    if not metric.centred:
        frame, enter = Frame(metric, np.zeros(rows.width)), _enter
    else:
        sums = workers.map(partial(_sum, rows, workers.kernels), segments)
        frame = Frame(metric, _residual_shift(rows, np.sum(sums, axis=0) / rows.total_weight))
        enter = _subtract
    largest = max(workers.map(partial(enter, rows, frame, workers.kernels), segments))
    _refuse_overflow(largest, rows.width)
    _refuse_underflow(largest)
    if rows.offset is None:
        return frame
    return Frame(metric, rows.offset + frame.shift)


def _residual_shift(rows: WeightedRows, mean: np.ndarray) -> np.ndarray:
    """What is left to subtract, float64 [d], representable in float32.

    Nothing from a column with an offset that is within the spread of the rows already.
    """
    centre, spread = robust_centre(mean, sample_of(rows.values))
    shift = centre.astype(np.float32).astype(np.float64)
    if rows.offset is None:
        return shift
    return np.where((rows.offset != 0) & (np.abs(shift) <= spread), 0.0, shift)


def _sum(rows: WeightedRows, kernels: Kernels, segment: slice) -> np.ndarray:
    """The weighted sum of the rows of a segment, float64 [d]."""
    return kernels.column_sums(rows.values[segment], rows.given_weights(segment))


def _enter(rows: WeightedRows, frame: Frame, kernels: Kernels, segment: slice) -> float:  # noqa: ARG001
    """Maps the rows of a segment to a frame, in place; returns the largest absolute value."""
    largest = 0.0
    for block in _blocks(segment):
        rows.values[block] = entered = frame.enter(rows.values[block])
        largest = max(largest, _largest(entered))
    return largest


def _subtract(rows: WeightedRows, frame: Frame, kernels: Kernels, segment: slice) -> float:
    """Does what `_enter` does, if the metric only subtracts the shift."""
    return kernels.subtract(rows.values[segment], frame.shift.astype(np.float32))


def _blocks(segment: slice) -> Iterator[slice]:
    for start in range(segment.start, segment.stop, _BLOCK):
        yield slice(start, min(start + _BLOCK, segment.stop))


def _refuse_zero_rows(rows: np.ndarray) -> None:
    zero = np.concatenate(
        [~rows[start : start + _BLOCK].any(axis=1) for start in range(0, len(rows), _BLOCK)]
    )
    if zero.any():
        raise DataError(
            f"distance_metric 'cosine' is undefined for rows of length zero: {zero.sum()} of "
            f'{len(rows)} rows are all zeros, the first is row {zero.argmax()}. Remove these '
            "rows, or use 'squared_euclidean'."
        )


def _largest(rows: np.ndarray) -> float:
    return float(max(rows.max(initial=0.0), -rows.min(initial=0.0)))


def _refuse_underflow(largest: float) -> None:
    """Raises DataError if squared distances of such values lose digits to float32's underflow."""
    if 0 < largest < _TINIEST:
        raise DataError(
            f"All values are within {largest:.3g} of their column's centre. The limit is "
            f'{_TINIEST:.3g}, because squared distances would underflow float32. Multiply the '
            'features by a constant, or in a pipeline scale them with tft.scale_to_z_score.'
        )


def _refuse_overflow(largest: float, width: int) -> None:
    """Raises DataError if squared distances of rows with `width` such values overflow float32."""
    limit = float(np.sqrt(np.finfo(np.float32).max / (8 * width)))
    if not largest <= limit:
        raise DataError(
            f"A value differs by {largest:.3g} from its column's centre. The limit is "
            f'{limit:.3g}, because squared distances would overflow float32. Divide the features '
            'by a constant, or in a pipeline scale them with tft.scale_to_z_score.'
        )
