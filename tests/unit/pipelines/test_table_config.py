import json

import pytest

from tfx_kmeans.errors import ParameterError
from tfx_kmeans.pipelines.config import PipelineConfig
from tfx_kmeans.pipelines.table_config import read_table_config, write_table_config

FOLDERS = {'data_root': 'd', 'pipeline_root': 'p', 'serving_dir': 's'}
FIELDS = {
    'features': ('größe', 'city', 'plan', 'x1'),
    'exclude_features': ('id',),
    'categorical': {'city': ('Köln', 'Ulm', None), 'plan': (2, 1)},
    'log': ('x1', 'größe'),
    'clip': {'x1': (None, 3.5), 'größe': (0.0, None)},
    'vectors': {'numbers': ('x1', 'x2')},
    'data_format': 'parquet',
}


@pytest.mark.parametrize('fields', [FIELDS, {}, {'exclude_features': ('id',)}])
def test_a_configuration_is_read_as_it_was_written(tmp_path, fields):
    config = PipelineConfig(**FOLDERS, **fields)
    write_table_config(config, tmp_path / 'table.json')
    found = read_table_config(tmp_path / 'table.json')
    assert found == {name: getattr(config, name) for name in FIELDS}
    assert PipelineConfig(**FOLDERS, **found) == config
    assert set(json.loads((tmp_path / 'table.json').read_text())) == set(FIELDS)


def test_the_file_can_be_read_by_people_and_written_by_hand(tmp_path):
    path = tmp_path / 'table.json'
    write_table_config(PipelineConfig(**FOLDERS, **FIELDS), path)
    assert '"Köln"' in path.read_text(encoding='utf-8')
    path.write_text('{"log": ["x"]}')
    assert read_table_config(path) == read_table_config(path) | {
        'features': None,
        'log': ('x',),
        'data_format': 'csv',
    }


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'table.json cannot be read as JSON'),
        (None, 'table.json cannot be read as JSON'),
        ('\xff', 'table.json cannot be read as JSON'),
        ('["a"]', 'table.json must hold a JSON object, got list'),
        (
            '{"feature": ["a"]}',
            "has the unknown key 'feature'. Existing keys: 'categorical', 'clip'",
        ),
        ('{"data_format": "xls"}', "data_format must be one of 'csv', 'parquet', got 'xls'"),
        ('{"data_format": []}', "data_format must be one of 'csv', 'parquet', got []"),
        ('{"clip": {"a": [2, 1]}}', "table.json: clip['a'] must be a lower and an upper bound"),
        ('{"log": "a"}', "table.json: log must be a list of names, got 'a'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, message):
    if text is not None:
        (tmp_path / 'table.json').write_text(text, encoding='latin-1')
    with pytest.raises(ParameterError) as refused:
        read_table_config(tmp_path / 'table.json')
    assert message in str(refused.value)
