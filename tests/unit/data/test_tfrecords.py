"""TFRecord files, also damaged at 500 places: reading raises an error or gives the right rows."""

import resource
import struct

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples
from tfx_kmeans.data.tfrecords import UniformRecords, read_records
from tfx_kmeans.errors import DataError

LAYOUT = choose_layout(
    {'v': tf.io.FixedLenFeature([4], tf.float32), 'n': tf.io.FixedLenFeature([], tf.int64)}
)


def rows_of(folder):
    with open_matrix(Examples((str(folder),)), LAYOUT) as matrix:
        return np.array(matrix.values)


def whole_file(path, compression):
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for index in range(300):
            feature = {
                'v': tf.train.Feature(float_list=tf.train.FloatList(value=rng.normal(size=4))),
                'n': tf.train.Feature(int64_list=tf.train.Int64List(value=[index])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    return path.read_bytes()


@pytest.mark.parametrize('compression', ['', 'GZIP'])
@pytest.mark.parametrize('damage', ['flip', 'cut'])
def test_no_damage_gives_wrong_rows(tmp_path, compression, damage):
    path = tmp_path / 'records'
    whole = whole_file(path, compression)
    expected = rows_of(tmp_path)
    rng = np.random.default_rng(1)
    unnoticed = 0
    for _ in range(125):
        place = int(rng.integers(len(whole)))
        if damage == 'cut':
            path.write_bytes(whole[:place])
        else:
            path.write_bytes(
                whole[:place] + bytes([whole[place] ^ 1 << rng.integers(8)]) + whole[place + 1 :]
            )
        try:
            found = rows_of(tmp_path)
        except DataError as error:
            if str(tmp_path) not in str(error):
                raise
            continue
        # Damage in unused bytes of the gzip header, or a cut between two records.
        unnoticed += 1
        if damage == 'cut':
            assert np.array_equal(found, expected[: len(found)])
            assert compression == ''
        else:
            assert np.array_equal(found, expected)
            assert compression == 'GZIP'
            assert place < 10
    assert unnoticed < 12


def framed(length, payload=b''):
    header = struct.pack('<Q', length)
    crc = google_crc32c.value(header)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return header + struct.pack('<I', masked) + payload


@pytest.mark.parametrize('length', [2**40, 2**60, 2**64 - 17, 2**64 - 1])
@pytest.mark.parametrize('zipped', [False, True])
def test_a_wrong_length_takes_no_memory(tmp_path, length, zipped):
    import gzip

    content = framed(length, b'x' * 100_000)
    (tmp_path / 'records').write_bytes(gzip.compress(content) if zipped else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=f'record 0: the file ends within the {length} bytes'):
        rows_of(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_file_that_no_longer_exists_when_it_is_read(tmp_path, monkeypatch):
    whole_file(tmp_path / 'records', '')
    monkeypatch.setattr(
        'tfx_kmeans.data.matrix.files_in',
        lambda folder: [f'{folder}/records', f'{folder}/gone'],
    )
    with pytest.raises(DataError, match='gone, after 0 records: the file cannot be read'):
        rows_of(tmp_path)


def test_a_large_record_is_read_completely(tmp_path):
    spec = {'v': tf.io.FixedLenFeature([3_000_000], tf.float32)}
    values = np.arange(3_000_000, dtype=np.float32)
    with tf.io.TFRecordWriter(str(tmp_path / 'records')) as writer:
        for _ in range(2):
            feature = {'v': tf.train.Feature(float_list=tf.train.FloatList(value=values))}
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    with open_matrix(Examples((str(tmp_path),)), choose_layout(spec)) as matrix:
        assert np.array_equal(matrix.values, np.stack([values, values]))


def test_a_plain_file_whose_first_length_looks_like_gzip(tmp_path):
    record = b'x' * 35615  # 0x8b1f: the first two bytes of a gzip file
    with tf.io.TFRecordWriter(str(tmp_path / 'records')) as writer:
        writer.write(record)
    assert (tmp_path / 'records').read_bytes().startswith(b'\x1f\x8b')
    (records,) = read_records(str(tmp_path / 'records'))
    assert records.as_list() == [record]


def test_the_error_for_a_truncated_gzip_file_gives_the_number_of_records(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / 'records'), 'GZIP') as writer:
        for _ in range(3000):
            writer.write(np.random.default_rng(0).bytes(4000))
    path = tmp_path / 'records'
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(
        DataError, match=r'records, after [1-9]\d{2,3} records: the file is truncated'
    ):
        list(read_records(str(path)))


def test_records_of_equal_length_are_read_as_uniform_records(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / 'records')) as writer:
        for _ in range(1000):
            writer.write(b'x' * 50)
    (records,) = read_records(str(tmp_path / 'records'))
    assert isinstance(records, UniformRecords)
    assert records.payloads.shape == (1000, 50)
