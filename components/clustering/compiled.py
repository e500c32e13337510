"""Compiled passes over rows (numba): the assignment with bounds, and direct distances.

Every row keeps an upper bound of the distance to its own centroid and lower bounds of those to
the others: one over all of them (Hamerly 2010) and, where there are many clusters, one for each
group of centroids (Ding et al. 2015, Yinyang k-means). A row whose upper bound lies below its
lower bounds keeps its cluster without a look at the centroids; what is left is scored by one
matmul, with all centroids or with the groups that could matter.

Bounds are stored with the centroids' drift so far, so they need no update when centroids move:
what is compared is `upper + drift` and `lower - drift`. All rounding goes outward, and where
float32 scores leave two centroids closer together than their rounding error (see `distances`),
float64 distances decide. Hence the labels are those of a pass without bounds.

Centroids stand in the order of their groups here; `Centroids.original` has their indices.
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
_FULL_SHARE = 0.5  # of pairs of row and centroid: from here on one matmul with all is quicker

_any_order = compiled(fastmath=ANY_ORDER)
_in_order = compiled()


class Points(NamedTuple):
    """Rows float32 [n, d], their squared norms float32 [n], weights float64 [n] or [0] for 1."""

    rows: np.ndarray
    norms: np.ndarray
    weights: np.ndarray


class Centroids(NamedTuple):
    """Centroids by group.

    Attributes:
      values: float32 [k, d].
      columns: float32 [d, k], the same; a matmul with them is quicker where d and k are small.
      half_norms: float32 [k], half the squared norms.
      longest: float32, no less than the longest norm.
      offsets: int64 [t + 1], where each group begins.
      group_of: int32 [k].
      original: int32 [k], their indices outside.
    """

    values: np.ndarray
    columns: np.ndarray
    half_norms: np.ndarray
    longest: Any
    offsets: np.ndarray
    group_of: np.ndarray
    original: np.ndarray


class Bounds(NamedTuple):
    """What each row remembers.

    Attributes:
      labels: int32 [n], positions of the rows' centroids; -1: none yet.
      upper: float32 [n], of the own centroid's distance, less `Drift.own`.
      other: float32 [n], lower bound of all others' distances, plus `Drift.others`.
      lower: float32 [n, t], by group, without the own centroid, plus `Drift.groups`; [0, 1]
        where there is one group only.
    """

    labels: np.ndarray
    upper: np.ndarray
    other: np.ndarray
    lower: np.ndarray


class Drift(NamedTuple):
    """How far centroids have moved since the start, rounded up.

    Attributes:
      own: float32 [k], each centroid.
      others: float32 [k], at each step the one of all others that moved most.
      groups: float32 [t], at each step the one of the group that moved most.
    """

    own: np.ndarray
    others: np.ndarray
    groups: np.ndarray


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
    """Working memory for a block of rows: their indices, positions, values and scores."""

    at: np.ndarray
    own: np.ndarray
    before: np.ndarray
    gathered: np.ndarray
    norms: np.ndarray
    scores: np.ndarray
    values: np.ndarray
    places: np.ndarray
    members: np.ndarray
    counts: np.ndarray


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
    total = np.float64(0)
    for j in range(x.shape[0]):
        difference = np.float64(x[j]) - np.float64(y[j])
        total += difference * difference
    return total


@_any_order
def fill_norms(rows: np.ndarray, norms: np.ndarray) -> None:
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
    """The nearest by float64 of those that score at most `reach`; ties: the lowest original."""
    values, half_norms, original = centroids.values, centroids.half_norms, centroids.original
    least = np.float64(np.inf)
    for j in range(len(values)):
        if half_norms[j] - dot(x, values[j]) <= reach:
            distance = _exact_squared_distance(x, values[j])
            least = distance if distance < least else least
    least *= np.float64(1 + (len(x) + 2) * 2.0**-52)  # see distances.tie_factor
    best = -1
    for j in range(len(values)):
        if half_norms[j] - dot(x, values[j]) <= reach:
            tied = _exact_squared_distance(x, values[j]) <= least
            if tied and (best < 0 or original[j] < original[best]):
                best = j
    return best


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
def _store_lower(distances: np.ndarray, drift: np.float32) -> None:
    for i in range(distances.shape[0]):
        distances[i] = _stored_lower(distances[i], drift)


@_in_order
def _by_group(
    centroids: Centroids, drift: Drift, room: _Room, scores: np.ndarray, errors: np.ndarray
) -> np.ndarray:
    """Folds scores [k, b] group by group; returns the groups' stored lower bounds [2 t, b].

    The first t are those of all members, the others those without the nearest of the group.
    """
    groups = len(centroids.offsets) - 1
    count = scores.shape[1]
    lows = room.values[5:].reshape(-1)[: 2 * groups * count].reshape((2 * groups, count))
    best, runner_up = room.values[0, :count], room.values[1, :count]
    winner, home = room.places[0, :count], room.places[1, :count]
    for g in range(groups):
        first, last = centroids.offsets[g], centroids.offsets[g + 1]
        two_least(
            scores[first:last], centroids.half_norms, _SUBTRACT, first,
            lows[g], lows[groups + g], room.places[2 + g, :count],
        )  # fmt: skip
    zeros = np.zeros(groups, np.float32)
    two_least(lows[:groups], zeros, _ADD, 0, best, runner_up, home)
    places, norms = room.places, room.norms[:count]
    for i in range(count):
        winner[i] = places[2 + home[i], i]
        runner_up[i] = min(runner_up[i], lows[groups + home[i], i])
    for g in range(2 * groups):
        _distances(lows[g], norms, errors, _SUBTRACT, lows[g])
        _store_lower(lows[g], drift.groups[g % groups])
    return lows


@_in_order
def _contested(
    best: np.ndarray, runner_up: np.ndarray, x: np.ndarray, centroids: Centroids,
    errors: np.ndarray, distance: np.ndarray, winner: np.ndarray, home: np.ndarray,
) -> None:  # fmt: skip
    """Decides in float64 where the two nearest are closer than rounding; home becomes -1."""
    rounding = _rounding(x.shape[1])
    for i in range(len(best)):
        if runner_up[i] <= distance[i]:
            new = _exactly_nearest(x[i], centroids, best[i] + errors[i])
            winner[i] = new
            home[i] = -1
            runner_up[i] = _ZERO
            exact = np.sqrt(squared_distance(x[i], centroids.values[new]))
            distance[i] = exact * (_ADD + rounding)


@_in_order
def _keep(
    index: np.ndarray, winner: np.ndarray, distance: np.ndarray, runner_up: np.ndarray,
    own_drift: np.ndarray, others_drift: np.ndarray, labels: np.ndarray, upper: np.ndarray,
    other: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(winner)):
        r, new = index[i], winner[i]
        labels[r] = new
        upper[r] = _stored_upper(distance[i], own_drift[new])
        other[r] = _stored_lower(runner_up[i], others_drift[new])


@_in_order
def _keep_lower(index: np.ndarray, home: np.ndarray, lows: np.ndarray, lower: np.ndarray) -> None:
    groups = lower.shape[1]
    for i in range(len(home)):
        r = index[i]
        for g in range(groups):
            lower[r, g] = lows[g, i]
        if home[i] >= 0:
            lower[r, home[i]] = lows[groups + home[i], i]


@_in_order
def _assign_fully(
    index: np.ndarray, x: np.ndarray, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room,
) -> None:  # fmt: skip
    """Assigns the rows x [b, d], whose places are index [b], by one matmul with all centroids."""
    count, width = x.shape
    scores = room.scores[: len(centroids.values) * count].reshape((-1, count))
    best, runner_up = room.values[0, :count], room.values[1, :count]
    errors, distance = room.values[2, :count], room.values[3, :count]
    winner, home = room.places[0, :count], room.places[1, :count]
    norms = room.norms[:count]
    np.dot(centroids.columns.T, x.T, scores)
    _errors(norms, centroids.longest, width, errors)
    lows = scores
    if len(centroids.offsets) == 2:
        two_least(scores, centroids.half_norms, _SUBTRACT, 0, best, runner_up, winner)
    else:
        lows = _by_group(centroids, drift, room, scores, errors)
    _distances(best, norms, errors, _ADD, distance)
    _distances(runner_up, norms, errors, _SUBTRACT, runner_up)
    _contested(best, runner_up, x, centroids, errors, distance, winner, home)
    _keep(
        index, winner, distance, runner_up, drift.own, drift.others,
        bounds.labels, bounds.upper, bounds.other,
    )  # fmt: skip
    if len(centroids.offsets) > 2:
        _keep_lower(index, home, lows, bounds.lower)


@_in_order
def _score_group(
    g: int, rows: np.ndarray, centroids: Centroids, labels: np.ndarray, room: _Room
) -> None:
    """The two least scores of a group's centroids, but for the own one, of the group's members.

    They are left in values[0] and values[1], and the nearest's position in places[0].
    """
    m, width = room.counts[g], rows.shape[1]
    first, last = centroids.offsets[g], centroids.offsets[g + 1]
    x = room.gathered.reshape(-1)[: m * width].reshape((m, width))
    scores = room.scores[: (last - first) * m].reshape((last - first, m))
    index, members = room.at, room.members[g]
    for q in range(m):
        source = rows[index[members[q]]]
        for j in range(width):
            x[q, j] = source[j]
    np.dot(centroids.values[first:last], x.T, scores)
    for q in range(m):
        label = labels[index[members[q]]]
        if first <= label < last:
            scores[label - first, q] = -_INF
    two_least(
        scores, centroids.half_norms, _SUBTRACT, first,
        room.values[0, :m], room.values[1, :m], room.places[0, :m],
    )  # fmt: skip


@_in_order
def _merge_group(g: int, norms: np.ndarray, bounds: Bounds, drift: Drift, room: _Room) -> None:
    """Lets a group's nearest compete with the best of the groups before (values[2..5])."""
    best, runner_up, errors, after = room.values[2], room.values[3], room.values[4], room.values[5]
    least, second, arg, winner = room.values[0], room.values[1], room.places[0], room.places[1]
    index, members, lower, moved = room.at, room.members[g], bounds.lower, drift.groups[g]
    for q in range(room.counts[g]):
        p = members[q]
        r = index[p]
        low = norms[r] + 2 * least[q]
        lower[r, g] = _stored_lower(_root(low - errors[p]), moved)
        if low < best[p]:
            after[p] = norms[r] + 2 * second[q]
            runner_up[p] = min(best[p], after[p])
            best[p] = low
            winner[p] = arg[q]
        elif low < runner_up[p]:
            runner_up[p] = low


@_in_order
def _relabel(
    p: int, new: int, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room,
) -> None:  # fmt: skip
    """Gives a row of the block a new label, and the bounds that go with it."""
    r = room.at[p]
    label, rounding = bounds.labels[r], _rounding(points.rows.shape[1])
    if new == room.places[1, p]:
        g = centroids.group_of[new]
        without_new = _root(room.values[5, p] - room.values[4, p])
        bounds.lower[r, g] = _stored_lower(without_new, drift.groups[g])
    g = centroids.group_of[label]
    left = _stored_lower(room.own[p] * (1 - 2 * rounding), drift.groups[g])
    bounds.lower[r, g] = min(bounds.lower[r, g], left)
    distance = np.sqrt(squared_distance(points.rows[r], centroids.values[new])) * (1 + rounding)
    bounds.labels[r] = new
    bounds.upper[r] = _stored_upper(distance, drift.own[new])


@_in_order
def _assign_by_group(
    kept: int, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift, room: _Room
) -> None:
    """Assigns rows index[:kept], asking only groups that could be nearer than the own centroid."""
    rounding = _rounding(points.rows.shape[1])
    best, runner_up, errors = room.values[2], room.values[3], room.values[4]
    index, own, winner, norms = room.at, room.own, room.places[1], points.norms
    labels, other, lower = bounds.labels, bounds.other, bounds.lower
    others_drift, group_drift, longest = drift.others, drift.groups, centroids.longest
    for p in range(kept):
        reach = np.sqrt(norms[index[p]]) + longest
        errors[p] = rounding * reach * reach
        best[p] = own[p] * own[p]
        runner_up[p] = _INF
        winner[p] = labels[index[p]]
    for g in range(len(centroids.offsets) - 1):
        if room.counts[g]:
            _score_group(g, points.rows, centroids, labels, room)
            _merge_group(g, norms, bounds, drift, room)
    for p in range(kept):
        r = index[p]
        new = winner[p]
        # The own distance is an upper bound, the others are within one error.
        if runner_up[p] - best[p] <= 4 * errors[p]:
            new = _exactly_nearest(points.rows[r], centroids, (best[p] - norms[r]) / 2 + errors[p])
        if new != labels[r]:
            _relabel(p, new, points, centroids, bounds, drift, room)
        least = _least_lower(lower[r], group_drift)
        other[r] = _stored_lower(max(least, _ZERO), others_drift[new])


@compiled(fastmath={'nnan', 'nsz'})
def _least_lower(lower: np.ndarray, drift: np.ndarray) -> np.float32:
    least = _INF
    for g in range(lower.shape[0]):
        bound = lower[g] - drift[g]
        least = bound if bound < least else least
    return least


@_in_order
def _pairs_within(
    lower: np.ndarray, drift: np.ndarray, offsets: np.ndarray, distance: np.float32
) -> int:
    """How many centroids stand in groups that may reach into `distance`."""
    pairs = 0
    for g in range(lower.shape[0]):
        pairs += offsets[g + 1] - offsets[g] if lower[g] - drift[g] <= distance else 0
    return pairs


@_in_order
def _list_members(kept: int, bounds: Bounds, drift: Drift, room: _Room) -> None:
    members, counts, index, own = room.members, room.counts, room.at, room.own
    lower, group_drift = bounds.lower, drift.groups
    counts[:] = 0
    for p in range(kept):
        r, within = index[p], own[p] * _WIDER
        for g in range(len(counts)):
            members[g, counts[g]] = p
            counts[g] += lower[r, g] - group_drift[g] <= within


@_in_order
def _assign_block(
    kept: int, fully: bool, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room,
) -> None:  # fmt: skip
    if not fully:
        _list_members(kept, bounds, drift, room)
        _assign_by_group(kept, points, centroids, bounds, drift, room)
        return
    index, norms, row_norms, rows = room.at[:kept], room.norms, points.norms, points.rows
    x = rows[index[0] : index[0] + kept]
    if index[kept - 1] - index[0] >= kept:
        x = room.gathered[:kept]
        for p in range(kept):
            source = rows[index[p]]
            for j in range(source.shape[0]):
                x[p, j] = source[j]
    for p in range(kept):
        norms[p] = row_norms[index[p]]
    _assign_fully(index, x, centroids, bounds, drift, room)


@_in_order
def _move(
    x: np.ndarray, weight: float, new: int, sums: np.ndarray, weights: np.ndarray,
    energies: np.ndarray, rows: np.ndarray,
) -> None:  # fmt: skip
    """Adds a row to a cluster; with a negative weight: takes it away."""
    energy = np.float64(0)
    for j in range(x.shape[0]):
        value = np.float64(x[j])
        energy += value * value
        sums[new, j] += weight * value
    energies[new] += weight * energy
    weights[new] += weight
    rows[new] += np.int64(np.sign(weight))


@_in_order
def _settle(
    kept: int, pairs: int, points: Points, centroids: Centroids, bounds: Bounds, drift: Drift,
    room: _Room, totals: Totals,
) -> int:  # fmt: skip
    """Assigns the block's rows and moves those with a new label; returns how many those are."""
    index, before, labels, rows = room.at, room.before, bounds.labels, points.rows
    row_weights, weighted = points.weights, len(points.weights) > 0
    sums, weights, energies, counts = totals.sums, totals.weights, totals.energies, totals.rows
    for p in range(kept):
        before[p] = labels[index[p]]
    fully = pairs > _FULL_SHARE * len(centroids.values) * kept
    _assign_block(kept, fully, points, centroids, bounds, drift, room)
    moved = 0
    for p in range(kept):
        r = index[p]
        old, new = before[p], labels[r]
        if new != old:
            moved += 1
            weight = row_weights[r] if weighted else 1.0
            _move(rows[r], weight, new, sums, weights, energies, counts)
            if old >= 0:
                _move(rows[r], -weight, old, sums, weights, energies, counts)
    return moved


@_in_order
def _room_for(block: int, width: int, centroids: Centroids) -> _Room:
    k, groups = len(centroids.values), len(centroids.offsets) - 1
    return _Room(
        np.empty(block, np.int64),
        np.empty(block, np.float32),
        np.empty(block, np.int32),
        np.empty((block, width), np.float32),
        np.empty(block, np.float32),
        np.empty(k * block, np.float32),
        np.empty((6 + 2 * groups, block), np.float32),
        np.empty((2 + groups, block), np.int32),
        np.empty((groups, block), np.int32),
        np.zeros(groups, np.int64),
    )


@_in_order
def assign_segment(
    start: int, stop: int, block: int, points: Points, centroids: Centroids, bounds: Bounds,
    drift: Drift, totals: Totals,
) -> int:  # fmt: skip
    """Assigns rows start..stop to their nearest centroids, and books those that move.

    Args:
      start: the first row.
      stop: after the last row.
      block: how many rows are scored at once.
      points: all rows.
      centroids: float32, by group.
      bounds: of all rows; those of start..stop are read and written.
      drift: of the centroids.
      totals: takes what moved from cluster to cluster, in the order of the rows.

    Returns:
      How many rows have a new cluster.
    """
    room = _room_for(block, points.rows.shape[1], centroids)
    rows, labels, upper, other = points.rows, bounds.labels, bounds.upper, bounds.other
    lower, values, offsets = bounds.lower, centroids.values, centroids.offsets
    own_drift, others_drift, group_drift = drift.own, drift.others, drift.groups
    index, own, k, groups = room.at, room.own, len(values), len(offsets) - 1
    outward = _ADD + _rounding(rows.shape[1])
    moved, kept, pairs = 0, 0, 0
    looked, spared, blocks = 0, 0, 0
    for r in range(start, stop):
        label, distance, found = labels[r], _INF, k
        if label >= 0:
            apart = other[r] - others_drift[label]
            if (upper[r] + own_drift[label]) * _WIDER < apart:
                continue
        # A look at the own centroid may spare the others, unless it hardly ever does.
        if label >= 0 and (groups > 1 or spared * 16 >= looked or blocks % 8 == 0):
            looked += 1
            distance = np.sqrt(squared_distance(rows[r], values[label])) * outward
            upper[r] = _stored_upper(distance, own_drift[label])
            if distance * _WIDER < apart:
                spared += 1
                continue
            if groups > 1:
                found = _pairs_within(lower[r], group_drift, offsets, distance * _WIDER)
            if found == 0:
                other[r] = _stored_lower(_least_lower(lower[r], group_drift), others_drift[label])
                continue
        index[kept] = r
        own[kept] = distance
        kept += 1
        pairs += found
        if kept == block:
            moved += _settle(kept, pairs, points, centroids, bounds, drift, room, totals)
            kept, pairs, blocks = 0, 0, blocks + 1
    if kept:
        moved += _settle(kept, pairs, points, centroids, bounds, drift, room, totals)
    return moved
