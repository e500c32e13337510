"""The preprocessing of mixed tables, compared with scikit-learn on the original values."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.contracts.conftest import Workshop, transformed_by
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.pipelines.column_options import ColumnOptions, custom_config_of
from tfx_kmeans.pipelines.preprocessing import preprocessing_fn

# tensorflow_transform divides by the number of values in a batch, which may be 0.
pytestmark = pytest.mark.filterwarnings('ignore:invalid value encountered in divide')

NAN = float('nan')
KINDS = {'age': 'INT', 'income': 'FLOAT', 'balance': 'FLOAT', 'city': 'BYTES', 'plan': 'INT'}
KINDS |= {'kind': 'BYTES', 'name': 'BYTES', 'wide': 'FLOAT'}
SCHEMA = ''.join(f'feature {{ name: "{name}" type: {kind} }}\n' for name, kind in KINDS.items())
OPTIONS = ColumnOptions(
    features=['age', 'balance', 'city', 'income', 'kind', 'plan', 'w2', 'w1'],
    categorical={
        'city': ['Köln', 'Ulm', 'nowhere', None],
        'plan': [2, 1, -(2**62) - 1],
        'kind': ['a', 'b'],
    },
    log=['balance', 'income', 'w2'],
    clip={'age': (18, 90), 'balance': (-5000, None), 'w2': (None, 3.5)},
    vectors={'wide': ['w0', 'w1', 'w2']},
)


def made_table(rows=400, seed=0):
    """Columns of a table, with NaN or None for missing values."""
    rng = np.random.default_rng(seed)
    columns = {
        'age': rng.integers(1, 110, rows).astype(object),
        'income': rng.lognormal(8, 2, rows).astype('f').astype(float),
        'balance': (rng.normal(size=rows) ** 3 * 1e4).astype('f').astype(float),
        'city': rng.choice(['Köln', 'Ulm', 'Bonn', 'Aachen'], rows, p=[0.6, 0.3, 0.06, 0.04]),
        'plan': rng.choice([1, 2, 3, -(2**62) - 1, -(2**62)], rows, p=[0.3, 0.4, 0.1, 0.1, 0.1]),
        'kind': np.where(rng.random(rows) < 0.2, 'a', 'b'),
    }
    columns = {name: values.astype(object) for name, values in columns.items()}
    for column in columns.values():
        column[rng.random(rows) < 0.1] = None
    columns['kind'][columns['kind'] == None] = 'b'  # noqa: E711  # none is missing
    wide = rng.normal(2, 3, (rows, 3)).astype('f').astype(float)
    wide[rng.random(wide.shape) < 0.1] = NAN
    wide[rng.random(rows) < 0.05] = NAN  # where all are missing, the feature is absent
    return {**columns, **{f'w{index}': wide[:, index].astype(object) for index in range(3)}}


def raw_rows(table):
    """The table as rows for Transform."""
    rows = []
    for index in range(len(table['age'])):
        row = {name: table[name][index] for name in KINDS if name in table}
        row = {name: [] if value is None else [value] for name, value in row.items()}
        row['name'] = [f'row {index}']
        values = [float(table[f'w{position}'][index]) for position in range(3)]
        row['wide'] = [] if np.isnan(values).all() else values
        rows.append(row)
    return rows


def serialized(row):
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        if KINDS[name] == 'BYTES':
            feature.bytes_list.value.extend(value.encode() for value in values)
        else:
            kind = 'int64_list' if KINDS[name] == 'INT' else 'float_list'
            getattr(feature, kind).value.extend(values)
    return example.SerializeToString()


def numbers_of(table, name):
    column = np.array([NAN if value is None else float(value) for value in table[name]])
    low, high = OPTIONS.clip.get(name, (None, None))
    if low is not None or high is not None:
        column = np.clip(column, -np.inf if low is None else low, np.inf if high is None else high)
    return np.sign(column) * np.log1p(np.abs(column)) if name in OPTIONS.log else column


def one_hot_of(table, name):
    categories = [value for value in OPTIONS.categorical[name] if value is not None]
    present = np.array([value is not None for value in table[name]])
    encoder = OneHotEncoder(
        categories=[np.array(categories, object)], handle_unknown='ignore', sparse_output=False
    )
    given = np.array([categories[0] if v is None else v for v in table[name]], object)[:, None]
    hot = encoder.fit(np.array(categories, object)[:, None]).transform(given)
    if OPTIONS.categorical[name][-1] is None:
        hot = np.c_[hot, hot.sum(axis=1) == 0]
    hot[~present] = NAN
    return hot


def reference(trained, served):
    """The vectors of the served table by scikit-learn, float64 [n, d]."""
    blocks = []
    for name in OPTIONS.features:
        if name in OPTIONS.categorical:
            before, after = one_hot_of(trained, name), one_hot_of(served, name)
            imputer = SimpleImputer().fit(before)
            spread = np.sqrt(imputer.transform(before).var(axis=0).sum())
            blocks.append((imputer.transform(after) - imputer.statistics_) / spread)
        else:
            before, after = numbers_of(trained, name)[:, None], numbers_of(served, name)[:, None]
            imputer = SimpleImputer().fit(before)
            scaler = StandardScaler().fit(imputer.transform(before))
            blocks.append(scaler.transform(imputer.transform(after)))
    return np.concatenate(blocks, axis=1)


def mixed(inputs):
    return preprocessing_fn(inputs, custom_config_of(OPTIONS))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A table, its rows after Transform, and a model trained on them."""
    folder = tmp_path_factory.mktemp('mixed')
    shop, table = Workshop(folder), made_table()
    rows = raw_rows(table)
    graph, encoded = transformed_by(mixed, rows, folder, SCHEMA)
    names = OPTIONS.names_of(OPTIONS.features)
    centroids = shop.train(
        shop.written('transformed', 'eval', encoded),
        transform_graph=graph,
        column_names=names,
        splits=['eval'],
    ).centroids
    model = shop.export(centroids, transform_graph=graph)
    spec = {'features': tf.io.FixedLenFeature([len(names)], tf.float32)}
    found = tf.io.parse_example(encoded, spec)['features'].numpy()
    served = tf.saved_model.load(f'{model.uri}/Format-Serving')
    return SimpleNamespace(
        table=table, rows=rows, found=found, served=served, centroids=centroids, names=names
    )


def test_rows_are_those_of_scikit_learn(trained):
    expected = reference(trained.table, trained.table)
    np.testing.assert_allclose(trained.found, expected, rtol=2e-6, atol=2e-6)
    assert np.isfinite(expected).all()


def test_columns_have_their_names_in_order(trained):
    assert read_payload(trained.centroids.uri).metadata.column_names == (
        'age',
        'balance',
        'city=Köln',
        'city=Ulm',
        'city=nowhere',
        'city=other',
        'income',
        'kind=a',
        'kind=b',
        'plan=2',
        'plan=1',
        f'plan={-(2**62) - 1}',
        'w2',
        'w1',
    )


def test_new_rows_with_unseen_and_missing_values_are_served_alike(trained):
    new = made_table(rows=200, seed=1)
    for name, values in {
        'city': ['nowhere', 'München', 'other', 'ULM', ''],
        'plan': [7, 0, -(2**62), 2**62, None],
        'kind': [None, 'c', 'a ', 'ab', 'A'],
        'age': [-1, 1000, None, 18, 90],
        'balance': [-1e30, 1e30, -0.5, 0.0, -1.0],
    }.items():
        new[name][:5] = values
    rows = raw_rows(new)
    new['city'][4] = None  # the empty string is a missing value
    served = trained.served.signatures['preprocess'](
        examples=tf.constant([serialized(row) for row in rows])
    )['features']
    expected = reference(trained.table, new)
    np.testing.assert_allclose(served, expected, rtol=3e-6, atol=3e-6)


def test_a_categorical_column_has_the_weight_of_one_number(trained):
    for name in OPTIONS.features:
        columns = [
            index
            for index, column in enumerate(trained.names)
            if column == name or column.startswith(f'{name}=')
        ]
        rows = trained.found[:, columns].astype(float)
        np.testing.assert_allclose(rows.var(axis=0).sum(), 1, rtol=1e-5)
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-6)


def test_two_categories_are_as_far_apart_as_zero_and_one_standardised(trained):
    is_a = trained.table['kind'] == 'a'
    kind = trained.found[:, [trained.names.index('kind=a'), trained.names.index('kind=b')]]
    squared = np.square(kind[is_a][0] - kind[~is_a][0]).sum()
    share = is_a.mean()
    np.testing.assert_allclose(squared, 1 / (share * (1 - share)), rtol=1e-5)
    standard = StandardScaler().fit_transform(is_a.astype(float)[:, None])
    np.testing.assert_allclose(squared, np.ptp(standard) ** 2, rtol=1e-5)


@pytest.mark.parametrize('lists', [[[1.0]], [[1.0, 2.0], []], [[1.0, 2.0, 3.0, 4.0], [1.0] * 3]])
def test_vectors_with_another_number_of_values_are_an_error(trained, lists):
    rows = [{**trained.rows[0], 'wide': values} for values in lists]
    records = tf.constant([serialized(row) for row in rows])
    with pytest.raises(tf.errors.InvalidArgumentError, match='vector_wide_must_have_3_values'):
        trained.served.signatures['examples'](examples=records)


def test_dense_inputs_get_the_same_rows(trained):
    raw = trained.served.signatures['raw']
    rows = trained.rows[:50]
    records = tf.constant([serialized(row) for row in rows])
    expected = trained.served.signatures['examples'](examples=records)
    inputs = {}
    for name, spec in raw.structured_input_signature[1].items():
        width = 3 if name == 'wide' else 1
        blank = {tf.string: b'', tf.int64: -(2**63), tf.float32: NAN}[spec.dtype]
        values = [[*row[name], *[blank] * width][:width] for row in rows]
        inputs[name] = tf.reshape(
            tf.constant(values, spec.dtype), [-1, width] if spec.shape.rank > 1 else [-1]
        )
    found = raw(**inputs)
    np.testing.assert_array_equal(found['cluster_index'], expected['cluster_index'])
    np.testing.assert_allclose(found['distance'], expected['distance'], rtol=1e-6)
    inputs['wide'] = inputs['wide'][:, :2]
    with pytest.raises(tf.errors.InvalidArgumentError, match='vector_wide_must_have_3_values'):
        raw(**inputs)


def test_a_vector_may_be_missing_in_all_rows(trained):
    rows = [{**row, 'wide': []} for row in trained.rows[:3]]
    served = trained.served.signatures['preprocess'](
        examples=tf.constant([serialized(row) for row in rows])
    )['features'].numpy()
    np.testing.assert_allclose(served[:, -2:], 0, atol=1e-6)
    np.testing.assert_allclose(served[:, :-2], trained.found[:3, :-2], atol=1e-6)


SMALL = {'x': 'FLOAT', 'c': 'BYTES', 'b': 'INT'}
SMALL_SCHEMA = ''.join(
    f'feature {{ name: "{name}" type: {kind} }}\n' for name, kind in SMALL.items()
)


def transformed(rows, folder, **options):
    """A small table after Transform, float32 [n, d]."""

    def small(inputs):
        return preprocessing_fn(inputs, custom_config_of(ColumnOptions(**options)))

    _, encoded = transformed_by(small, rows, folder, SMALL_SCHEMA)
    parsed = tf.io.parse_example(encoded, {'features': tf.io.VarLenFeature(tf.float32)})
    return tf.sparse.to_dense(parsed['features']).numpy()


def test_constant_and_empty_columns_of_categories(tmp_path):
    rows = [{'x': [float(index)], 'c': ['only'], 'b': []} for index in range(7)]
    found = transformed(rows, tmp_path, categorical={'c': ['only', 'never', None], 'b': [1, None]})
    assert np.isnan(found[:, :2]).all()  # which the trainer refuses by name
    assert found[:, 2:5].tolist() == [[0, 0, 0]] * 7
    np.testing.assert_allclose(found[:, 5], StandardScaler().fit_transform(np.c_[:7])[:, 0])


def test_the_example_in_the_guide(tmp_path):
    cities = ['Ulm'] * 6 + ['Bonn'] * 3 + ['Köln']
    rows = [{'x': [], 'c': [city], 'b': []} for city in cities]
    found = transformed(rows, tmp_path, features=['c'], categorical={'c': ['Ulm', 'Bonn', None]})
    found = sorted(map(tuple, found.tolist()))  # Transform does not keep the order
    squared = np.square(np.subtract.outer(found, found).diagonal(axis1=1, axis2=3)).sum(axis=2)
    assert {round(one, 2) for one in squared.ravel()} == {0, 3.7}
    np.testing.assert_allclose(squared.mean(), 2, rtol=1e-5)
    from_missing = {round(np.square(row).sum(), 2) for row in found}  # all columns are 0 there
    assert from_missing == {0.48, 1.59, 2.33}
    guide = (Path(__file__).parents[2] / 'docs' / 'mixed_tables.md').read_text()
    for number in (3.7, 0.48, 1.59, 2.33):
        assert f'{number:.2f}' in guide


def test_categories_alone(tmp_path):
    rows = [{'x': [], 'c': [text], 'b': []} for text in 'aab']
    found = transformed(rows, tmp_path, features=['c'], categorical={'c': ['a']})
    np.testing.assert_allclose(found, StandardScaler().fit_transform([[1], [1], [0]]), rtol=1e-6)


def test_an_infinite_number_is_kept_unless_it_is_clipped(tmp_path):
    rows = [{'x': [x], 'c': [], 'b': []} for x in (1.0, 2.0, 4.0, np.inf)]
    assert np.isinf(transformed(rows, tmp_path / 'log', features=['x'], log=['x'])[3, 0])
    found = transformed(rows, tmp_path / 'clip', features=['x'], clip={'x': [None, 4]})
    expected = StandardScaler().fit_transform([[1], [2], [4], [4]])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
