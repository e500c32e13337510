"""`tfx_kmeans.fit`: clusters rows in memory as KMeansTrainer does."""

import functools
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

import tfx_kmeans
from tfx_kmeans.centroids import training
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.steps.graph_step import GraphStep
from tfx_kmeans.clustering.weighted_rows import WeightedRows


def every_tenth_row(block, left):
    """Chooses every tenth row of a block, up to the number left."""
    return block[::10][:left]


def test_it_gives_the_result_of_the_component_and_does_not_change_the_rows(rows):
    given = rows.copy()
    model = tfx_kmeans.fit(given, 5, num_restarts=2, seed=4)
    assert np.array_equal(given, rows)
    expected = fit_in_place(
        WeightedRows(rows.copy()), KMeansOptions(num_clusters=5, num_restarts=2, seed=4)
    )
    assert np.array_equal(model.cluster_centers(), expected.centroids)
    assert model.inertia == expected.inertia
    assert model.metadata.options['num_restarts'] == 2
    assert model.metadata.column_names == ('features[0]', 'features[1]', 'features[2]')
    theirs = KMeans(5, n_init=5, random_state=0).fit(rows.astype(float))
    assert model.inertia <= 1.05 * theirs.inertia_


def test_rows_may_be_lists_or_a_data_frame_whose_names_are_kept(rows):
    frame = pd.DataFrame(rows.astype(float), columns=['x', 'y', 'z'])
    found = tfx_kmeans.fit(frame, 3)
    assert found.metadata.column_names == ('x', 'y', 'z')
    assert [feature.name for feature in found.metadata.features] == ['x', 'y', 'z']
    listed = tfx_kmeans.fit(rows.tolist(), 3, column_names=['p', 'q', 'r'])
    assert listed.metadata.column_names == ('p', 'q', 'r')
    assert np.array_equal(listed.cluster_centers(), found.cluster_centers())


def test_sample_weight_counts_as_repetition(rows):
    weights = np.random.default_rng(0).integers(0, 4, len(rows))
    start = rows[:4].tolist()
    weighted = tfx_kmeans.fit(rows, initial_clusters=start, sample_weight=weights)
    repeated = tfx_kmeans.fit(np.repeat(rows, weights, axis=0), initial_clusters=start)
    assert math.isclose(weighted.inertia, repeated.inertia, rel_tol=1e-6)
    assert weighted.metadata.total_weight == weights.sum()


def test_one_iteration_at_a_time_gives_the_result_of_one_long_fit(rows):
    start = rows[:6].tolist()
    whole = tfx_kmeans.fit(rows, initial_clusters=start, relative_tolerance=0.0)
    model = tfx_kmeans.fit(rows, initial_clusters=start, max_iterations=1, relative_tolerance=0.0)
    for _ in range(whole.metadata.iterations + 5):
        model = tfx_kmeans.fit(rows, base_model=model, max_iterations=1, relative_tolerance=0.0)
    np.testing.assert_allclose(model.cluster_centers(), whole.cluster_centers(), rtol=1e-5)
    assert math.isclose(model.inertia, whole.inertia, rel_tol=1e-6)
    assert model.metadata.iterations == 1
    assert model.metadata.total_iterations == whole.metadata.iterations + 6
    assert model.metadata.ancestry.succession.max_distance < 1e-8
    assert not model.metadata.ancestry.aligned


def test_a_base_model_may_be_a_folder_and_its_ids_are_kept(rows, tmp_path):
    first = tfx_kmeans.fit(rows, 4, num_restarts=3, column_names=['x', 'y', 'z'])
    first.save(str(tmp_path))
    second = tfx_kmeans.fit(
        rows + 0.1, 4, base_model=str(tmp_path), align_clusters=True, seed=5, num_restarts=3
    )
    np.testing.assert_allclose(second.cluster_centers(), first.cluster_centers() + 0.1, atol=1e-3)
    ancestry = second.metadata.ancestry
    assert (ancestry.base_model, ancestry.aligned) == (str(tmp_path), True)
    np.testing.assert_allclose(ancestry.succession.distance, 0.03, rtol=0.01)
    assert second.metadata.column_names == ('x', 'y', 'z')
    assert second.metadata.total_iterations == second.metadata.iterations


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_clusters': 5}, 'its num_clusters is 4, but here it is 5'),
        ({'distance_metric': 'cosine'}, 'distance_metric is squared_euclidean, but here it is cos'),
        ({'column_names': ['x', 'y', 'w']}, r'features is features \[3\], but here it is x, y, w'),
    ],
)
def test_a_base_model_that_does_not_match_is_rejected(rows, payload, options, message):
    base = tfx_kmeans.fit(rows, 4)
    with pytest.raises(ValueError, match=message):
        tfx_kmeans.fit(rows, base_model=base, **options)


def test_a_function_may_choose_the_initial_centroids(rows):
    calls = []

    def choose(block, left):
        calls.append((block.shape, left))
        assert not block.flags.writeable
        return block[[7 * left]]

    model = tfx_kmeans.fit(np.tile(rows, (50, 1)), 3, initial_clusters=choose, max_iterations=1)
    assert calls == [((8192, 3), 3), ((8192, 3), 2), ((8192, 3), 1)]
    assert 'test_a_function_may_choose' in model.metadata.options['initial_clusters']
    here = f'{__name__}:every_tenth_row'
    sys.modules.setdefault(__name__, sys.modules.get(__name__) or _this_module())
    named = tfx_kmeans.fit(rows, 4, initial_clusters=here)
    given = tfx_kmeans.fit(rows, initial_clusters=rows[[0, 10, 20, 30]].tolist())
    assert np.array_equal(named.cluster_centers(), given.cluster_centers())


def _this_module():
    import types

    module = types.ModuleType(__name__)
    module.every_tenth_row = every_tenth_row
    return module


@pytest.mark.parametrize(
    ('returned', 'message'),
    [
        (lambda block, left: block[:0], 'has chosen only 0 of 4 centroids from all 500 rows'),
        (lambda block, left: block[:9], r'must return 0 to 4 rows of 3 numbers.* shape \[9, 3\]'),
        (lambda block, left: None, '0 to 4 rows of 3 numbers, but it has returned .*NoneType'),
        (lambda block, left: block[:4] * np.nan, 'has returned NaN or infinity'),
    ],
)
def test_a_wrong_choice_of_a_function_is_rejected(rows, returned, message):
    with pytest.raises(ValueError, match=message):
        tfx_kmeans.fit(rows, 4, initial_clusters=returned)


@pytest.mark.parametrize(
    ('rows', 'options', 'message'),
    [
        (np.ones(5), {}, r'rows must have the shape \[n, d\].* got \[5\]'),
        ([['a', 'b']], {}, 'rows must be numbers'),
        ([[1.0, np.nan], [1, 2], [3, 4]], {}, "1 of 3 rows have values.*column '1': 1 NaN"),
        ([[1e300, 1.0], [1, 2], [3, 4]], {}, "too large for float32.*'0': 1 of 3, for ex"),
        (np.eye(3), {'sample_weight': [1, 2]}, 'one number for each of the 3 rows'),
        (np.eye(3), {'sample_weight': [1, -2, 3]}, r'1 of 3 are not, the first is -2\.0 at row 1'),
        (np.eye(3), {'sample_weight': [0, 0, 0]}, 'sample_weight is 0 for all 3 rows'),
        (np.eye(3), {'column_names': ['a']}, 'column_names has 1 names, but rows have 3 columns'),
        (np.ma.array(np.eye(3), mask=np.eye(3)), {}, "missing values.*column '0': 1; "),
        (np.eye(3, dtype='M8[s]'), {}, r'rows must be numbers .* type is datetime64'),
        (np.eye(3) * 1j, {}, 'rows must be numbers .* type is complex128'),
        (np.eye(3), {'sample_weight': [1e308] * 3}, 'The sum of sample_weight may overflow'),
        (np.eye(3), {'checkpoint_dir': '/dev/null/x'}, "checkpoint_dir '/dev/null/x' cannot be"),
        (np.eye(3), {'align_clusters': True}, 'align_clusters requires a base_model'),
        (np.eye(3), {'use_mini_batch': 'yes'}, "use_mini_batch must be True or False, got 'yes'"),
        (np.eye(3), {'batch_size': 10}, 'batch_size is 10, but use_mini_batch is False'),
        (np.eye(3), {'initial_clusters': 'no_module:f'}, "names 'no_module:f', which cannot be"),
        (np.eye(3), {'initial_clusters': 'math:pi'}, "'math:pi', which is not a function"),
    ],
)
def test_invalid_arguments_are_named(rows, options, message):
    with pytest.raises(ValueError, match=message):
        tfx_kmeans.fit(rows, **{'num_clusters': 2, **options})


@pytest.mark.parametrize('given', [{'num_restarts': 2}, {'initial_clusters': 'random'}])
def test_options_without_effect_with_a_base_model_are_rejected(rows, given):
    base = tfx_kmeans.fit(rows, 4)
    with pytest.raises(ValueError, match=f'{next(iter(given))} has no effect with a base_model'):
        tfx_kmeans.fit(rows, base_model=base, **given)
    tfx_kmeans.fit(rows, base_model=base, align_clusters=True, **given)


def test_a_callable_object_may_choose_the_initial_centroids(rows):
    chosen = functools.partial(every_tenth_row)
    model = tfx_kmeans.fit(rows, 4, initial_clusters=chosen)
    assert model.metadata.options['initial_clusters'] == 'functools:partial'


def test_the_step_runs_on_a_gpu_if_tensorflow_can_use_one(rows, monkeypatch, tmp_path):
    import tensorflow as tf

    expected = tfx_kmeans.fit(rows, 4)
    made = []

    class Recorded(GraphStep):
        def __init__(self, *given):
            made.append(given)
            super().__init__(*given)

    monkeypatch.setattr(
        tf.config, 'list_physical_devices', lambda kind: ['/gpu:0'] * (kind == 'GPU')
    )
    monkeypatch.setattr('tfx_kmeans.clustering.steps.graph_step.GraphStep', Recorded)
    tfx_kmeans.fit(rows, 4)
    assert not made, 'TensorFlow is not used without a device file'
    monkeypatch.setattr(training, '_GPU_DEVICES', [tmp_path])
    found = tfx_kmeans.fit(rows, 4)
    assert made
    np.testing.assert_allclose(found.cluster_centers(), expected.cluster_centers(), rtol=1e-5)


LONG = """
import sys, numpy as np, tfx_kmeans
rows = np.random.default_rng(0).normal(size=(200_000, 32)).astype('f')
def report(restart, iteration, record):
    print('iterating', flush=True)
try:
    tfx_kmeans.fit(rows, 64, relative_tolerance=0.0, max_iterations=100_000, callback=report,
                   initial_clusters='random')
except KeyboardInterrupt:
    print('interrupted', flush=True)
"""


def test_ctrl_c_ends_a_fit_within_a_second():
    process = subprocess.Popen(
        # In the background of a shell, the tests ignore SIGINT, which child processes inherit.
        ['env', '--default-signal=INT', sys.executable, '-W', 'ignore', '-c', LONG],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, 'TF_CPP_MIN_LOG_LEVEL': '3'},
    )
    assert process.stdout.readline() == 'iterating\n'
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    lines = iter(process.stdout.readline, '')
    assert next(line for line in lines if line != 'iterating\n') == 'interrupted\n'
    assert time.monotonic() - began < 1.0
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0, errors
