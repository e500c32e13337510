import json

import numpy as np
import pytest

from tfx_kmeans.pipelines.column_options import ColumnOptions, custom_config_of
from tfx_kmeans.pipelines.config import PipelineConfig

FOLDERS = {'data_root': 'd', 'pipeline_root': 'p', 'serving_dir': 's'}


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'num_clusters': 0}, 'num_clusters must be an integer of at least 1'),
        ({'data_root': ''}, 'data_root is empty'),
        ({'pipeline_name': 'My Pipeline'}, 'pipeline_name must consist of 1 to 128 lower-case'),
        ({'features': ['a'], 'exclude_features': ['a']}, "exclude_features both contain 'a'"),
        ({'features': []}, 'features is an empty list'),
        ({'distance_metric': 'l1'}, 'distance_metric must be one of'),
        ({'num_restarts': 0}, 'num_restarts must be an integer of at least 1'),
        ({'data_format': 'xlsx'}, "data_format must be one of 'csv', 'parquet', got 'xlsx'"),
        ({'probe_memory_mb': 0}, 'probe_memory_mb must be an integer of at least 1, got 0'),
        ({'categorical': ['city']}, 'categorical must be a dict of column names to the values'),
        ({'categorical': {'c': 'ab'}}, "categorical['c'] must be a list of values, got 'ab'"),
        ({'categorical': {'c': []}}, "categorical['c'] must have at least one value, got []"),
        ({'categorical': {'c': [None]}}, 'must have at least one value, got [None]'),
        ({'categorical': {'c': ['a', 1]}}, 'must be non-empty strings only, or integers'),
        ({'categorical': {'c': ['']}}, 'must be non-empty strings only'),
        ({'categorical': {'c': [True]}}, 'must be non-empty strings only'),
        ({'categorical': {'c': [1.0]}}, 'must be non-empty strings only'),
        ({'categorical': {'c': [2**63]}}, 'integers of 64 bits only'),
        ({'categorical': {'c': [None, 'a']}}, 'with None allowed as the last value'),
        ({'categorical': {'c': ['a', 'a']}}, "categorical['c'] contains a value twice"),
        ({'log': 'abc'}, "log must be a list of names, got 'abc'"),
        ({'clip': {'x': (1,)}}, "clip['x'] must be a lower and an upper bound"),
        ({'clip': {'x': (2, 1)}}, 'the first not above the second'),
        ({'clip': {'x': (None, None)}}, 'not both None; got (None, None)'),
        ({'clip': {'x': (0, float('inf'))}}, 'finite numbers or None'),
        ({'clip': {'x': '12'}}, "got '12'"),
        ({'vectors': {'v': []}}, "vectors['v'] must be a list of names, got []"),
        ({'vectors': {'v': ['a'], 'w': ['a']}}, 'vectors contains a name twice'),
        ({'features': ['a'], 'categorical': {'c': ['x']}}, "categorical names 'c', which features"),
        ({'features': ['a'], 'log': ['c']}, "log names 'c', which features does not contain"),
        ({'features': ['a'], 'clip': {'c': (0, 1)}}, "clip names 'c', which features does not"),
        ({'log': ['c'], 'exclude_features': ['c']}, "log and exclude_features both contain 'c'"),
        ({'categorical': {'c': [1]}, 'log': ['c']}, "categorical and log both contain 'c'"),
        ({'categorical': {'c': [1]}, 'clip': {'c': (0, 1)}}, 'categorical and clip both contain'),
        ({'categorical': {'c': [1]}, 'vectors': {'v': ['c']}}, 'categorical and vectors both'),
    ],
)
def test_an_invalid_field_is_refused_by_name(given, message):
    with pytest.raises(ValueError) as refused:
        PipelineConfig(**{**FOLDERS, **given})
    assert message in str(refused.value)


def test_numpy_numbers_become_those_of_python():
    config = PipelineConfig(
        **FOLDERS,
        categorical={'c': list(np.array([3, 1])), 't': [*np.array(['x', 'y']), None]},
        clip={'x': (None, np.float32(0.5)), 'y': (np.int64(1), 2)},
        log=['x'],
    )
    assert config.categorical == {'c': (3, 1), 't': ('x', 'y', None)}
    assert config.clip == {'x': (None, 0.5), 'y': (1.0, 2.0)}
    found = custom_config_of(config.columns)
    assert json.loads(json.dumps(found)) == found
    assert list(found) == sorted(found)
    assert found['categorical'] == {'c': [3, 1], 't': ['x', 'y', None]}
    assert ColumnOptions(**found) == config.columns


def test_columns_of_categories_have_the_name_of_column_and_category():
    options = ColumnOptions(
        categorical={'city': ['Ulm', 'Köln', None], 'plan': [2], 'x': ['other', None]}
    )
    assert options.names_of(['age', 'city', 'plan', 'x']) == [
        'age',
        'city=Ulm',
        'city=Köln',
        'city=other',
        'plan=2',
        'x=other',
        'x=other values',
    ]
