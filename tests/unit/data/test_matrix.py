import gzip

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.data.errors import DataError
from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.data.matrix import read_matrix

SPEC = {
    'a': tf.io.FixedLenFeature([], tf.float32),
    'b': tf.io.FixedLenFeature([2], tf.float32),
    'n': tf.io.FixedLenFeature([], tf.int64),
    'w': tf.io.FixedLenFeature([], tf.float32),
}


def example(a=0.0, b=(0.0, 0.0), n=0, w=1.0, **more):
    features = {
        'a': tf.train.Feature(float_list=tf.train.FloatList(value=[a])),
        'b': tf.train.Feature(float_list=tf.train.FloatList(value=b)),
        'n': tf.train.Feature(int64_list=tf.train.Int64List(value=[n])),
        'w': tf.train.Feature(float_list=tf.train.FloatList(value=[w])),
        **more,
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(folder, records, name='data-00000-of-00001', compression=''):
    folder.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / name), compression) as writer:
        for record in records:
            writer.write(record)
    return str(folder)


@pytest.mark.parametrize('compression', ['', 'GZIP'])
def test_rows_come_in_the_order_of_files_and_records(tmp_path, compression):
    values = np.random.default_rng(0).normal(size=(20_000, 4)).astype('f')
    values[:, 3] = np.arange(20_000)
    records = [example(a, (b, c), int(n), w=i) for i, (a, b, c, n) in enumerate(values, 1)]
    write(tmp_path, records[12_000:], 'part-00001', compression)
    folder = write(tmp_path, records[:12_000], 'part-00000', compression)
    matrix = read_matrix([folder], choose_layout(SPEC, weight_feature='w'))
    np.testing.assert_array_equal(matrix.rows, values)
    np.testing.assert_array_equal(matrix.weights, np.arange(1, 20_001))
    assert matrix.rows.dtype == np.float32
    assert matrix.weights.dtype == np.float64


def refused(folder, said, **options):
    with pytest.raises(DataError) as error:
        read_matrix([str(folder)], choose_layout(SPEC, **options))
    assert said in str(error.value), error.value


def test_values_that_are_not_finite_are_counted_by_column(tmp_path):
    rows = [example(), example(a=float('nan')), example(b=(0, float('inf')))] * 2
    write(tmp_path, rows)
    refused(tmp_path, '4 of 6 rows in')
    refused(tmp_path, "column 'a': 2 NaN, 0 infinite; column 'b[1]': 0 NaN, 2 infinite")


@pytest.mark.parametrize(
    ('weights', 'said'),
    [
        ([1, -1, -2], "weight_feature 'w' must be finite and not negative: 2 of 3 rows"),
        ([1, float('nan')], 'must be finite and not negative: 1 of 2'),
        ([0, 0], "weight_feature 'w' is 0 in all 2 rows"),
    ],
)
def test_wrong_weights(tmp_path, weights, said):
    write(tmp_path, [example(w=weight) for weight in weights])
    refused(tmp_path, said, weight_feature='w')


def test_integers_that_float32_cannot_hold(tmp_path):
    write(tmp_path, [example(n=2**24), example(n=2**24 + 1)])
    said = "Feature 'n' has 1 integers that float32 cannot hold exactly, the first is 16777217"
    refused(tmp_path, said)


def test_no_files_no_examples_a_missing_feature(tmp_path):
    refused(tmp_path, 'There are no TFRecord files in')
    write(tmp_path, [])
    refused(tmp_path, 'There are no examples in')
    write(tmp_path, [tf.train.Example().SerializeToString()])
    refused(tmp_path, 'data-00000-of-00001 cannot be decoded')


def test_damaged_files_are_named(tmp_path):
    folder = write(tmp_path, [example()] * 50, compression='GZIP')
    path = tmp_path / 'data-00000-of-00001'
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    refused(folder, f'{path} is cut off: its gzip stream has no end')
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    refused(folder, str(path))


@pytest.mark.parametrize(
    ('damage', 'said'),
    [
        (lambda data: data[:-30], 'record 49: the file ends within its'),
        (lambda data: data[:-4] + b'abcd', 'record 49: the checksum of its content is wrong'),
        (lambda data: b'\xff' + data[1:], 'record 0: the checksum of its length is wrong'),
        (lambda data: data + b'abc', 'record 50: the file ends within its header'),
        (lambda data: b'a,b,c,d,e\n1,2,3,4,5\n', 'so this is no TFRecord file or damaged'),
    ],
)
def test_damaged_plain_files_are_named_with_the_record(tmp_path, damage, said):
    folder = write(tmp_path, [example()] * 50)
    path = tmp_path / 'data-00000-of-00001'
    path.write_bytes(damage(path.read_bytes()))
    refused(folder, f'{path}, record')
    refused(folder, said)


def test_gzip_members_one_after_another_are_one_file(tmp_path):
    folder = write(tmp_path, [example(a=1)], compression='GZIP')
    path = tmp_path / 'data-00000-of-00001'
    path.write_bytes(path.read_bytes() + gzip.compress(gzip.decompress(path.read_bytes())))
    assert len(read_matrix([folder], choose_layout(SPEC)).rows) == 2
