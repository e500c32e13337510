"""The ExampleGen for Parquet, run as TFX runs it, and its examples read back."""

import datetime
import decimal
import hashlib
import json
import math
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from tests.contracts.conftest import load_tfx
from tfx_kmeans.data.files import files_in
from tfx_kmeans.data.tfrecords import read_records

load_tfx()

from tfx_kmeans.pipelines import parquet_examples  # noqa: E402

SPLITS = [{'name': 'train', 'hashBuckets': 2}, {'name': 'eval', 'hashBuckets': 1}]


def generated(workshop, *tables, row_group_size=None):
    """Runs the executor on Parquet files; the tf.Examples by split."""
    folder = workshop.folder / 'data'
    folder.mkdir(exist_ok=True)
    for index, table in enumerate(tables):
        pq.write_table(table, folder / f'part{index}.parquet', row_group_size=row_group_size)
    made = workshop.artifact(standard_artifacts.Examples, 'examples')
    executor = parquet_examples.Executor()
    executor._beam_pipeline_args = ['--runner=FnApiRunner']
    properties = {
        'input_base': str(folder),
        'input_config': json.dumps({'splits': [{'name': 'all', 'pattern': '*.parquet'}]}),
        'output_config': json.dumps({'splitConfig': {'splits': SPLITS}}),
        'output_data_format': 6,
        'output_file_format': 5,
    }
    executor.Do({}, {'examples': [made]}, properties)
    return {
        split: [
            tf.train.Example.FromString(record)
            for path in files_in(made.path(split=split))
            for records in read_records(path)
            for record in records.as_list()
        ]
        for split in made.splits
    }


def values_of(examples, name):
    """Values of a feature in each example, None without any; in the order of the feature 'row'."""
    found = {}
    for example in examples:
        feature = example.features.feature
        kind = feature[name].WhichOneof('kind')
        values = list(getattr(feature[name], kind).value) if kind else None
        found[feature['row'].int64_list.value[0]] = values
    return [found[row] for row in sorted(found)]


def columns_of(workshop, columns):
    """Each column after a round trip through files, by name."""
    rows = len(next(iter(columns.values())))
    splits = generated(workshop, pa.table({'row': pa.array(range(rows)), **columns}))
    examples = splits['train'] + splits['eval']
    return {name: values_of(examples, name) for name in columns}


def test_zeros_missing_values_and_names_survive(workshop):
    found = columns_of(
        workshop,
        {
            'whole': pa.array([0, 1, None, -5], pa.int16()),
            'größe [µm]': pa.array([0.0, -0.0, None, 1.5]),
            'flag': pa.array([False, True, None, False]),
            'text, "quoted"': pa.array(['', 'Köln', None, 'a']),
            'city': pa.array(['Ulm', None, '', 'Ulm']).dictionary_encode(),
            'raw': pa.array([b'', b'\xff\x00', None, b'x']),
            'nothing': pa.nulls(4),
        },
    )
    assert found['whole'] == [[0], [1], None, [-5]]
    assert found['größe [µm]'] == [[0.0], [-0.0], None, [1.5]]
    assert math.copysign(1, found['größe [µm]'][1][0]) == -1
    assert found['flag'] == [[0], [1], None, [0]]
    assert found['text, "quoted"'] == [[b''], ['Köln'.encode()], None, [b'a']]
    assert found['city'] == [[b'Ulm'], None, [b''], [b'Ulm']]
    assert found['raw'] == [[b''], [b'\xff\x00'], None, [b'x']]
    assert found['nothing'] == [None] * 4


def test_every_kind_of_number(workshop):
    found = columns_of(
        workshop,
        {
            'large': pa.array([2**63 - 1, -(2**63)]),
            'unsigned': pa.array([2**32 - 1, 0], pa.uint32()),
            'double': pa.array([0.1, math.nan]),
            'huge': pa.array([1e300, -1e300]),
            'price': pa.array([decimal.Decimal('12.50'), None], pa.decimal128(9, 2)),
        },
    )
    assert found['large'] == [[2**63 - 1], [-(2**63)]]
    assert found['unsigned'] == [[2**32 - 1], [0]]
    assert found['double'][0] == [np.float32(0.1)]
    assert math.isnan(found['double'][1][0])
    assert found['huge'] == [[math.inf], [-math.inf]]
    assert found['price'] == [[12.5], None]


@pytest.mark.parametrize(
    'kind',
    [
        pa.list_(pa.float32()),
        pa.large_list(pa.float64()),
        pa.list_(pa.int32()),
    ],
)
def test_lists_of_numbers_stay_vectors(workshop, kind):
    found = columns_of(workshop, {'v': pa.array([[0, None, 2], None, [3, 4, 5]], kind)})['v']
    assert str(found) == '[[0.0, nan, 2.0], None, [3.0, 4.0, 5.0]]'


@pytest.mark.parametrize(
    ('column', 'kind'),
    [
        (pa.array([1], pa.uint64()), 'uint64'),
        (pa.array([datetime.datetime(2026, 11, 25)]), 'timestamp'),
        (pa.array([datetime.date(2026, 11, 25)]), 'date32'),
        (pa.array([datetime.timedelta(1)]), 'duration'),
        (pa.array([{'a': 1}]), 'struct'),
        (pa.array([['a']]), 'list<'),
        (pa.array([[[1.0]]]), 'list<'),
    ],
)
def test_a_type_that_examples_cannot_hold_is_named_with_its_column(workshop, column, kind):
    with pytest.raises(ValueError, match=rf"Column 'when' has the type {kind}.*remove it"):
        generated(workshop, pa.table({'row': pa.array([1]), 'when': column}))


def test_all_files_and_row_groups_in_bounded_batches(workshop, monkeypatch):
    monkeypatch.setattr(parquet_examples, '_VALUES_AT_ONCE', 14)
    batches = []
    convert = parquet_examples.as_feature_lists
    monkeypatch.setattr(
        parquet_examples, 'as_feature_lists', lambda one: batches.append(len(one)) or convert(one)
    )
    tables = [
        pa.table({'row': pa.array(range(first, first + 100)), 'x': pa.array([0.0] * 100)})
        for first in (0, 100)
    ]
    splits = generated(workshop, *tables, row_group_size=30)
    assert max(batches) == 7
    assert sum(batches) == 200
    rows = {name: values_of(examples, 'row') for name, examples in splits.items()}
    assert sorted(row for (row,) in rows['train'] + rows['eval']) == list(range(200))
    assert 110 < len(rows['train']) < 155


def test_the_same_rows_give_the_same_bytes_so_that_splits_stay_the_same():
    table = pa.table(
        {
            **{f'c{index}': pa.array([index, None, 0]) for index in range(30)},
            'long': pa.array([[0.5] * 40, [], [1.0]], pa.list_(pa.float32())),
        }
    )
    first = list(parquet_examples.serialized_examples(table))
    assert first == list(parquet_examples.serialized_examples(table))
    reordered = table.select(table.column_names[::-1])
    assert first == list(parquet_examples.serialized_examples(reordered))
    for record in first:
        example = tf.train.Example.FromString(record)
        assert len(example.features.feature) == 31
        assert example.ByteSize() == len(record)
    # Also with other versions of TFX; protobuf's deterministic order differs between its versions.
    found = hashlib.sha256(b''.join(first)).hexdigest()
    assert found == 'fb85edcf174f89d5dc7e1dc08d635741bbd3362e998edd41aba81bac62c97cfa'


def test_the_executor_can_be_sent_to_workers_and_is_found_by_its_path():
    made = parquet_examples.ParquetExampleGen(input_base='data')
    assert made.executor_spec.class_path == 'tfx_kmeans.pipelines.parquet_examples.Executor'
    assert pickle.loads(pickle.dumps(parquet_examples.serialized_examples))
