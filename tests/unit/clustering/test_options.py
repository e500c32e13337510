"""Validation of `KMeansOptions`."""

import json

import numpy as np
import pytest

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.errors import ParameterError


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'num_clusters': 0}, 'num_clusters must be an integer of at least 1, got 0'),
        ({'num_clusters': True}, 'num_clusters must be an integer of at least 1, got True'),
        ({'num_clusters': 2.0}, 'num_clusters must be an integer'),
        ({}, 'num_clusters is missing'),
        ({'distance_metric': 'l1'}, "distance_metric must be one of 'squared_euclidean', 'cosine'"),
        ({'initial_clusters': 'best'}, "initial_clusters must be one of 'kmeans_plus_plus'"),
        ({'initial_clusters': [[1.0], [2.0, 3.0]]}, 'initial_clusters must be one of'),
        ({'initial_clusters': [[1.0], [float('nan')]]}, 'rows of finite numbers'),
        ({'initial_clusters': [[1.0]]}, 'num_clusters is 2, but initial_clusters has 1 rows'),
        (
            {'initial_clusters': [[1.0], [2.0]], 'num_restarts': 2},
            'num_restarts is 2, but initial_clusters is a list',
        ),
        ({'relative_tolerance': -1.0}, 'relative_tolerance must be a finite number of at least 0'),
        ({'relative_tolerance': float('nan')}, 'relative_tolerance must be a finite number'),
        ({'max_iterations': 0}, 'max_iterations must be an integer of at least 1'),
        ({'num_restarts': 0}, 'num_restarts must be an integer of at least 1'),
        ({'seed': 2**63}, 'seed must fit in 64 bits'),
        ({'seed': -1}, 'seed must be an integer of at least 0'),
        ({'kmeans_plus_plus_num_retries': 0.5}, 'kmeans_plus_plus_num_retries must be an integer'),
    ],
)
def test_an_invalid_value_is_rejected_by_name(given, message):
    options = given if given == {} else {'num_clusters': 2, **given}
    with pytest.raises(ValueError) as refused:
        KMeansOptions(**options)
    assert message in str(refused.value)


def test_k_is_the_number_of_rows_if_omitted():
    assert KMeansOptions(initial_clusters=[[0.0], [1.0], [2.0]]).k == 3


@pytest.mark.parametrize(('retries', 'candidates'), [(0, 1), (2, 3), (-1, 2 + 2)])
def test_candidates_per_draw(retries, candidates):
    options = KMeansOptions(num_clusters=10, kmeans_plus_plus_num_retries=retries)
    assert options.candidates_per_draw() == candidates


def test_numpy_numbers_become_python_numbers():
    options = KMeansOptions(
        num_clusters=np.int64(3),
        seed=np.uint64(7),
        relative_tolerance=np.float64(0.5),
        use_mini_batch=np.True_,
    )
    assert {type(options.num_clusters), type(options.seed)} == {int}
    assert type(options.relative_tolerance) is float
    assert options.use_mini_batch is True
    json.dumps(options.to_json())


@pytest.mark.parametrize('value', [np.True_, np.float64(3), np.datetime64('2024-01-01'), '3'])
def test_what_is_not_an_integer_is_rejected_from_numpy_too(value):
    with pytest.raises(ParameterError, match='seed must be an integer of at least 0, got '):
        KMeansOptions(num_clusters=2, seed=value)
