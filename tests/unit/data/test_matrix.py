import gzip
import resource

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples
from tfx_kmeans.errors import DataError

SPEC = {
    'a': tf.io.FixedLenFeature([], tf.float32),
    'b': tf.io.FixedLenFeature([2], tf.float32),
    'n': tf.io.FixedLenFeature([], tf.int64),
    'w': tf.io.FixedLenFeature([], tf.float32),
}


def read_matrix(folders, layout, **options):
    with open_matrix(Examples(tuple(folders)), layout, **options) as matrix:
        weights = None if matrix.weights is None else np.array(matrix.weights)
        return WeightedRows(np.array(matrix.values), weights)


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
def test_every_record_is_a_row_with_its_weight(tmp_path, compression):
    values = np.random.default_rng(0).normal(size=(20_000, 4)).astype('f')
    values[:, 3] = np.arange(20_000)
    records = [example(a, (b, c), int(n), w=i) for i, (a, b, c, n) in enumerate(values, 1)]
    write(tmp_path, records[12_000:], 'part-00001', compression)
    folder = write(tmp_path, records[:12_000], 'part-00000', compression)
    matrix = read_matrix([folder], choose_layout(SPEC, weight_feature='w'))
    order = matrix.values[:, 3].argsort()
    np.testing.assert_array_equal(matrix.values[order], values)
    np.testing.assert_array_equal(matrix.weights[order], np.arange(1, 20_001))
    assert matrix.values.dtype == np.float32
    assert matrix.weights.dtype == np.float64


def refused(folder, message, **options):
    with pytest.raises(DataError) as error:
        read_matrix([str(folder)], choose_layout(SPEC, **options))
    assert message in str(error.value), error.value


def test_values_that_are_not_finite_are_counted_by_column(tmp_path):
    rows = [example(), example(a=float('nan')), example(b=(0, float('inf')))] * 2
    write(tmp_path, rows)
    refused(tmp_path, '4 of 6 rows have values that are not finite')
    refused(tmp_path, "column 'a': 2 NaN, 0 infinite; column 'b[1]': 0 NaN, 2 infinite")


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        ([1, -1, -2], "weight_feature 'w' must be finite and not negative, but 2 of 3 rows"),
        ([1, float('nan')], 'must be finite and not negative, but 1 of 2'),
        ([0, 0], "weight_feature 'w' is 0 in all 2 rows; at least one weight"),
    ],
)
def test_wrong_weights(tmp_path, weights, message):
    write(tmp_path, [example(w=weight) for weight in weights])
    refused(tmp_path, message, weight_feature='w')


def test_no_files_no_examples_and_a_missing_feature(tmp_path):
    refused(tmp_path, 'There are no files of examples in')
    write(tmp_path, [])
    refused(tmp_path, 'There are no examples in')
    write(tmp_path, [tf.train.Example().SerializeToString()])
    refused(tmp_path, 'data-00000-of-00001, record 0: ')
    refused(tmp_path, 'Feature: a (data type: float) is required')


def test_damaged_files_are_named(tmp_path):
    folder = write(tmp_path, [example()] * 50, compression='GZIP')
    path = tmp_path / 'data-00000-of-00001'
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    refused(
        folder,
        f'{path}, after 0 records: the file is truncated: its gzip stream is incomplete',
    )
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    refused(folder, str(path))


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda data: data[:-30], 'record 49: the file ends within the 63 bytes of the record'),
        (
            lambda data: data[:-4] + b'abcd',
            'record 49: the checksum of the record content is wrong',
        ),
        (lambda data: b'\xff' + data[1:], 'record 0: the checksum of the record length is wrong'),
        (lambda data: data + b'abc', 'record 50: the file ends within the header of the record'),
        (lambda data: b'a,b,c,d,e\n1,2,3,4,5\n', 'the file is damaged or is not a TFRecord file'),
    ],
)
def test_damaged_plain_files_are_named_with_the_record(tmp_path, damage, message):
    folder = write(tmp_path, [example()] * 50)
    path = tmp_path / 'data-00000-of-00001'
    path.write_bytes(damage(path.read_bytes()))
    refused(folder, f'{path}, record')
    refused(folder, message)


def test_a_gzip_file_with_several_members(tmp_path):
    folder = write(tmp_path, [example(a=1)], compression='GZIP')
    path = tmp_path / 'data-00000-of-00001'
    path.write_bytes(path.read_bytes() + gzip.compress(gzip.decompress(path.read_bytes())))
    assert len(read_matrix([folder], choose_layout(SPEC)).values) == 2


@pytest.mark.parametrize('base', [2**24 + 1, 2**53 + 1, 2**63 - 100, -(2**63) + 1])
def test_large_integers_keep_their_digits(tmp_path, base):
    write(tmp_path, [example(a=0.5, n=base + index) for index in range(9)])
    examples = Examples((str(tmp_path),))
    with open_matrix(examples, choose_layout(SPEC), with_offset=True) as found:
        column = found.values[:, 3]
        whole = [int(value) + int(found.offset[3]) for value in column]
        assert sorted(whole) == [base + index for index in range(9)]
        assert found.offset[:3].tolist() == [0, 0, 0]
        assert (found.values[:, 0] == 0.5).all()


def test_small_integers_have_no_offset(tmp_path):
    write(tmp_path, [example(n=index) for index in range(9)])
    with open_matrix(Examples((str(tmp_path),)), choose_layout(SPEC), with_offset=True) as found:
        assert found.offset is None
        assert sorted(found.values[:, 3]) == list(range(9))


def test_a_large_integer_after_small_ones_is_rounded_relative_to_itself(tmp_path):
    write(tmp_path, [example(n=1)] * 5000 + [example(n=2**40 + 1)])
    with open_matrix(Examples((str(tmp_path),)), choose_layout(SPEC), with_offset=True) as found:
        assert found.values[:, 3].max() == 2**40


def test_the_first_row_that_is_not_finite_is_named(tmp_path):
    write(tmp_path, [example()] * 70 + [example(a=float('nan'))] * 2)
    refused(tmp_path, f'the first is record 70 of {tmp_path}/data-00000-of-00001')


@pytest.fixture
def several_files(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(9):
        records = [example(a, (b, c), n, w=1 + a * a) for a, b, c, n in numbered(rng, index)]
        folder = write(tmp_path, records, f'part-{index}', 'GZIP' if index % 2 else '')
    return folder


def numbered(rng, index):
    for n in range(3000 * (1 + index % 3)):
        yield *rng.normal(size=3), index * 10_000 + n


@pytest.fixture
def scratch(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp('scratch')
    monkeypatch.setattr('tempfile.tempdir', str(folder))
    return folder


@pytest.mark.parametrize('limit', [1, 100])
def test_rows_on_disk_equal_rows_in_memory_and_are_removed_afterwards(
    several_files, scratch, limit
):
    layout = choose_layout(SPEC, weight_feature='w')
    in_memory = read_matrix([several_files], layout)
    with open_matrix(Examples((several_files,)), layout, memory_limit_mb=limit) as matrix:
        assert isinstance(matrix.values, np.memmap) == (limit == 1)
        assert (list(scratch.iterdir()) != []) == (limit == 1)
        assert np.array_equal(matrix.values, in_memory.values)
        assert np.array_equal(matrix.weights, in_memory.weights)
        matrix.values[0] = 7
    assert list(scratch.iterdir()) == []


def test_the_cache_is_removed_after_a_failure(several_files, scratch, tmp_path):
    write(tmp_path, [example(a=float('nan'))], 'part-9')
    with pytest.raises(DataError, match='not finite'):
        read_matrix([several_files], choose_layout(SPEC), memory_limit_mb=1)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize('threads', [1, 2, 7])
def test_the_order_does_not_depend_on_the_number_of_threads(several_files, monkeypatch, threads):
    layout = choose_layout(SPEC)
    expected = read_matrix([several_files], layout)
    monkeypatch.setattr('os.cpu_count', lambda: threads)
    assert np.array_equal(read_matrix([several_files], layout).values, expected.values)


def test_a_full_disk_while_the_cache_is_written(several_files, scratch):
    # A limit on file sizes is the best imitation of a full disk that does not need root.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises(
            DataError, match=r'cache of rows in .* cannot be written after \d+ rows: File too large'
        ):
            read_matrix([several_files], choose_layout(SPEC), memory_limit_mb=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(scratch.iterdir()) == []


def test_clusters_of_rows_on_disk_equal_clusters_of_rows_in_memory(several_files, scratch):
    layout = choose_layout(SPEC, exclude_features=['n'], weight_feature='w')
    found = []
    for limit in (1, 100):
        with open_matrix(Examples((several_files,)), layout, memory_limit_mb=limit) as matrix:
            assert isinstance(matrix.values, np.memmap) == (limit == 1)
            found.append(fit_in_place(matrix, KMeansOptions(num_clusters=5)))
    assert np.array_equal(found[0].centroids, found[1].centroids)
    assert np.array_equal(found[0].cluster_inertia, found[1].cluster_inertia)
