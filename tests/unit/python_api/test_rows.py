"""What Python users hand to `fit` and `KMeansModel`: arrays, lists, tensors, frames and tables.

Right answers are computed with float64 NumPy from the original values.
"""

import dataclasses
import datetime
import decimal
import fractions
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import tensorflow as tf

import tfx_kmeans
from tfx_kmeans.centroids.payload import PlacedFeature
from tfx_kmeans.clustering.metric import METRICS
from tfx_kmeans.errors import DataError, ParameterError
from tfx_kmeans.python_api.fit import EmptyClustersWarning
from tfx_kmeans.python_api.rounded_rows import rows_to_cluster
from tfx_kmeans.python_api.rows import numbers_of

X, Y = [0, 1, 10, 11], [0.5, 1.5, -2.5, -3.5]


class OnlyInterchange:
    """A frame of which only the dataframe interchange protocol is known."""

    def __init__(self, frame):
        self._frame = frame

    def __dataframe__(self):
        return self._frame.__dataframe__()


class Masked(OnlyInterchange):
    """A frame with an integer column whose missing values are marked by a bit mask."""

    def __init__(self, frame, **null_counts):
        super().__init__(frame)
        self._null_counts = null_counts

    def __dataframe__(self):
        frame = super().__dataframe__()
        columns = {name: self._masked(frame, name) for name in frame.column_names()}
        return SimpleNamespace(
            column_names=frame.column_names,
            get_chunks=lambda: [SimpleNamespace(get_column=list(columns.values()).__getitem__)],
        )

    def _masked(self, frame, name):
        column = frame.get_column_by_name(name)
        if name not in self._null_counts:
            return column
        return SimpleNamespace(
            dtype=column.dtype,
            size=column.size,
            describe_null=(3, 0),
            null_count=self._null_counts[name],
        )


class OnlyStream:
    """A frame of which only the Arrow PyCapsule interface is known; it can be read once."""

    def __init__(self, frame):
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        frame, self._frame = self._frame, None
        return frame.__arrow_c_stream__(requested_schema)


class TorchLike:
    """A tensor that NumPy converts by `__array__`."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None):
        return np.asarray(self._values, dtype)


def batch_of(columns):
    return pa.RecordBatch.from_arrays([pa.array(v) for v in columns.values()], list(columns))


FRAMES = {
    'pandas': pd.DataFrame,
    'pandas extension types': lambda columns: pd.DataFrame(
        {name: pd.array(values) for name, values in columns.items()}
    ),
    'pandas objects': lambda columns: pd.DataFrame(columns, dtype=object),
    'pandas sparse': lambda columns: pd.DataFrame(
        {name: pd.arrays.SparseArray(values) for name, values in columns.items()}
    ),
    'pandas pyarrow types': lambda columns: pd.DataFrame(
        {
            name: pd.array(pa.array(values), pd.ArrowDtype(pa.array(values).type))
            for name, values in columns.items()
        }
    ),
    'pyarrow table': pa.table,
    'pyarrow chunks': lambda columns: pa.concat_tables(
        [pa.table(columns).slice(0, 1), pa.table(columns).slice(1)]
    ),
    'pyarrow batch': batch_of,
    'polars': pl.DataFrame,
    'polars chunks': lambda columns: pl.concat(
        [pl.DataFrame(columns)[:3], pl.DataFrame(columns)[3:]], rechunk=False
    ),
    'interchange': lambda columns: OnlyInterchange(pd.DataFrame(columns)),
    'stream': lambda columns: OnlyStream(pl.DataFrame(columns)),
}


@pytest.fixture(params=list(FRAMES))
def frame_of(request):
    return FRAMES[request.param]


@pytest.fixture(scope='module')
def model():
    rows = np.array([[0, 0], [0, 2], [9, 0], [9, 2]], float)
    return tfx_kmeans.fit(rows, initial_clusters=[[1, 1], [8, 1]], column_names=['x', 'y'])


def test_a_frame_is_clustered_with_its_names_and_values(frame_of):
    found = tfx_kmeans.fit(frame_of({'x': X, 'y': Y}), 2)
    assert found.metadata.column_names == ('x', 'y')
    rows = np.stack([X, Y], axis=1).astype(np.float64)
    expected = {tuple(rows[:2].mean(axis=0)), tuple(rows[2:].mean(axis=0))}
    assert set(map(tuple, found.cluster_centers().tolist())) == expected
    inertia = np.square(rows[:2] - rows[:2].mean(0)).sum() * 2
    assert found.inertia == pytest.approx(inertia)


def test_a_frame_keeps_its_precision(frame_of):
    ids, floats = [2**53 - 1, -(2**53), 5], [1e-300, 0.1, 1e30]
    numbers = numbers_of(frame_of({'id': ids, 'z': floats}))
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, np.stack([ids, floats], axis=1))
    whole = numbers_of(frame_of({'id': [2**62 + 1, 7], 'flag': [True, False]}))
    assert whole.dtype == np.int64
    np.testing.assert_array_equal(whole, [[2**62 + 1, 1], [7, 0]])


def test_the_columns_of_a_frame_are_put_in_order(frame_of, model):
    # By position, rows of y and x would be in the other cluster.
    shuffled = {'y': [9.0, 0.0], 'x': [0.0, 9.0]}
    assert model.predict_cluster_index(frame_of(shuffled)).tolist() == [0, 1]
    expected = [[(0 - 0) ** 2 + (9 - 1) ** 2, 9**2 + 8**2], [9**2 + 1, 0 + 1]]
    assert model.transform(frame_of(shuffled)).tolist() == expected
    assert model.score(frame_of(shuffled)) == 64 + 1
    assert [one['cluster_index'] for one in model.predict(frame_of(shuffled))] == [0, 1]
    assert model.evaluate(frame_of(shuffled), log_dir=None).inertia == 64 + 1


def test_the_named_columns_of_a_vector_are_put_in_order_too(model):
    """As in a pipeline, in which one feature holds all columns."""
    vector = dataclasses.replace(model.metadata, features=(PlacedFeature('features', 0, 2),))
    one = tfx_kmeans.KMeansModel(dataclasses.replace(model.payload, metadata=vector))
    shuffled = pl.DataFrame({'y': [9.0, 0.0], 'x': [0.0, 9.0]})
    assert one.predict_cluster_index(shuffled).tolist() == [0, 1]
    other = pl.DataFrame({'p': [9.0, 0.0], 'q': [0.0, 9.0]})  # by position
    assert one.predict_cluster_index(other).tolist() == [1, 0]


def test_missing_and_other_columns_are_named(frame_of, model):
    message = r"columns of the model, x, y; got y, z: 'x' is missing; 'z' is not in the model"
    for method in (model.predict_cluster_index, model.transform, model.score):
        with pytest.raises(DataError, match=message):
            method(frame_of({'y': [1.0], 'z': [2.0]}))


@pytest.mark.parametrize(
    ('kind', 'columns', 'expected'),
    [
        ('pandas', {'s': ['Bonn', 'Rom'], 'x': [1, 2]}, "column 's' holds text (str)"),
        ('pandas extension types', {'s': ['Bonn', 'Rom']}, "column 's' holds text (string)"),
        ('pyarrow table', {'s': ['Bonn', 'Rom']}, "column 's' holds text (string)"),
        ('polars', {'s': ['Bonn', 'Rom']}, "column 's' holds text (string_view)"),
        ('interchange', {'s': ['Bonn', 'Rom']}, "column 's' holds text (string)"),
        ('polars', {'x': [[1, 2], [3]]}, "column 'x' does not hold plain numbers (list)"),
        ('pyarrow table', {'x': [[1, 2], [3]]}, 'does not hold plain numbers (list<item: int64>)'),
        ('polars', {'d': [decimal.Decimal('1.5')]}, "column 'd' does not hold plain numbers (deci"),
    ],
)
def test_a_column_without_numbers_is_refused_by_name_and_type(kind, columns, expected, model):
    with pytest.raises(DataError) as refused:
        tfx_kmeans.fit(FRAMES[kind](columns), 1)
    assert expected in str(refused.value)
    assert 'rows must be numbers, but' in str(refused.value)
    (values,) = (values for name, values in columns.items() if name != 'x' or len(columns) == 1)
    with pytest.raises(DataError, match="rows must be numbers, but column 'y' "):
        model.predict_cluster_index(FRAMES[kind]({'x': [1.0] * len(values), 'y': values}))


def test_text_in_a_list_is_refused_by_column():
    with pytest.raises(DataError, match=r"but column '1' holds text \(str\)\. Leave text out"):
        tfx_kmeans.fit([[1.0, 'Bonn'], [2, 'Rom']], 1)


def test_decimals_are_numbers():
    prices = [decimal.Decimal('0.25'), decimal.Decimal('1.75')]
    for frame in (pa.table({'p': prices}), pd.DataFrame({'p': prices})):
        assert numbers_of(frame).tolist() == [[0.25], [1.75]]


@pytest.mark.parametrize('kind', ['pandas', 'pyarrow table', 'polars', 'interchange'])
def test_times_are_refused_with_what_to_do(kind):
    times = [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2)]
    frame = FRAMES[kind]({'x': [1.0, 2.0], 'when': times})
    with pytest.raises(DataError, match=r"column 'when' holds times \(\w+.*Convert times to numb"):
        tfx_kmeans.fit(frame, 1)


@pytest.mark.parametrize(
    'frame',
    [
        pd.DataFrame({'c': pd.Categorical(['a', 'b'])}),
        pa.table({'c': pa.array(['a', 'b']).dictionary_encode()}),
        pl.DataFrame({'c': pl.Series(['a', 'b'], dtype=pl.Categorical)}),
        OnlyInterchange(pd.DataFrame({'c': pd.Categorical(['a', 'b'])})),
    ],
    ids=['pandas', 'pyarrow', 'polars', 'interchange'],
)
def test_categories_are_refused_with_what_to_do(frame):
    with pytest.raises(DataError, match=r"column 'c' holds categories .* one column of 0 and 1"):
        tfx_kmeans.fit(frame, 1)


def test_a_slice_of_a_polars_frame_is_read_from_its_own_bits():
    rng = np.random.default_rng(0)
    flags, counts = rng.integers(0, 2, 50).astype(bool), rng.integers(0, 99, 50)
    gaps = [None if index in (2, 20) else index for index in range(50)]
    frame = pl.DataFrame({'flag': flags, 'count': counts, 'gap': gaps})[3:20]
    np.testing.assert_array_equal(
        numbers_of(frame), np.stack([flags, counts, np.arange(50)], axis=1)[3:20]
    )
    with pytest.raises(DataError, match="column 'gap': 1"):
        numbers_of(pl.DataFrame({'gap': gaps})[3:21])


MISSING = {
    'Int64 with pd.NA': pd.DataFrame({'x': pd.array([1, None, None], 'Int64'), 'y': [1, 2, 3]}),
    'boolean': pd.DataFrame({'x': pd.array([True, None, None], 'boolean'), 'y': [1, 2, 3]}),
    'Float64': pd.DataFrame({'x': pd.array([1.5, None, None], 'Float64'), 'y': [1, 2, 3]}),
    'pandas objects': pd.DataFrame(
        {'x': pd.Series([1, None, pd.NA], dtype=object), 'y': [1, 2, 3]}
    ),
    'pyarrow types': pd.DataFrame(
        {'x': pd.array([1, None, None], pd.ArrowDtype(pa.int64())), 'y': [1, 2, 3]}
    ),
    'interchange': Masked(pd.DataFrame({'x': [1, 2, 3], 'y': [1, 2, 3]}), x=2),
    'pyarrow': pa.table({'x': [1, None, None], 'y': [1, 2, 3]}),
    'pyarrow batch': batch_of({'x': [1, None, None], 'y': [1, 2, 3]}),
    'polars': pl.DataFrame({'x': [1, None, None], 'y': [1, 2, 3]}),
    'polars booleans': pl.DataFrame({'x': [True, None, None], 'y': [1, 2, 3]}),
    'polars chunks': pl.concat(
        [pl.DataFrame({'x': [1], 'y': [1]}), pl.DataFrame({'x': [None] * 2, 'y': [2, 3]})],
        how='vertical_relaxed',
        rechunk=False,
    ),
}


@pytest.mark.parametrize('kind', list(MISSING))
def test_missing_values_are_counted_by_column(kind):
    with pytest.raises(
        DataError, match=r"missing values, by column of 3 values each: column 'x': 2\. .*fill in"
    ):
        tfx_kmeans.fit(MISSING[kind], 1)


def test_an_unknown_number_of_missing_values_and_an_unknown_type_are_refused():
    frame = pd.DataFrame({'x': [1, 2]})
    with pytest.raises(DataError, match=r"column 'x' .*\(unknown number of missing values\)"):
        tfx_kmeans.fit(Masked(frame, x=None), 1)
    with pytest.raises(DataError, match=r"column 'x' .*\(not in the interchange protocol\)"):
        tfx_kmeans.fit(OnlyInterchange(frame.astype('complex128')), 1)


@pytest.mark.parametrize(
    ('frame', 'missing'),
    [
        (pa.table({'n': pa.nulls(3)}), 3),
        (pl.DataFrame({'n': [None, None]}), 2),
        (pd.DataFrame({'n': [None, None]}), 2),
    ],
)
def test_a_column_of_nothing_but_missing_values(frame, missing):
    with pytest.raises(DataError, match=rf"of {missing} values each: column 'n': {missing}\."):
        tfx_kmeans.fit(frame, 1)


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        ([[1, None], [2, 3]], "column '1': 1."),
        ([[1.5, pd.NA], [pd.NA, pd.NA]], "column '0': 1; column '1': 2."),
        (np.array([[None, 1], [None, 2]], object), "column '0': 2."),
        (np.ma.array(np.eye(3), mask=np.eye(3)), "column '0': 1; column '1': 1; column '2': 1."),
    ],
    ids=['list', 'pd.NA', 'objects', 'masked'],
)
def test_missing_values_of_arrays_are_counted_by_column(rows, expected):
    with pytest.raises(DataError) as refused:
        tfx_kmeans.fit(rows, 1)
    assert f'values each: {expected}' in str(refused.value)


ARRAYS = [
    (np.array([[1, 2]], np.int8), np.int64),
    (np.array([[True, False]]), np.int64),
    (np.array([[2**63 - 1, 0]], np.uint64), np.int64),
    (np.array([[2**63, 0]], np.uint64), np.float64),
    (np.array([[0.5, 2]], np.float16), np.float32),
    (np.array([[0.5, 2]], '>f8'), np.float64),
    (np.array([[0.5, 2]], np.longdouble), np.float64),
    ([[1, 2], [3, 4]], np.int64),
    ([[1, 2.5], [3, 4]], np.float64),
    ([[2**70, 1]], np.float64),
    ([[decimal.Decimal('0.1'), fractions.Fraction(1, 4)]], np.float64),
    (np.array([[np.float32(0.1), 2]], object), np.float64),
    (np.ma.array([[1.5, 2]]), np.float64),
    (tf.constant([[0.5, 2]]), np.float32),
    (TorchLike([[0.5, 2]]), np.float64),
    (np.arange(6.0)[::-1].reshape(2, 3).T, np.float64),
]


@pytest.mark.parametrize(('rows', 'dtype'), ARRAYS, ids=lambda value: str(type(value).__name__))
def test_numbers_keep_their_precision(rows, dtype):
    numbers = numbers_of(rows)
    assert numbers.dtype == dtype
    expected = np.asarray(rows)
    if expected.dtype == object:
        expected = [[float(value) for value in row] for row in expected]
    np.testing.assert_array_equal(numbers, np.asarray(expected, dtype))
    for metric in METRICS.values():
        found = rows_to_cluster(numbers, None, metric)
        assert found.values.dtype == np.float32
        assert found.values.flags.c_contiguous
        assert not np.shares_memory(found.values, numbers)
        offset = np.zeros(numbers.shape[1]) if found.offset is None else found.offset
        exact = [
            [
                float(fractions.Fraction(value) - fractions.Fraction(less))
                for value, less in zip(row, offset.tolist(), strict=True)
            ]
            for row in numbers.tolist()
        ]
        np.testing.assert_array_equal(found.values, np.asarray(exact, np.float32))


def test_a_bfloat16_tensor_becomes_float32():
    numbers = numbers_of(tf.constant([[0.5, 2]], tf.bfloat16))
    assert numbers.dtype == np.float32
    assert numbers.tolist() == [[0.5, 2]]


@pytest.mark.parametrize(
    'rows',
    [
        np.array([[2**63 + 1, 1], [2**64 - 1, 1], [2**63, 1]], np.uint64),
        pd.DataFrame({0: [2**53 + 1, 2**63 - 1, 2**53], 1: [0.5, 0.5, 0.5]}),
        pl.DataFrame({'0': [2**53 + 1, 2**63 - 1, 2**53], '1': [0.5, 0.5, 0.5]}),
        np.array([[2**70 + 1, 0.5], [2**53 + 1, 1], [2**70, 1]], object),
    ],
    ids=['uint64', 'pandas', 'polars', 'objects'],
)
def test_integers_that_would_be_rounded_are_refused_by_column(rows):
    with pytest.raises(
        DataError, match=r"float64 can hold exactly \(column '0': 2, for example \d{16,}\)\. Leave"
    ):
        tfx_kmeans.fit(rows, 1)


@pytest.mark.parametrize(
    ('rows', 'found'),
    [
        ([[1e39, 1], [-1e300, 2], [0, 3]], "column '0': 2 of 3, for example 1e+39"),
        (pd.DataFrame({'p': [1, 2], 'q': [3, -4e38]}), "column 'q': 1 of 2, for example -4e+38"),
        (pl.DataFrame({'p': [1e39, 2.0]}), "column 'p': 1 of 2, for example 1e+39"),
        ([[10**400, 1]], "column '0': 1 of 1, for example 1.79769e+308"),
    ],
)
def test_what_float32_cannot_hold_is_called_too_large(rows, found, model):
    with pytest.raises(DataError) as refused:
        tfx_kmeans.fit(rows, 1)
    assert f'too large for float32, whose maximum is 3.4e+38 ({found})' in str(refused.value)
    assert 'infinite' not in str(refused.value)
    with pytest.raises(DataError, match=r"too large for float32.*column 'y': 1 of 1"):
        model.score([[0, 1e39]])


def test_the_largest_float32_is_not_too_large():
    largest = float(np.finfo(np.float32).max)
    assert numbers_of([[largest, -largest]]).tolist() == [[largest, -largest]]


def test_nan_and_infinity_are_counted_by_column_without_advice_about_transform():
    with pytest.raises(DataError) as refused:
        tfx_kmeans.fit(pl.DataFrame({'p': [np.nan, 1.0, np.nan], 'q': [1.0, 2, -np.inf]}), 1)
    assert "column 'p': 2 NaN, 0 infinite; column 'q': 0 NaN, 1 infinite" in str(refused.value)
    assert 'Transform' not in str(refused.value)


@pytest.mark.parametrize(
    'make', [scipy.sparse.csr_matrix, scipy.sparse.coo_array, scipy.sparse.dok_matrix]
)
def test_a_sparse_matrix_is_refused_with_toarray(make, model):
    rows = make(np.eye(2))
    for call in (
        lambda: tfx_kmeans.fit(rows, 1),
        lambda: model.predict_cluster_index(rows),
        lambda: list(model.predict(rows)),
    ):
        with pytest.raises(DataError, match=r'sparse matrix \(\w+\).* Pass rows\.toarray\(\)'):
            call()


@pytest.mark.parametrize(
    'frame',
    [
        pd.DataFrame([[1, 2, 3]], columns=['x', 'y', 'x']),
        pa.table([[1], [2], [3]], names=['x', 'y', 'x']),
        OnlyInterchange(pd.DataFrame([[1, 2, 3]], columns=['x', 'y', 'x'])),
    ],
    ids=['pandas', 'pyarrow', 'interchange'],
)
def test_repeated_column_names_are_refused_by_name(frame, model):
    unnamed = tfx_kmeans.fit(np.eye(3), 1)
    calls = [lambda: tfx_kmeans.fit(frame, 1)]
    for one in (model, unnamed):
        calls += [
            lambda one=one: one.predict_cluster_index(frame),
            lambda one=one: one.transform(frame),
            lambda one=one: one.score(frame),
            lambda one=one: list(one.predict(frame)),
            lambda one=one: one.evaluate(frame, log_dir=None),
        ]
    for call in calls:
        with pytest.raises(DataError, match=r"columns with the same name: 'x' \(2 times\)\. Ren"):
            call()


def test_new_names_may_be_given_to_repeated_ones():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=['x', 'x'])
    found = tfx_kmeans.fit(frame, 1, column_names=['x0', 'x1'])
    assert found.metadata.column_names == ('x0', 'x1')
    assert found.cluster_centers().tolist() == [[2, 3]]


@pytest.mark.parametrize('names', [['x', 'x'], 'xy'])
def test_column_names_must_be_distinct(names):
    with pytest.raises(ParameterError, match='column_names '):
        tfx_kmeans.fit(np.eye(2), 1, column_names=names)


@pytest.mark.parametrize('rows', [{'x': [1, 2]}, iter([[1, 2]]), pl.LazyFrame({'x': [1]}), 5, None])
def test_other_objects_are_refused_by_type(rows, model):
    with pytest.raises(DataError, match=rf'rows must .*(got {type(rows).__name__}|got \[\])'):
        tfx_kmeans.fit(rows, 1)
    if not hasattr(rows, '__iter__'):
        with pytest.raises(DataError, match='rows must'):
            list(model.predict(rows))


@pytest.mark.parametrize('series', [pd.Series([1, 2]), pl.Series([1, 2]), pa.array([1, 2])])
def test_a_single_column_without_a_frame_is_refused_by_its_shape(series):
    with pytest.raises(DataError, match=r'shape \[n, d\], with d of at least 1; got \[2\]'):
        tfx_kmeans.fit(series, 1)


@pytest.mark.parametrize('frame', [pd.DataFrame(), pl.DataFrame(), pa.table({})])
def test_a_frame_without_columns_is_refused(frame):
    with pytest.raises(DataError, match=r'with d of at least 1; got \[0, 0\]'):
        tfx_kmeans.fit(frame, 1)


def test_options_may_be_numpy_numbers(tmp_path, rows):
    found = tfx_kmeans.fit(
        rows,
        np.int64(3),
        seed=np.uint8(4),
        max_iterations=np.int16(7),
        num_restarts=np.array(2),
        relative_tolerance=np.float32(0.5),
        use_mini_batch=np.bool_(True),
        batch_size=np.int32(64),
    )
    plain = tfx_kmeans.fit(
        rows,
        3,
        seed=4,
        max_iterations=7,
        num_restarts=2,
        relative_tolerance=0.5,
        use_mini_batch=True,
        batch_size=64,
    )
    assert np.array_equal(found.cluster_centers(), plain.cluster_centers())
    kinds = {name: type(value) for name, value in found.metadata.options.items()}
    assert kinds == {name: type(value) for name, value in plain.metadata.options.items()}
    found.save(tmp_path)
    assert tfx_kmeans.KMeansModel.load(tmp_path).metadata.options == plain.metadata.options
    again = tfx_kmeans.fit(rows, base_model=found, num_restarts=np.int64(1))
    assert again.metadata.num_clusters == 3


@pytest.mark.parametrize('k', [np.True_, np.float64(3.0), np.array([3]), np.int64(0), '3'])
def test_other_numbers_of_clusters_are_refused(rows, k):
    with pytest.raises(ParameterError, match='num_clusters must be an integer of at least 1, got '):
        tfx_kmeans.fit(rows, k)


def test_more_clusters_than_distinct_rows_give_a_warning():
    rows = np.repeat([[0.0, 0.0], [0.0, 5.0], [5.0, 0.0]], 10, axis=0)
    message = r'num_clusters is 5, but the data has only 3 distinct rows, so that 2 clusters are em'
    with pytest.warns(EmptyClustersWarning, match=message):
        found = tfx_kmeans.fit(rows, 5)
    assert found.inertia == 0
    tfx_kmeans.fit(rows, 3)
    weights = np.repeat([1.0, 0.0, 1.0], 10)
    with pytest.warns(EmptyClustersWarning, match='has only 2 distinct rows, so that 1 clusters'):
        tfx_kmeans.fit(rows, 3, sample_weight=weights)
