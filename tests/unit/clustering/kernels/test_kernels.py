"""The kernels of every instruction set, compared with float64 NumPy by the definition.

What the compiled kernels return has the same bits for every instruction set.
"""

import numpy as np
import pytest

from tfx_kmeans.clustering.kernels.choice import kernels_named
from tfx_kmeans.clustering.kernels.interface import Bounds, Movement, Neighbours, Points, Totals
from tfx_kmeans.clustering.kernels.library import LEVELS, best_level

SUPPORTED = LEVELS[: LEVELS.index(best_level()) + 1]
ALL = ('numpy', *SUPPORTED)

# Numbers of rows, columns and points at and around the sizes of blocks and tiles, and small ones.
SHAPES = [
    (n, d, k)
    for n in (1, 5, 64, 65, 200)
    for d in (1, 3, 4, 8, 13, 16, 35)
    for k in (1, 2, 3, 6, 7, 13)
] + [(500, 100, 150), (130, 260, 20), (64, 4, 600)]


@pytest.fixture(params=ALL)
def kernels(request):
    return kernels_named(request.param)


def gaussian(n, d, rng):
    return rng.normal(scale=3, size=(n, d)).astype('f')


def on_a_grid(n, d, rng):
    """Small integers: many rows are equally far from two points."""
    return rng.integers(-2, 3, size=(n, d)).astype('f')


def far_away(n, d, rng):
    """Rows whose float32 scores lose most of their digits."""
    return (1000 + rng.normal(scale=1e-2, size=(n, d))).astype('f')


def data(kind, n, d, k, weighted, seed=0):
    rng = np.random.default_rng(seed)
    rows = kind(n, d, rng)
    points = np.concatenate([rows[rng.integers(n, size=k // 2)], kind(k - k // 2, d, rng)])
    weights = rng.integers(0, 3, size=n) * 0.7 if weighted else None
    return rows, weights, Points.of(points)


def squared(rows, points):
    return np.square(rows[:, None].astype(float) - points[None].astype(float)).sum(axis=2)


def assigned(kernels, rows, weights, points, before):
    k, d = points.values.shape
    totals, labels = Totals(np.zeros((k, d)), np.zeros(k), np.zeros(k)), before.copy()
    moved = kernels.assign(rows, weights, points, labels, totals)
    return moved, labels, *totals


KINDS = pytest.mark.parametrize('kind', [gaussian, on_a_grid, far_away])
WEIGHTED = pytest.mark.parametrize('weighted', [False, True])


@KINDS
@WEIGHTED
def test_assignments_and_sums_are_those_of_the_definition(kernels, kind, weighted):
    for n, d, k in SHAPES:
        rows, weights, points = data(kind, n, d, k, weighted)
        before = np.random.default_rng(1).integers(-1, k, size=n).astype(np.int32)
        moved, labels, sums, cluster_weights, inertia = assigned(
            kernels, rows, weights, points, before
        )
        distances = squared(rows, points.values)
        least = distances.min(axis=1, keepdims=True)
        expected = (distances <= least * (1 + 1e-13)).argmax(axis=1)
        case = f'n={n} d={d} k={k}'
        np.testing.assert_array_equal(labels, expected, case)
        assert moved == np.count_nonzero(before != expected), case
        weight = np.ones(n) if weights is None else weights
        member = np.eye(k)[expected] * weight[:, None]
        np.testing.assert_allclose(sums, member.T @ rows.astype(float), rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(cluster_weights, member.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(inertia, member.T @ least[:, 0], rtol=1e-12, atol=1e-12)
        found, distance = kernels.nearest(rows, points)
        np.testing.assert_array_equal(found, expected, case)
        np.testing.assert_allclose(distance, least[:, 0], rtol=1e-12, atol=1e-12)


def drifting(kernels, rows, weights, points, use_bounds):
    """Labels and the bytes of all totals while a few points move far and the rest little."""
    rng = np.random.default_rng(5)
    n, (k, d) = len(rows), points.values.shape
    bounds, labels = Bounds(np.zeros(n, 'f'), np.zeros(n, 'f')), np.full(n, -1, np.int32)
    values, seen = points.values.astype(float), []
    for index in range(6):
        far = rng.choice(k, size=(index % 3) * k // 8, replace=False)
        steps = rng.normal(scale=1e-3, size=(k, d))
        steps[far] = rng.normal(scale=2, size=(len(far), d))
        moved_to = (values + (steps if index else 0)).astype('f')
        length = np.sqrt(np.square(moved_to.astype(float) - values).sum(axis=1)) * (1 + 1e-6)
        values, current = moved_to.astype(float), Points.of(moved_to)
        length[far] = 0
        others = [np.delete(length, j).max(initial=0) for j in range(k)]
        slow = np.nextafter(np.array(others, 'f'), np.float32(np.inf))
        fast = Points.of(moved_to[far]) if len(far) else None
        movement = Movement(fast, far.astype(np.int32), slow if index else None)
        totals = Totals(np.zeros((k, d)), np.zeros(k), np.zeros(k))
        given = rows, weights, current, labels, totals
        moved = kernels.assign_bounded(*given, movement, bounds) if use_bounds else (
            kernels.assign(*given))  # fmt: skip
        distances = np.sqrt(squared(rows, moved_to))
        own = distances[np.arange(n), labels]
        distances[np.arange(n), labels] = np.inf
        if use_bounds and kernels.name != 'numpy':
            assert (bounds.lower <= distances.min(axis=1)).all()
            assert (bounds.upper >= own).all()
        seen += [moved, labels.tobytes(), *(total.tobytes() for total in totals)]
    return seen


@KINDS
@WEIGHTED
def test_bounds_change_no_bit_of_the_result(kernels, kind, weighted):
    for n, d, k in [(1, 3, 2), (70, 1, 1), (300, 8, 30), (2500, 5, 24), (1100, 35, 60)]:
        rows, weights, points = data(kind, n, d, k, weighted)
        with_bounds, without = (drifting(kernels, rows, weights, points, use) for use in (1, 0))
        assert with_bounds == without, f'n={n} d={d} k={k}'


def test_bounds_spare_most_rows_the_comparison():
    """A lower bound that was not merely reduced by the movement comes from a comparison."""
    rng, kernels = np.random.default_rng(0), kernels_named(best_level())
    rows = rng.normal(size=(4000, 6)).astype('f')
    points = Points.of(rows[:40].copy())
    bounds, labels = Bounds(np.zeros(4000, 'f'), np.zeros(4000, 'f')), np.full(4000, -1, np.int32)
    totals = Totals(np.zeros((40, 6)), np.zeros(40), np.zeros(40))
    none = np.empty(0, np.int32)
    kernels.assign_bounded(rows, None, points, labels, totals, Movement(None, none, None), bounds)
    before = bounds.lower.copy()
    small = Movement(None, none, np.full(40, 1e-3, 'f'))
    kernels.assign_bounded(rows, None, points, labels, totals, small, bounds)
    compared = np.count_nonzero(bounds.lower > before - np.float32(5e-4))
    assert compared < 0.05 * len(rows)


@pytest.mark.parametrize('scale', [1e-22, 1e-19, 1.0, 1e15])
@pytest.mark.parametrize('far', [0, 1, 3])
def test_a_few_far_points_and_any_scale_leave_labels_exact(kernels, scale, far):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(700, 6))
    points = rng.normal(size=(20, 6))
    rows[:far] *= 300
    points[:far] = rows[:far] + 1
    rows, points = (rows * scale).astype('f'), (points * scale).astype('f')
    found, _ = kernels.nearest(rows, Points.of(points))
    np.testing.assert_array_equal(found, squared(rows, points).argmin(axis=1))
    weights, before = None, np.zeros(700, np.int32)
    _, labels, *_ = assigned(kernels, rows, weights, Points.of(points), before)
    np.testing.assert_array_equal(labels, found)


def test_near_ties_that_float32_cannot_decide_are_decided_by_float64(kernels):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 40)).astype('f')
    near = rows[:30] + rng.normal(scale=1e-7, size=(30, 40)).astype('f')
    points = Points.of(np.repeat(near, 2, axis=0) + np.tile([[0], [1e-7]], (30, 1)).astype('f'))
    found, _ = kernels.nearest(rows, points)
    np.testing.assert_array_equal(found, squared(rows, points.values).argmin(axis=1))


@WEIGHTED
def test_seeding_distances_are_those_of_the_definition(kernels, weighted):
    for n, d, k in SHAPES:
        rows, weights, points = data(gaussian, n, d, k, weighted)
        weight = np.ones(n) if weights is None else weights
        rng = np.random.default_rng(2)
        closest = rng.uniform(0, 2 * d * 9, n).astype('f')
        wide = np.full((k, n + 7), -1, 'f')
        totals = kernels.closest(rows, weights, points.values, closest, wide[:, 3 : n + 3])
        expected = np.minimum(squared(rows, points.values).T, closest)
        close = {'rtol': 1e-5, 'atol': 1e-4 if kernels.name == 'numpy' else 1e-9}
        np.testing.assert_allclose(wide[:, 3 : n + 3], expected, **close)
        assert (wide[:, :3] == -1).all()
        assert (wide[:, n + 3 :] == -1).all()
        np.testing.assert_allclose(totals, expected @ weight, **close)

        after, nearest = closest.copy(), np.full(n, 77, np.int32)
        kernels.fold(rows, points, 100, after, nearest)
        np.testing.assert_allclose(after, expected.min(axis=0), rtol=1e-6, atol=1e-9)
        near = squared(rows, points.values)
        closer = near.min(axis=1).astype('f') < closest
        np.testing.assert_array_equal(nearest, np.where(closer, 100 + near.argmin(axis=1), 77))


@WEIGHTED
def test_the_inertia_after_a_replacement_is_that_of_the_definition(kernels, weighted):
    for n, d, k in SHAPES:
        rows, weights, points = data(gaussian, n, d, k, weighted)
        weight = np.ones(n) if weights is None else weights
        neighbours = Neighbours(
            np.full(n, 9, np.int32), np.full(n, 9, np.int32), np.empty(n, 'f'), np.empty(n, 'f')
        )
        kernels.two_nearest(rows, np.arange(n, dtype=np.int32), points, neighbours)
        check_neighbours(rows, points.values, neighbours)
        point = rows[n // 2] + np.float32(0.5)
        distances, losses = np.empty(n, 'f'), np.zeros(k)
        kept = kernels.replacement(rows, weights, point, neighbours, distances, losses)
        np.testing.assert_allclose(distances, squared(rows, point[None])[:, 0], rtol=1e-5)
        for lost in range(min(k, 4)):
            changed = points.values.copy()
            changed[lost] = point
            expected = squared(rows, changed).min(axis=1) @ weight
            np.testing.assert_allclose(kept + losses[lost], expected, rtol=1e-5, atol=1e-5)
        changed = points.values.copy()
        changed[k // 2] = point
        affected = kernels.exchange(k // 2, distances, neighbours)
        kernels.two_nearest(rows, affected, Points.of(changed), neighbours)
        check_neighbours(rows, changed, neighbours)


def check_neighbours(rows, points, neighbours):
    distances = squared(rows, points)
    if len(points) == 1:
        assert (neighbours.second == -1).all()
        assert np.isinf(neighbours.next).all()
        return
    two = np.sort(distances, axis=1)[:, :2]
    close = {'rtol': 1e-4, 'atol': 1e-4}
    np.testing.assert_allclose(neighbours.closest, two[:, 0], **close)
    np.testing.assert_allclose(neighbours.next, two[:, 1], **close)
    rows_of = np.arange(len(rows))
    np.testing.assert_allclose(distances[rows_of, neighbours.nearest], two[:, 0], **close)
    np.testing.assert_allclose(distances[rows_of, neighbours.second], two[:, 1], **close)
    assert (neighbours.nearest != neighbours.second).all()


@WEIGHTED
def test_rows_are_summed_and_shifted(kernels, weighted):
    for n, d, k in SHAPES:
        rows, weights, _ = data(gaussian, n, d, k, weighted)
        weight = np.ones(n) if weights is None else weights
        sums = kernels.column_sums(rows, weights)
        np.testing.assert_allclose(sums, weight @ rows.astype(float), rtol=1e-12, atol=1e-12)
        shift = np.linspace(-3, 3, d).astype('f')
        shifted = rows.copy()
        assert kernels.subtract(shifted, shift) == np.abs(rows - shift).max()
        np.testing.assert_array_equal(shifted, rows - shift)


def everything(kernels, rows, weights, points):
    """The bytes of all that the kernels return."""
    n, k = len(rows), len(points.values)
    neighbours = Neighbours(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, 'f'), np.empty(n, 'f')
    )
    kernels.two_nearest(rows, np.arange(n, dtype=np.int32), points, neighbours)
    found, closest = np.empty((k, n), 'f'), np.full(n, np.inf, 'f')
    folded, nearest = closest.copy(), np.zeros(n, np.int32)
    kernels.fold(rows, points, 0, folded, nearest)
    distances, losses, shifted = np.empty(n, 'f'), np.zeros(k), rows.copy()
    kept = kernels.replacement(rows, weights, points.values[0], neighbours, distances, losses)
    arrays = [
        *assigned(kernels, rows, weights, points, np.zeros(n, np.int32)),
        *kernels.nearest(rows, points),
        kernels.closest(rows, weights, points.values, closest, found),
        *drifting(kernels, rows[:200], None if weights is None else weights[:200], points, True),
        found, folded, nearest, *neighbours, distances, losses, kept,
        kernels.column_sums(rows, weights), kernels.subtract(shifted, points.values[0]), shifted,
    ]  # fmt: skip
    return [one if isinstance(one, bytes) else np.asarray(one).tobytes() for one in arrays]


@KINDS
@WEIGHTED
@pytest.mark.parametrize('level', SUPPORTED[1:])
def test_every_instruction_set_returns_the_same_bits(level, kind, weighted):
    baseline, kernels = kernels_named('baseline'), kernels_named(level)
    for n, d, k in SHAPES:
        rows, weights, points = data(kind, n, d, k, weighted)
        expected = everything(baseline, rows, weights, points)
        assert everything(kernels, rows, weights, points) == expected, f'n={n} d={d} k={k}'
