"""Numbers that float32 cannot hold, from the trainer to the served model and its validation."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.errors import DataError, PrecisionError

LABELS = np.repeat([0, 1, 2], 300)

SCHEMA = """
feature {{ name: "time" type: INT presence {{ min_fraction: 1.0 }} shape {{}} }}
feature {{ name: "size" type: {size} presence {{ min_fraction: 1.0 }} shape {{}} }}
"""


def example(time, size):
    made = tf.train.Example()
    made.features.feature['time'].int64_list.value.append(int(time))
    if isinstance(size, (int, np.integer)):
        made.features.feature['size'].int64_list.value.append(int(size))
    else:
        made.features.feature['size'].float_list.value.append(float(size))
    return made.SerializeToString()


def chain(workshop, times, sizes, monkeypatch, **options):
    """Trains, exports and validates; the payload, the loaded model and the verdict."""
    size = 'INT' if isinstance(sizes[0], (int, np.integer)) else 'FLOAT'
    monkeypatch.setattr('tests.contracts.conftest.SCHEMA', SCHEMA.format(size=size))
    records = [example(time, size) for time, size in zip(times, sizes, strict=True)]
    examples = workshop.written('examples', 'eval', records)
    trained = workshop.train(
        examples, num_clusters=3, splits=['eval'], exclude_features=[], **options
    )
    model = workshop.export(trained.centroids)
    verdict = workshop.validate(model, trained.centroids, examples)
    loaded = tf.saved_model.load(f'{model.uri}/Format-Serving')
    return read_payload(trained.centroids.uri), loaded, verdict, records


def check_chain(workshop, times, sizes, monkeypatch):
    payload, loaded, verdict, records = chain(workshop, times, sizes, monkeypatch)
    rows = np.c_[np.array(sizes, object) - sizes[0], np.array(times, object) - times[0]].astype(
        float
    )
    answer = loaded.signatures['examples'](examples=tf.constant(records))
    index = answer['cluster_index'].numpy()
    assert len({*zip(index, LABELS, strict=True)}) == 3, 'the same clusters'
    means = np.array([rows[index == k].mean(axis=0) for k in range(3)])
    distance = np.square(rows - means[index]).sum(axis=1)
    np.testing.assert_allclose(payload.metadata.inertia, distance.sum(), rtol=1e-4)
    scale = np.square(np.ptp(rows, axis=0)).sum()
    np.testing.assert_allclose(answer['distance'], distance, rtol=1e-3, atol=1e-6 * scale)
    raw = loaded.signatures['raw'](
        time=tf.constant(times, tf.int64),
        size=tf.constant(sizes, tf.int64 if payload.wide and sizes[0] > 1e6 else None),
    )
    np.testing.assert_array_equal(raw['cluster_index'], index)
    assert not verdict.failed, verdict.checks
    assert verdict.blessing.get_int_custom_property('blessed') == 1
    return payload, loaded


def test_timestamps_beside_small_numbers(workshop, monkeypatch):
    rng = np.random.default_rng(0)
    times = 1_700_000_000 + np.array([0, 20, 40])[LABELS] + rng.integers(3, size=900)
    payload, loaded = check_chain(
        workshop, times, rng.normal(size=900).astype('f').tolist(), monkeypatch
    )
    assert payload.wide
    rows = loaded.signatures['preprocess'](examples=tf.constant([example(1_700_000_001, 0.5)]))[
        'features'
    ]
    assert rows.dtype == tf.float64
    assert rows.numpy().tolist() == [[0.5, 1_700_000_001.0]]


def test_ids_beyond_the_integers_of_float32(workshop, monkeypatch):
    times = 2**24 + 1 + np.array([0, 50, 100])[LABELS]
    sizes = (2**50 + 1 + np.arange(900) % 7).tolist()
    check_chain(workshop, times, sizes, monkeypatch)


@pytest.mark.parametrize('power', [54, 60])
def test_integers_that_served_rows_would_round_are_refused_by_name(workshop, monkeypatch, power):
    times = 2**power + np.array([0, 50, 100])[LABELS] + np.arange(900) % 3
    with pytest.raises(PrecisionError, match=r"Column 'time' has integers of about .*multiples of"):
        chain(workshop, times, np.zeros(900).tolist(), monkeypatch)
    assert not list((workshop.folder / 'model').iterdir())


BIG = """
feature { name: "key" type: INT presence { min_fraction: 1.0 } shape {} }
feature { name: "other" type: INT presence { min_fraction: 1.0 } shape {} }
feature { name: "id" type: INT presence { min_fraction: 1.0 } shape {} }
feature { name: "ids" type: INT }
"""
MIN, MAX = -(2**63), 2**63 - 1


def big_example(**values):
    made = tf.train.Example()
    for name, value in values.items():
        made.features.feature[name].int64_list.value.extend(np.ravel(value).tolist())
    return made.SerializeToString()


def test_integers_of_63_bits_are_clustered_served_and_passed_through_exactly(workshop, monkeypatch):
    monkeypatch.setattr('tests.contracts.conftest.SCHEMA', BIG)
    rng = np.random.default_rng(0)
    keys = rng.integers(-(2**61), 2**61, size=(600, 2))
    ids = rng.integers(2**62, MAX, size=600)
    ids[:4] = [MAX, MIN + 1, 2**53 + 1, 0]
    records = [
        big_example(key=key, other=other, id=one, ids=[one, 2**53 + 1][: index % 3])
        for index, ((key, other), one) in enumerate(zip(keys.tolist(), ids.tolist(), strict=True))
    ]
    # The smallest int64 marks a missing value.
    eval_records = [*records[3:], *records[:3], big_example(key=MIN, other=1, id=2)]
    trained = workshop.train(
        workshop.written('train', 'train', records), num_clusters=3, features=['key', 'other']
    )
    examples = workshop.written('eval', 'eval', eval_records)
    model = workshop.export(trained.centroids, passthrough_features=['id', 'ids'])
    verdict = workshop.validate(model, trained.centroids, examples)
    assert not verdict.failed, verdict.checks
    loaded = tf.saved_model.load(f'{model.uri}/Format-Serving')
    answer = loaded.signatures['examples'](examples=tf.constant(records))
    padded = [([one, 2**53 + 1][: index % 3] + [MIN] * 2)[:2] for index, one in enumerate(ids)]
    raw = loaded.signatures['raw'](
        key=tf.constant(keys[:, 0]),
        other=tf.constant(keys[:, 1]),
        id=tf.constant(ids),
        ids=tf.constant(np.array(padded, np.int64)),
    )
    centroids = read_payload(trained.centroids.uri).centroids.astype(float)
    distances = np.square(keys[:, None].astype(float) - centroids).sum(axis=2)
    for found in (answer, raw):
        assert found['id'].numpy().tolist() == ids.tolist()
        assert found['ids'].numpy().tolist() == padded
        np.testing.assert_array_equal(found['cluster_index'], distances.argmin(axis=1))
    missing = loaded.signatures['examples'](examples=tf.constant(eval_records[-1:]))
    assert missing['cluster_index'].numpy().tolist() == [-1]


@pytest.mark.parametrize('precision', ['float16', 'int8'])
def test_reduced_precision_is_that_of_the_differences(workshop, monkeypatch, precision):
    rng = np.random.default_rng(0)
    times = 1_700_000_000 + np.array([0, 20, 40])[LABELS] + rng.integers(3, size=900)
    sizes = rng.normal(size=900).astype('f').tolist()
    monkeypatch.setattr('tests.contracts.conftest.SCHEMA', SCHEMA.format(size='FLOAT'))
    records = [example(time, size) for time, size in zip(times, sizes, strict=True)]
    examples = workshop.written('examples', 'eval', records)
    trained = workshop.train(examples, num_clusters=3, splits=['eval'], exclude_features=[])
    model = workshop.export(trained.centroids, examples=examples, precision=precision)
    loaded = tf.saved_model.load(f'{model.uri}/Format-Serving')
    index = loaded.signatures['examples'](examples=tf.constant(records))['cluster_index'].numpy()
    assert len({*zip(index, LABELS, strict=True)}) == 3
    verdict = workshop.validate(model, trained.centroids, examples)
    assert not verdict.failed, verdict.checks


def test_the_trainer_refuses_what_float32_cannot_carry(workshop, monkeypatch):
    times = np.where(np.arange(900) % 2, 0, 10**9) + np.arange(900) % 3
    with pytest.raises(DataError, match=r"Column 'time' has values that are too far apart"):
        chain(workshop, times, [0.0] * 900, monkeypatch)
    folder = workshop.folder / 'centroids'
    assert not [path for path in folder.rglob('*') if path.is_file()]


def test_zero_inertia_and_constant_columns_are_reported(workshop, monkeypatch):
    _, _, verdict, _ = chain(workshop, LABELS * 10, [2.5] * 900, monkeypatch)
    by_name = {check['name']: check for check in verdict.checks}
    assert not by_name['nonzero_inertia']['passed']
    assert by_name['nonzero_inertia']['mode'] == 'warn'
    assert 'one value only: size' in by_name['varying_inputs']['found']
    assert verdict.blessing.get_int_custom_property('blessed') == 1
    warned = verdict.blessing.get_string_custom_property('warned_checks').split(',')
    assert {'nonzero_inertia', 'varying_inputs'} <= set(warned)
