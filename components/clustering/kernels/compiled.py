"""Compiled passes over rows (numba): assignment with bounds, and exact distances.

Each row has an upper bound of the distance to its own centroid and a lower bound of the distances
to all others (Hamerly 2010). A row whose upper bound is less than its lower bound keeps its cluster
without any comparison. The other rows are gathered and scored by one matmul with all centroids.

The lower bound has to be reduced by the largest step of any other centroid, and in most iterations
a few centroids take far larger steps than the rest. So the distances to these fast centroids are
computed for all rows, by a small matmul, and the bound is reduced only by the largest step of the
slow ones.

Bounds are stored relative to the drift of the centroids so far, so that they need no update when
centroids move: `upper + drift` is compared with `lower - drift`. Upper bounds are rounded up and
lower bounds down. If two float32 scores differ by less than their rounding error (see `distances`),
float64 distances decide. Hence the labels are the same as those of a pass without bounds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  # np.dot calls it in compiled code

from tfx_kmeans.clustering.kernels.compilation import ANY_ORDER, compiled

_INF = np.float32(np.inf)
_ZERO = np.float32(0)
_ADD = np.float32(1)
_SUBTRACT = np.float32(-1)
_OUTWARD = np.float32(2.0**-21)  # four float32 roundings
_WIDER = np.float32(1 + 2.0**-20)

_any_order = compiled(fastmath=ANY_ORDER)
_in_order = compiled()


class Points(NamedTuple):
    """Rows float32 [n, d], squared norms float32 [n] and weights float64 [n], or [0] for 1 each."""

    rows: np.ndarray
    norms: np.ndarray
    weights: np.ndarray


class Centroids(NamedTuple):
    """All centroids or some of them.

    Attributes:
      values: The centroids, float32 [k, d].
      columns: Their transpose, float32 [d, k]; a matmul with it is faster if d and k are small.
      half_norms: Half of the squared norms, float32 [k].
      longest: Upper bound of the norms, float32.
      original: Indices of these centroids among all centroids, int32 [k].
    """

    values: np.ndarray
    columns: np.ndarray
    half_norms: np.ndarray
    longest: Any
    original: np.ndarray


class Bounds(NamedTuple):
    """Stored state of each row.

    Attributes:
      labels: Cluster of each row, int32 [n]; -1 if it has none yet.
      upper: Upper bound of the distance to the own centroid, minus `Drift.own`, float32 [n].
      other: Lower bound of the distances to all others, plus `Drift.others`, float32 [n].
    """

    labels: np.ndarray
    upper: np.ndarray
    other: np.ndarray


class Drift(NamedTuple):
    """Movement of the centroids since the first pass, rounded up.

    Attributes:
      own: Distance that each centroid has moved in total, float32 [k].
      others: Offset that `Bounds.other` is stored with, for the rows of each cluster, float32 [k]:
        the sum of the largest steps of other centroids by which the bounds have been reduced.
      slow: `others` when the bounds were last stored, plus the largest step since then of any
        other slow centroid, float32 [k].
    """

    own: np.ndarray
    others: np.ndarray
    slow: np.ndarray


class Totals(NamedTuple):
    """Sums over the rows of each cluster, or changes of these sums.

    Attributes:
      sums: Sums of weight times row, float64 [k, d].
      weights: Sums of the weights, float64 [k].
      energies: Sums of weight times squared norm, float64 [k].
      rows: Number of rows with a positive weight, int64 [k]. If it is 0, all other sums of the
        cluster are 0 except for rounding.
    """

    sums: np.ndarray
    weights: np.ndarray
    energies: np.ndarray
    rows: np.ndarray


class _Room(NamedTuple):
    """Buffers that are reused for all blocks: indices of rows, and labels, values and scores."""

    open: np.ndarray
    at: np.ndarray
    before: np.ndarray
    gathered: np.ndarray
    norms: np.ndarray
    scores: np.ndarray
    fast: np.ndarray
    values: np.ndarray
    winner: np.ndarray


@_any_order
def squared_distance(x: np.ndarray, y: np.ndarray) -> np.float32:
    """|x - y|^2, computed from the differences, float32."""
    total = np.float32(0)
    for j in range(x.shape[0]):
        difference = x[j] - y[j]
        total += difference * difference
    return total


@_any_order
def dot(x: np.ndarray, y: np.ndarray) -> np.float32:
    """x.y, float32."""
    total = np.float32(0)
    for j in range(x.shape[0]):
        total += x[j] * y[j]
    return total


@_in_order
def _exact_squared_distance(x: np.ndarray, y: np.ndarray) -> np.float64:
    """|x - y|^2, float64, by four partial sums in an order that is the same on every processor."""
    one = two = three = four = np.float64(0)
    width = x.shape[0]
    whole = width - width % 4
    for j in range(0, whole, 4):
        a = np.float64(x[j]) - np.float64(y[j])
        b = np.float64(x[j + 1]) - np.float64(y[j + 1])
        c = np.float64(x[j + 2]) - np.float64(y[j + 2])
        d = np.float64(x[j + 3]) - np.float64(y[j + 3])
        one += a * a
        two += b * b
        three += c * c
        four += d * d
    for j in range(whole, width):
        a = np.float64(x[j]) - np.float64(y[j])
        one += a * a
    return (one + two) + (three + four)


@_in_order
def _energy(x: np.ndarray) -> np.float64:
    """|x|^2, float64, summed in the same order as in `_exact_squared_distance`."""
    one = two = three = four = np.float64(0)
    width = x.shape[0]
    whole = width - width % 4
    for j in range(0, whole, 4):
        a, b = np.float64(x[j]), np.float64(x[j + 1])
        c, d = np.float64(x[j + 2]), np.float64(x[j + 3])
        one += a * a
        two += b * b
        three += c * c
        four += d * d
    for j in range(whole, width):
        a = np.float64(x[j])
        one += a * a
    return (one + two) + (three + four)


@_any_order
def _fill_norms(rows: np.ndarray, norms: np.ndarray) -> None:
    """Writes |x|^2 of rows float32 [n, d] to norms float32 [n]."""
    for i in range(rows.shape[0]):
        norms[i] = dot(rows[i], rows[i])


@_in_order
def fill_distances(
    rows: np.ndarray, values: np.ndarray, labels: np.ndarray, distances: np.ndarray
) -> None:
    """Writes |x - values[label]|^2 of rows [n, d] to distances float64 [n]."""
    for i in range(rows.shape[0]):
        distances[i] = _exact_squared_distance(rows[i], values[labels[i]])


@_in_order
def add_inertia(
    rows: np.ndarray, weights: np.ndarray, values: np.ndarray, labels: np.ndarray,
    inertia: np.ndarray,
) -> None:  # fmt: skip
    """Adds weight times |x - values[label]|^2 to inertia float64 [k]; weights [0] mean 1 each."""
    weighted = len(weights) > 0
    for i in range(rows.shape[0]):
        weight = weights[i] if weighted else 1.0
        inertia[labels[i]] += weight * _exact_squared_distance(rows[i], values[labels[i]])


@_in_order
def _rounding(width: int) -> np.float32:
    """Relative error of a squared distance from float32 scores, as a share of (|x| + |c|)^2."""
    return np.float32((width + 8) * 2.0**-24)


@_in_order
def _stored_upper(distance: np.float32, drift: np.float32) -> np.float32:
    return (distance - drift) + _OUTWARD * (distance + drift)


@_in_order
def _stored_lower(distance: np.float32, drift: np.float32) -> np.float32:
    return (distance + drift) * (_ADD - _OUTWARD)


@_in_order
def _root(squared: np.float32) -> np.float32:
    return np.sqrt(squared if squared > 0 else _ZERO)


@_in_order
def _exactly_nearest(x: np.ndarray, centroids: Centroids, reach: np.float32) -> int:
    """The nearest by float64 distance among centroids that score at most `reach`; lowest index."""
    values, half_norms = centroids.values, centroids.half_norms
    least = np.float64(np.inf)
    for j in range(len(values)):
        if half_norms[j] - dot(x, values[j]) <= reach:
            distance = _exact_squared_distance(x, values[j])
            least = distance if distance < least else least
    least *= np.float64(1 + (len(x) + 2) * 2.0**-52)  # see distances.tie_factor
    for j in range(len(values)):
        near = half_norms[j] - dot(x, values[j]) <= reach
        if near and _exact_squared_distance(x, values[j]) <= least:
            return j
    return -1


@_in_order
def _fold_pair(
    row: np.ndarray,
    next_row: np.ndarray,
    base: np.float32,
    next_base: np.float32,
    sign: np.float32,
    place: np.int32,
    least: np.ndarray,
    second: np.ndarray,
    arg: np.ndarray,
) -> None:
    next_place = np.int32(place + 1)
    for i in range(least.shape[0]):
        one = base + sign * row[i]
        other = next_base + sign * next_row[i]
        swapped = other < one
        low = other if swapped else one
        high = one if swapped else other
        low_place = next_place if swapped else place
        before = least[i]
        closer = low < before
        beaten = before if closer else low
        high = beaten if beaten < high else high
        second[i] = high if high < second[i] else second[i]
        arg[i] = low_place if closer else arg[i]
        least[i] = low if closer else before


@_in_order
def two_least(
    scores: np.ndarray,
    base: np.ndarray,
    sign: np.float32,
    first: int,
    least: np.ndarray,
    second: np.ndarray,
    arg: np.ndarray,
) -> None:
    """The two smallest values of base + sign * score in each column of scores [m, b].

    Args:
      scores: Scores, float32 [m, b].
      base: Values added to the scores, float32; read from `first` to `first` + m.
      sign: 1 or -1.
      first: Number of the first row of scores.
      least: Smallest values, float32 [b], overwritten.
      second: Second smallest values, float32 [b], overwritten; inf if m is 1.
      arg: Numbers of the rows with the smallest values, the lower one if two are equal, int32 [b],
        overwritten.
    """
    least[:] = _INF
    second[:] = _INF
    arg[:] = first
    m = scores.shape[0]
    for j in range(0, m - 1, 2):
        at, after = base[first + j], base[first + j + 1]
        place = np.int32(first + j)
        _fold_pair(scores[j], scores[j + 1], at, after, sign, place, least, second, arg)
    if m % 2:
        last = scores[m - 1]
        place = np.int32(first + m - 1)
        _fold_pair(last, last, base[place], _INF, sign, place, least, second, arg)


@_in_order
def _errors(norms: np.ndarray, longest: np.float32, width: int, errors: np.ndarray) -> None:
    rounding = _rounding(width)
    for i in range(errors.shape[0]):
        reach = np.sqrt(norms[i]) + longest
        errors[i] = rounding * reach * reach


@_in_order
def _distances(
    scores: np.ndarray, norms: np.ndarray, errors: np.ndarray, sign: np.float32, out: np.ndarray
) -> None:
    """Sqrt(|x|^2 + 2 score + sign * error)."""
    for i in range(out.shape[0]):
        out[i] = _root(norms[i] + 2 * scores[i] + sign * errors[i])


@_in_order
def _contested(
    best: np.ndarray, runner_up: np.ndarray, x: np.ndarray, centroids: Centroids,
    errors: np.ndarray, distance: np.ndarray, winner: np.ndarray,
) -> None:  # fmt: skip
    """Decides in float64 if the two smallest distances differ by less than their rounding error."""
    rounding = _rounding(x.shape[1])
    for i in range(len(best)):
        if runner_up[i] <= distance[i]:
            new = _exactly_nearest(x[i], centroids, best[i] + errors[i])
            winner[i] = new
            runner_up[i] = _ZERO
            exact = np.sqrt(squared_distance(x[i], centroids.values[new]))
            distance[i] = exact * (_ADD + rounding)


@_in_order
def _score(x: np.ndarray, norms: np.ndarray, centroids: Centroids, room: _Room) -> None:
    """Finds the nearest centroid of each row x [b, d], and bounds of the two smallest distances.

    Writes them to room.winner, room.values[3] (upper bound of the smallest distance) and
    room.values[1] (lower bound of the second smallest).
    """
    count, width = x.shape
    scores = room.scores[: len(centroids.values) * count].reshape((-1, count))
    best, runner_up = room.values[0, :count], room.values[1, :count]
    errors, distance = room.values[2, :count], room.values[3, :count]
    winner = room.winner[:count]
    np.dot(centroids.columns.T, x.T, scores)
    _errors(norms, centroids.longest, width, errors)
    two_least(scores, centroids.half_norms, _SUBTRACT, 0, best, runner_up, winner)
    _distances(best, norms, errors, _ADD, distance)
    _distances(runner_up, norms, errors, _SUBTRACT, runner_up)
    _contested(best, runner_up, x, centroids, errors, distance, winner)


@_in_order
def _book(
    first: int, index: np.ndarray, count: int, points: Points, room: _Room, totals: Totals
) -> int:
    """Moves rows with a new label between the totals of their clusters; returns their number.

    The rows are index[:count], or first..first + count if `first` is not negative.
    """
    rows, row_weights, weighted = points.rows, points.weights, len(points.weights) > 0
    before, winner = room.before, room.winner
    sums, weights, energies, counts = totals.sums, totals.weights, totals.energies, totals.rows
    moved = 0
    for p in range(count):
        old, new = before[p], winner[p]
        if new == old:
            continue
        moved += 1
        r = index[p] if first < 0 else first + p
        x, weight = rows[r], row_weights[r] if weighted else 1.0
        present, energy = np.int64(weight > 0), weight * _energy(x)
        for j in range(x.shape[0]):
            sums[new, j] += weight * np.float64(x[j])
        weights[new] += weight
        energies[new] += energy
        counts[new] += present
        if old >= 0:
            for j in range(x.shape[0]):
                sums[old, j] -= weight * np.float64(x[j])
            weights[old] -= weight
            energies[old] -= energy
            counts[old] -= present
    return moved


@_in_order
def _settle_all(
    first: int, count: int, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room, totals: Totals,
) -> int:  # fmt: skip
    """Compares rows first..first + count with all centroids; returns the number of moved rows."""
    block = slice(first, first + count)
    labels, upper, other = bounds.labels[block], bounds.upper[block], bounds.other[block]
    runner_up, distance, winner = room.values[1], room.values[3], room.winner
    before, own, others = room.before, drift.own, drift.others
    _score(points.rows[block], points.norms[block], centroids, room)
    for p in range(count):
        new = winner[p]
        before[p] = labels[p]
        labels[p] = new
        upper[p] = _stored_upper(distance[p], own[new])
        other[p] = _stored_lower(runner_up[p], others[new])
    return _book(first, room.at, count, points, room, totals)


@_in_order
def _settle(
    index: np.ndarray, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room, totals: Totals,
) -> int:  # fmt: skip
    """Compares the rows of an index with all centroids; returns the number of moved rows."""
    before, norms, rows, count = room.before, room.norms, points.rows, len(index)
    labels, upper, other, row_norms = bounds.labels, bounds.upper, bounds.other, points.norms
    runner_up, distance, winner = room.values[1], room.values[3], room.winner
    own, others = drift.own, drift.others
    x = room.gathered[:count]
    for p in range(count):
        source = rows[index[p]]
        norms[p] = row_norms[index[p]]
        for j in range(source.shape[0]):
            x[p, j] = source[j]
    _score(x, norms[:count], centroids, room)
    for p in range(count):
        r, new = index[p], winner[p]
        before[p] = labels[r]
        labels[r] = new
        upper[r] = _stored_upper(distance[p], own[new])
        other[r] = _stored_lower(runner_up[p], others[new])
    return _book(-1, index, count, points, room, totals)


@_in_order
def _fast_distances(
    first: int, count: int, points: Points, fast: Centroids, labels: np.ndarray, room: _Room
) -> None:
    """Bounds the distances of rows first..first + count to the nearest fast centroid from below.

    A row's own centroid is not considered. Writes the bounds to room.fast[:count].
    """
    x, norms = points.rows[first : first + count], points.norms[first : first + count]
    scores = room.scores[: len(fast.values) * count].reshape((-1, count))
    least, second, errors = room.values[0, :count], room.values[1, :count], room.values[2, :count]
    arg, original, found = room.winner[:count], fast.original, room.fast[:count]
    np.dot(fast.columns.T, x.T, scores)
    _errors(norms, fast.longest, x.shape[1], errors)
    two_least(scores, fast.half_norms, _SUBTRACT, 0, least, second, arg)
    for i in range(count):
        if original[arg[i]] == labels[first + i]:
            least[i] = second[i]
    _distances(least, norms, errors, _SUBTRACT, found)


@_in_order
def _list_open(
    first: int, count: int, waiting: int, any_fast: bool, bounds: Bounds, drift: Drift, room: _Room
) -> int:
    """Appends those of rows first..first + count whose bounds overlap to room.open.

    If there are fast centroids, the lower bounds are stored again, with these centroids included.
    Returns the number of rows in room.open.
    """
    labels, upper, other = bounds.labels, bounds.upper, bounds.other
    own, others, slow, near, found = drift.own, drift.others, drift.slow, room.fast, room.open
    for p in range(count):
        r = first + p
        label = labels[r]
        apart = min(other[r] - slow[label], near[p])
        if any_fast:
            other[r] = _stored_lower(max(apart, _ZERO), others[label])
        found[waiting] = r
        waiting += not (upper[r] + own[label]) * _WIDER < apart
    return waiting


@_in_order
def _look(
    waiting: int, kept: int, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room,
) -> int:  # fmt: skip
    """Appends the rows of room.open that are still undecided to room.at.

    The distance to the own centroid, which is computed here, may exclude a change of cluster.
    Returns the number of rows in room.at.
    """
    rows, values, labels, upper = points.rows, centroids.values, bounds.labels, bounds.upper
    other, own, others, index, at = bounds.other, drift.own, drift.others, room.open, room.at
    outward = _ADD + _rounding(rows.shape[1])
    for q in range(waiting):
        r = index[q]
        label = labels[r]
        distance = np.sqrt(squared_distance(rows[r], values[label])) * outward
        upper[r] = _stored_upper(distance, own[label])
        at[kept] = r
        kept += not distance * _WIDER < other[r] - others[label]
    return kept


@_in_order
def _room_for(block: int, width: int, k: int) -> _Room:
    return _Room(
        np.empty(2 * block, np.int64),
        np.empty(4 * block, np.int64),
        np.empty(block, np.int32),
        np.empty((block, width), np.float32),
        np.empty(block, np.float32),
        np.empty(k * block, np.float32),
        np.full(block, _INF),
        np.empty((4, block), np.float32),
        np.empty(block, np.int32),
    )


@_in_order
def assign_all(
    start: int, stop: int, block: int, points: Points, centroids: Centroids, bounds: Bounds,
    drift: Drift, totals: Totals,
) -> int:  # fmt: skip
    """Assigns rows start..stop to their nearest centroids without using bounds.

    Also computes the norms of rows that have no label yet. See `assign_segment` for the arguments.
    """
    room = _room_for(block, points.rows.shape[1], len(centroids.values))
    moved, fresh = 0, bounds.labels[start] < 0
    for first in range(start, stop, block):
        count = min(block, stop - first)
        if fresh:
            _fill_norms(points.rows[first : first + count], points.norms[first : first + count])
        moved += _settle_all(first, count, points, centroids, bounds, drift, room, totals)
    return moved


@_in_order
def assign_segment(
    start: int, stop: int, block: int, points: Points, centroids: Centroids, fast: Centroids,
    bounds: Bounds, drift: Drift, totals: Totals,
) -> int:  # fmt: skip
    """Assigns rows start..stop to their nearest centroids, and updates the totals.

    Args:
      start: Index of the first row.
      stop: Index after the last row.
      block: Number of rows that are scored together.
      points: All rows.
      centroids: All centroids.
      fast: Centroids that `drift.slow` does not include; none if bounds need not be stored again.
      bounds: Bounds of all rows, which must have labels; those of start..stop are updated.
      drift: Drift of the centroids.
      totals: Changes of the totals, to which moved rows are added in row order.

    Returns:
      The number of rows that changed cluster.
    """
    room = _room_for(block, points.rows.shape[1], len(centroids.values))
    at, moved, waiting, kept, looked, spared = room.at, 0, 0, 0, 0, 0
    for first in range(start, stop, block):
        count = min(block, stop - first)
        if len(fast.values):
            _fast_distances(first, count, points, fast, bounds.labels, room)
        waiting = _list_open(first, count, waiting, len(fast.values) > 0, bounds, drift, room)
        last = first + count == stop
        if waiting < block and not last:
            continue
        # The own distance may make the others unnecessary; it is skipped if it rarely does.
        if spared * 16 >= looked or (first // block) % 8 == 0:
            found = _look(waiting, kept, points, centroids, bounds, drift, room)
            looked, spared = looked + waiting, spared + waiting - (found - kept)
            kept = found
        else:
            at[kept : kept + waiting] = room.open[:waiting]
            kept += waiting
        waiting, done = 0, 0
        while kept - done >= block or (last and kept > done):
            index = at[done : min(done + block, kept)]
            moved += _settle(index, points, centroids, bounds, drift, room, totals)
            done += len(index)
        at[: kept - done] = at[done:kept].copy()
        kept -= done
    return moved
