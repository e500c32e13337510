"""Parsing specs of examples that come without a schema."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tfx_kmeans.data import source
from tfx_kmeans.data.source import PARQUET, Examples
from tfx_kmeans.errors import DataError


def record(**features):
    """A tf.Example with lists of floats, ints or bytes; None for a feature without a kind."""
    example = tf.train.Example()
    for name, values in features.items():
        feature = example.features.feature[name]
        if values is None:
            continue
        kinds = {float: feature.float_list, int: feature.int64_list, bytes: feature.bytes_list}
        kinds[type(values[0])].value.extend(values)
    return example.SerializeToString()


@pytest.fixture
def spec_of(tmp_path):
    """Function that writes lists of records, one file each, and returns their spec."""

    def spec_of(*files):
        for index, records in enumerate(files):
            with tf.io.TFRecordWriter(str(tmp_path / f'part-{index}')) as writer:
                for one in records:
                    writer.write(one)
        return Examples((str(tmp_path),)).feature_spec()

    return spec_of


A = tf.io.FixedLenFeature([], tf.float32)


def test_the_first_example_determines_shapes(spec_of):
    found = spec_of([record(a=[1.0], v=[1, 2]), record(a=[2.0], v=[1, 2, 3])])
    assert found == {'a': A, 'v': tf.io.FixedLenFeature([2], tf.int64)}


@pytest.mark.parametrize(
    'first', [record(a=[1.0]), record(a=[1.0], b=None)], ids=['absent', 'empty']
)
@pytest.mark.parametrize(('values', 'dtype'), [([2.0], tf.float32), ([b'x'], tf.string)])
def test_a_feature_that_the_first_example_lacks_has_a_variable_length(
    spec_of, first, values, dtype
):
    found = spec_of([first, record(a=[1.0]), record(a=[1.0], b=values)])
    assert found == {'a': A, 'b': tf.io.VarLenFeature(dtype)}


def test_the_first_examples_of_other_files_are_read(spec_of):
    found = spec_of([], [record(a=[1.0])], [record(a=[1.0]), record(c=[3])])
    assert found == {'a': A, 'c': tf.io.VarLenFeature(tf.int64)}


def test_only_the_first_examples_are_read(spec_of, monkeypatch):
    monkeypatch.setattr(source, '_FIRST_RECORDS', 2)
    monkeypatch.setattr(source, '_FIRST_FILES', 1)
    found = spec_of([record(a=[1.0]), record(a=[1.0]), record(b=[1.0])], [record(c=[1.0])])
    assert found == {'a': A}


def test_a_feature_without_any_value_keeps_its_empty_shape(spec_of):
    found = spec_of([record(a=[1.0], b=None), record(a=[1.0], b=None)])
    assert found == {'a': A, 'b': tf.io.FixedLenFeature([0], tf.string)}


def test_a_record_that_is_not_an_example_is_named(spec_of):
    with pytest.raises(DataError, match=r'part-0, record 1: the record is not a tf\.Example'):
        spec_of([record(a=[1.0]), b'\xff'])


def test_a_column_that_the_first_parquet_file_lacks_has_a_variable_length(tmp_path):
    pq.write_table(pa.table({'a': [1.0], 'v': [[]]}), tmp_path / 'a.parquet')
    pq.write_table(pa.table({'a': [1.0], 'b': [1], 'v': [[1.0]]}), tmp_path / 'b.parquet')
    assert Examples((str(tmp_path),), PARQUET).feature_spec() == {
        'a': A,
        'b': tf.io.VarLenFeature(tf.int64),
        'v': tf.io.VarLenFeature(tf.float32),
    }
