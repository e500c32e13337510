"""Compiled passes over rows (numba): the assignment with bounds, and direct distances.

Every row keeps an upper bound of the distance to its own centroid and a lower bound of those to all
others (Hamerly 2010). A row whose upper bound lies below its lower bound keeps its cluster without
a look at the centroids; the rest is gathered and scored by one matmul with all centroids.

The lower bound must give way by the largest step of any other centroid, and in most iterations a
few of them take far larger steps than the rest. So the distances to these fast ones are computed
for all rows, by a small matmul, and the bound gives way by the largest step of the slow ones.

Bounds are stored with the centroids' drift so far, so they need no update when centroids move:
what is compared is `upper + drift` and `lower - drift`. All rounding goes outward, and where
float32 scores leave two centroids closer together than their rounding error (see `distances`),
float64 distances decide. Hence the labels are those of a pass without bounds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  what np.dot calls in compiled code

from tfx_kmeans.clustering.compilation import ANY_ORDER, compiled

_INF = np.float32(np.inf)
_ZERO = np.float32(0)
_ADD = np.float32(1)
_SUBTRACT = np.float32(-1)
_OUTWARD = np.float32(2.0**-21)  # four float32 roundings
_WIDER = np.float32(1 + 2.0**-20)

_any_order = compiled(fastmath=ANY_ORDER)
_in_order = compiled()


class Points(NamedTuple):
    """Rows float32 [n, d], their squared norms float32 [n], weights float64 [n] or [0] for 1."""

    rows: np.ndarray
    norms: np.ndarray
    weights: np.ndarray


class Centroids(NamedTuple):
    """Some centroids.

    Attributes:
      values: float32 [k, d].
      columns: float32 [d, k], the same; a matmul with them is quicker where d and k are small.
      half_norms: float32 [k], half the squared norms.
      longest: float32, no less than the longest norm.
      original: int32 [k], their indices among all.
    """

    values: np.ndarray
    columns: np.ndarray
    half_norms: np.ndarray
    longest: Any
    original: np.ndarray


class Bounds(NamedTuple):
    """What each row remembers.

    Attributes:
      labels: int32 [n]; -1: none yet.
      upper: float32 [n], of the own centroid's distance, less `Drift.own`.
      other: float32 [n], lower bound of all others' distances, plus `Drift.others`.
    """

    labels: np.ndarray
    upper: np.ndarray
    other: np.ndarray


class Drift(NamedTuple):
    """How far centroids have moved since the start, rounded up.

    Attributes:
      own: float32 [k], each centroid.
      others: float32 [k], what `Bounds.other` is stored with: for rows of each centroid, the
        largest steps of the others that bounds have given way by.
      slow: float32 [k], `others` as bounds were last stored with it, and the largest step since
        of any other slow centroid.
    """

    own: np.ndarray
    others: np.ndarray
    slow: np.ndarray


class Totals(NamedTuple):
    """Sums over the rows of each cluster, or their changes.

    Attributes:
      sums: float64 [k, d], of weight times row.
      weights: float64 [k].
      energies: float64 [k], of weight times squared norm.
      rows: int64 [k], how many have weight; where it is 0, all else is 0 but for rounding.
    """

    sums: np.ndarray
    weights: np.ndarray
    energies: np.ndarray
    rows: np.ndarray


class _Room(NamedTuple):
    """Working memory: indices of rows, and a block's labels, values and scores."""

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
    """|x - y|^2, float32, from the differences."""
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
    """|x - y|^2, float64; four sums side by side, in an order that no processor changes."""
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
    """|x|^2, float64, as `_exact_squared_distance`."""
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
    """Adds weight times |x - values[label]|^2 to inertia float64 [k]; no weights [0] are 1 each."""
    weighted = len(weights) > 0
    for i in range(rows.shape[0]):
        weight = weights[i] if weighted else 1.0
        inertia[labels[i]] += weight * _exact_squared_distance(rows[i], values[labels[i]])


@_in_order
def _rounding(width: int) -> np.float32:
    """The error of a squared distance by float32 scores, as a share of (|x| + |c|)^2."""
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
    """The nearest by float64 of those that score at most `reach`; ties go to the lowest index."""
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
    """For each column of scores [m, b]: the two least of base + sign * score, and `first` + row.

    Args:
      scores: float32 [m, b].
      base: float32, read at first..first + m.
      sign: 1 or -1.
      first: what the first row of scores is called in `arg`.
      least: float32 [b], overwritten; at equal scores the lower row has it.
      second: float32 [b], overwritten; inf where m is 1.
      arg: int32 [b], overwritten.
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
    """Decides in float64 where the two nearest are closer than rounding."""
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
    """The nearest centroid of each row x [b, d], and what its distance and the next one's are.

    These are left in winner, values[3] (an upper bound) and values[1] (a lower bound).
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
    """Moves rows with a new label from cluster to cluster; returns how many those are.

    They are index[:count], or first.. where `first` is not negative.
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
    """Assigns rows first..first + count by all centroids; returns how many have moved."""
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
    """Assigns the rows of an index by all centroids; returns how many have moved."""
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
    """Lower bounds of the distances of rows first.. to the nearest fast centroid but their own.

    They are left in room.fast[:count].
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
    """Adds those of rows first.. whose bounds overlap to room.open; returns how many it holds.

    Where there are fast centroids, the lower bounds are stored anew, these included.
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
    """Adds those rows of room.open that remain open once the own distance is known to room.at.

    Returns how many it holds.
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
    """Assigns rows start..stop to their nearest centroids without asking bounds.

    Rows that have no label yet get their norms, too. See `assign_segment`.
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
    """Assigns rows start..stop to their nearest centroids, and books those that move.

    Args:
      start: the first row.
      stop: after the last row.
      block: how many rows are scored at once.
      points: all rows.
      centroids: all.
      fast: those that `drift.slow` leaves out; none, where bounds need not be stored anew.
      bounds: of all rows, which have labels; those of start..stop are read and written.
      drift: of the centroids.
      totals: takes what moved from cluster to cluster, in the order of the rows.

    Returns:
      How many rows have a new cluster.
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
        # A look at the own centroid may spare the others, unless it hardly ever does.
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
