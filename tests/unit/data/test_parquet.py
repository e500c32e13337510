import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import PARQUET, Examples
from tfx_kmeans.errors import DataError

SPEC = {
    'a': tf.io.FixedLenFeature([], tf.float32),
    'n': tf.io.FixedLenFeature([], tf.int64),
    'v': tf.io.FixedLenFeature([2], tf.float32),
    'w': tf.io.FixedLenFeature([], tf.float32),
}


def write(folder, rows_per_group=700, **columns):
    table = pa.table(
        {
            'a': pa.array(np.arange(2000) / 2, pa.float64()),
            'n': pa.array(np.arange(2000), pa.int32()),
            's': pa.array(['x'] * 2000),
            'v': pa.array([[i, -i] for i in range(2000)], pa.list_(pa.float32())),
            'w': pa.array(np.arange(2000) + 1.0, pa.float32()),
            **columns,
        }
    )
    pq.write_table(table, folder / 'data.parquet', row_group_size=rows_per_group)
    return Examples((str(folder),), PARQUET)


def read(examples, spec=SPEC, **options):
    with open_matrix(examples, choose_layout(spec, weight_feature='w', **options)) as matrix:
        return np.array(matrix.values), np.array(matrix.weights)


def test_columns_become_rows(tmp_path):
    rows, weights = read(write(tmp_path))
    index = np.arange(2000)
    np.testing.assert_array_equal(rows, np.stack([index / 2, index, index, -index], axis=1))
    np.testing.assert_array_equal(weights, index + 1)


def test_the_feature_spec_is_derived_from_the_columns(tmp_path):
    spec = write(tmp_path).feature_spec()
    assert spec.pop('s').dtype == tf.string
    assert spec == SPEC


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'a': pa.array([None] + [1.0] * 1999)}, "row 0: column 'a' has a missing value"),
        (
            {'v': pa.array([[1.0, 2.0]] * 1500 + [[1.0]] * 500)},
            "row 1500: column 'v' has length 1, expected 2",
        ),
        ({'v': pa.array([[1.0, None]] * 2000)}, "row 0: column 'v' has a missing value"),
        ({'v': pa.array([1.0] * 2000)}, "column 'v' has 1 value per row, expected 2"),
        (
            {'v': pa.array([[1.0]] * 2000, pa.list_(pa.float32(), 1))},
            "row 0: column 'v' has length 1, expected 2",
        ),
        ({'a': pa.array(['x'] * 2000)}, "column 'a' has type string, which is not numeric"),
        ({'a': pa.array([1.0] * 1999 + [float('inf')])}, 'the first is record 1999 of'),
    ],
)
def test_bad_values_are_named_with_file_and_row(tmp_path, columns, message):
    examples = write(tmp_path, **columns)
    with pytest.raises(DataError) as refused:
        read(examples)
    assert message in str(refused.value)
    assert 'data.parquet' in str(refused.value)


def test_fixed_size_lists_are_lists(tmp_path):
    values = pa.array([[float(i), -i] for i in range(2000)], pa.list_(pa.float32(), 2))
    rows, _ = read(write(tmp_path, v=values))
    np.testing.assert_array_equal(rows[:, 2], np.arange(2000))


def test_an_empty_first_file_is_skipped_for_the_feature_spec(tmp_path):
    examples = write(tmp_path)
    table = pq.read_table(tmp_path / 'data.parquet')
    pq.write_table(table[:0], tmp_path / 'a_first.parquet')
    assert examples.feature_spec()['v'] == SPEC['v']
    assert len(read(examples)[0]) == 2000


def test_a_missing_column(tmp_path):
    examples = write(tmp_path)
    with pytest.raises(DataError, match=r"data\.parquet has no column 'z'"):
        read(examples, {**SPEC, 'z': tf.io.FixedLenFeature([], tf.float32)})


def test_a_damaged_file(tmp_path):
    examples = write(tmp_path)
    path = tmp_path / 'data.parquet'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r'data\.parquet cannot be read as Parquet'):
        read(examples)


def test_any_other_payload_format_is_rejected_and_named():
    with pytest.raises(DataError, match='payload_format FORMAT_PROTO; supported formats are'):
        Examples(('folder',), 'FORMAT_PROTO')


def test_large_integers_and_doubles_keep_their_digits(tmp_path):
    integers = 2**53 + 1 + np.arange(2000)
    doubles = 1e9 + 0.25 * np.arange(2000)
    examples = write(tmp_path, i=pa.array(integers), x=pa.array(doubles))
    layout = choose_layout(examples.feature_spec(), ['i', 'x'])
    with open_matrix(examples, layout, with_offset=True) as found:
        differences = found.values.astype(float)
        np.testing.assert_array_equal(differences[:, 0] - differences[0, 0], np.arange(2000))
        np.testing.assert_array_equal(differences[:, 1] + found.offset[1], doubles)
        assert differences[0, 0] + int(found.offset[0]) == integers[0]
