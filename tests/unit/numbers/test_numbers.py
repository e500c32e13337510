"""Numbers that float32 cannot hold as they come; the right answers are those of float64."""

import numpy as np
import pytest

import tfx_kmeans

LABELS = np.repeat([0, 1, 2], 300)
CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def blobs(seed=0):
    """900 rows, three blobs with a standard deviation of 0.5."""
    return CENTERS[LABELS] + np.random.default_rng(seed).normal(scale=0.5, size=(900, 2))


def timestamps():
    rng = np.random.default_rng(0)
    seconds = np.array([0, 20, 40])[LABELS] + rng.integers(3, size=900)
    return 1_700_000_000 + seconds[:, np.newaxis]


def with_sentinel(value, every=50):
    """Blobs in which the first column of some rows holds a value that stands for a missing one."""
    rows = blobs()
    rows[::every, 0] = value
    return rows


def with_one_row(value):
    rows = blobs()
    rows[7] = value
    return rows


def inertia_of(rows, labels, weights=None):
    """By the definition, in float64, around the means of the labelled rows."""
    weights = np.ones(len(rows)) if weights is None else weights
    rows = rows.astype(np.float64) - rows[0].astype(np.float64)
    total = 0.0
    for label in np.unique(labels):
        part, of_part = rows[labels == label], weights[labels == label]
        mean = np.average(part, axis=0, weights=of_part)
        total += of_part @ np.square(part - mean).sum(axis=1)
    return total


RIGHT = {
    'as they are': (blobs(), LABELS),
    'offset 1e3': (blobs() + 1e3, LABELS),
    'offset 1e7': (blobs() + 1e7, LABELS),
    'offset -1e7': (blobs() - 1e7, LABELS),
    'offset 1e8': (blobs() + 1e8, LABELS),
    'offset 1e9': (blobs() + 1e9, LABELS),
    'offset 1e12': (blobs() + 1e12, LABELS),
    'offsets by column': (blobs() + np.array([1e9, -3e5]), LABELS),
    'integer timestamps': (timestamps(), LABELS),
    'float timestamps': (timestamps().astype(float) + 0.25, LABELS),
    'millisecond timestamps': (timestamps() * 1000, LABELS),
    'negative timestamps': (-timestamps(), LABELS),
    'ids beyond 2^24': (2**24 + 1 + np.repeat([0, 50, 100], 300)[:, np.newaxis], LABELS),
    'ids beyond 2^53': (2**53 + 1 + np.repeat([0, 50, 100], 300)[:, np.newaxis], LABELS),
    'ids near 2^62': (2**62 + 1 + np.repeat([0, 50, 100], 300)[:, np.newaxis], LABELS),
    'unsigned ids': ((2**24 + np.repeat([1, 51, 101], 300))[:, np.newaxis].astype('u4'), LABELS),
    'small integers': (np.repeat([0, 50, 100], 300)[:, np.newaxis].astype('i1'), LABELS),
    'a constant column': (np.c_[blobs(), np.full(900, 14.62)], LABELS),
    'a constant column far away': (np.c_[blobs(), np.full(900, 1e15)], LABELS),
    'times 1e-5': (blobs() * 1e-5, LABELS),
    'times 1e-12': (blobs() * 1e-12, LABELS),
    'times 1e12': (blobs() * 1e12, LABELS),
}


@pytest.mark.parametrize('name', RIGHT)
def test_the_clusters_are_those_of_float64(name):
    rows, labels = RIGHT[name]
    model = tfx_kmeans.fit(rows, 3)
    found = model.predict_cluster_index(rows)
    assert len({*zip(found, labels, strict=True)}) == 3, 'the same clusters'
    expected = inertia_of(rows, found)
    scale = max(expected, 1e-10 * np.square(np.ptp(rows.astype(float), axis=0)).sum())
    assert abs(model.inertia - expected) <= 1e-4 * scale
    assert abs(model.score(rows) - expected) <= 1e-4 * scale
    centers = np.array([rows[found == k].astype(float).mean(axis=0) for k in range(3)])
    spread = np.ptp(rows.astype(float), axis=0) + 1e-30
    limit = np.maximum(1e-4 * spread, np.abs(centers) * 2.0**-50)
    constant = np.ptp(rows, axis=0) == 0
    assert (np.abs(model.cluster_centers() - centers) <= limit)[:, ~constant].all()


@pytest.mark.parametrize('name', ['offset 1e9', 'integer timestamps', 'ids beyond 2^53'])
def test_a_saved_model_answers_the_same(name, tmp_path):
    rows, _ = RIGHT[name]
    model = tfx_kmeans.fit(rows, 3)
    model.save(tmp_path)
    loaded = tfx_kmeans.KMeansModel.load(tmp_path)
    np.testing.assert_array_equal(
        loaded.predict_cluster_index(rows), model.predict_cluster_index(rows)
    )
    np.testing.assert_array_equal(loaded.transform(rows[:9]), model.transform(rows[:9]))
    again = tfx_kmeans.fit(rows, base_model=loaded, max_iterations=1)
    assert abs(again.inertia - model.inertia) <= 1e-6 * model.inertia
    aligned = tfx_kmeans.fit(rows, base_model=loaded, align_clusters=True, seed=3)
    np.testing.assert_array_equal(
        aligned.predict_cluster_index(rows), model.predict_cluster_index(rows)
    )


@pytest.mark.parametrize(
    'rows',
    [with_sentinel(999_999_999), with_sentinel(-999_999_999), with_sentinel(1e12, every=100)],
)
def test_a_sentinel_does_not_eat_the_other_rows(rows):
    model = tfx_kmeans.fit(rows, 4)
    found = model.predict_cluster_index(rows)
    ordinary = np.abs(rows[:, 0]) < 1e6
    assert len({*zip(found[ordinary], LABELS[ordinary], strict=True)}) == 3
    expected = inertia_of(rows, found)
    assert abs(model.inertia - expected) <= 1e-4 * expected


@pytest.mark.parametrize('value', [1e7, 1e10, -1e15])
def test_one_row_far_away_does_not_eat_the_other_rows(value):
    rows = with_one_row(value)
    model = tfx_kmeans.fit(rows, 4)
    found = model.predict_cluster_index(rows)
    assert sorted(np.bincount(found)) == [1, 299, 300, 300]
    assert abs(model.inertia - inertia_of(rows, found)) <= 1e-4 * inertia_of(rows, found)


def test_weights_count_in_the_shift():
    rows, weights = blobs() + 1e9, np.random.default_rng(1).uniform(0.1, 3, 900)
    model = tfx_kmeans.fit(rows, 3, sample_weight=weights)
    expected = inertia_of(rows, model.predict_cluster_index(rows), weights)
    assert abs(model.inertia - expected) <= 1e-5 * expected


def test_initial_clusters_keep_their_digits():
    rows = blobs() + 1e9
    model = tfx_kmeans.fit(rows, initial_clusters=(CENTERS + 1e9).tolist())
    np.testing.assert_array_equal(model.predict_cluster_index(rows), LABELS)

    def choose(block, left):
        assert np.abs(block - rows[: len(block)]).max() < 1e-5
        return block[[0, 300, 600]]

    chosen = tfx_kmeans.fit(rows, 3, initial_clusters=choose)
    np.testing.assert_array_equal(chosen.predict_cluster_index(rows), LABELS)


def test_new_rows_in_float32_are_taken_as_they_are():
    model = tfx_kmeans.fit(timestamps(), 3)
    rounded = timestamps()[:5].astype(np.float32)
    expected = np.square(rounded.astype(float) - model.cluster_centers()[:, 0]).argmin(axis=1)
    np.testing.assert_array_equal(model.predict_cluster_index(rounded), expected)


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        (blobs() * 1e-20, r'All values are within .* underflow float32'),
        (blobs() * 1e20, r'overflow float32'),
        (
            np.r_[np.arange(300) % 3, 10**9 + np.arange(300) % 3][:, np.newaxis],
            r"Column 'features\[0\]' has values that are too far apart .* are rounded, for example",
        ),
        (
            np.r_[np.arange(300) % 3, 10.0**9 + np.arange(300) % 3][:, np.newaxis],
            r'too far apart for float32',
        ),
    ],
)
def test_what_float32_cannot_carry_is_refused(rows, message):
    with pytest.raises(tfx_kmeans.KMeansError, match=message):
        tfx_kmeans.fit(rows, 2)


def test_groups_far_apart_are_fine_if_they_are_as_wide():
    rows = np.r_[blobs(), blobs(1) * 1e8 + 1e12]
    model = tfx_kmeans.fit(rows, 4)
    assert abs(model.inertia - inertia_of(rows, model.predict_cluster_index(rows))) <= (
        1e-4 * model.inertia
    )


def test_columns_without_influence_are_named_in_a_warning(caplog):
    rng = np.random.default_rng(0)
    rows = np.c_[rng.uniform(1e12, 2e12, 900), rng.uniform(0, 1, 900), rng.uniform(0, 1e12, 900)]
    tfx_kmeans.fit(rows, 3, column_names=['bytes', 'ratio', 'more_bytes'])
    (record,) = [one for one in caplog.records if 'no influence' in one.getMessage()]
    named = record.getMessage().partition('influence on the clusters to ')[2]
    assert named.startswith("'ratio' (0.29")
    assert 'bytes' not in named


def test_there_is_no_warning_for_columns_of_comparable_scale(caplog):
    tfx_kmeans.fit(blobs() * [1, 100], 3)
    assert not caplog.records
