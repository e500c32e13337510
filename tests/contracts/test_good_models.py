"""Good models of every kind are blessed and pushed: no check refuses one of them."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from tests.contracts.conftest import transformed_by
from tests.contracts.examples import raw_example
from tests.unit.serving.feature_names import NAMES

GOOD = {}


def good(make):
    """Adds a function to the catalogue: from workshop and fixtures to model, centroids, inputs."""
    GOOD[make.__name__] = make
    return make


def plain(shop, rows, export=None, examples=None, **options):
    """A model of rows of a, b and c, without Transform."""
    examples = examples or shop.examples(train=rows[: len(rows) * 3 // 4], eval=rows)
    trained = shop.train(examples, **options)
    model = shop.export(trained.centroids, examples, **(export or {}))
    return model, trained.centroids, {'examples': examples}


def behind(shop, base, **export):
    model = shop.export(base.centroids, base.examples, transform_graph=base.graph, **export)
    inputs = {'examples': base.examples, 'transformed': base.transformed}
    return model, base.centroids, inputs


def blobs(clusters, width, rows=600, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(scale=5, size=(clusters, width)) + offset
    points = centers[rng.integers(clusters, size=rows)] + rng.normal(size=(rows, width))
    return points.astype(np.float32)


@good
def float16(shop, many_rows, behind_transform):
    return plain(shop, many_rows, {'precision': 'float16'})


@good
def int8(shop, many_rows, behind_transform):
    return plain(shop, many_rows, {'precision': 'int8'})


@good
def cosine(shop, many_rows, behind_transform):
    return plain(shop, many_rows - 100, distance_metric='cosine')


@good
def cosine_float16(shop, many_rows, behind_transform):
    return plain(shop, many_rows - 100, {'precision': 'float16'}, distance_metric='cosine')


@good
def cosine_int8(shop, many_rows, behind_transform):
    return plain(shop, many_rows - 100, {'precision': 'int8'}, distance_metric='cosine')


@good
def cosine_with_rows_of_zeros(shop, many_rows, behind_transform):
    rows = many_rows - 100
    examples = shop.examples(train=rows, test=np.vstack([rows[:50], np.zeros((3, 3), np.float32)]))
    model, centroids, inputs = plain(shop, rows, examples=examples, distance_metric='cosine')
    return model, centroids, {**inputs, 'splits': ['test']}


@good
def transform(shop, many_rows, behind_transform):
    return behind(shop, behind_transform)


@good
def transform_float16_and_warmup(shop, many_rows, behind_transform):
    return behind(shop, behind_transform, precision='float16', warmup=5)


@good
def transform_int8_with_features_passed_through(shop, many_rows, behind_transform):
    return behind(shop, behind_transform, precision='int8', passthrough_features=['label', 'price'])


@good
def raw_by_default(shop, many_rows, behind_transform):
    return behind(shop, behind_transform, default_signature='raw')


@good
def features_by_default(shop, many_rows, behind_transform):
    return plain(shop, many_rows, {'default_signature': 'features', 'passthrough_features': ['id']})


@good
def one_cluster(shop, many_rows, behind_transform):
    return plain(shop, many_rows, num_clusters=1)


@good
def one_column(shop, many_rows, behind_transform):
    return plain(shop, many_rows, features=['a'])


@good
def one_cluster_of_one_column(shop, many_rows, behind_transform):
    return plain(shop, many_rows, features=['a'], num_clusters=1)


@good
def many_clusters(shop, many_rows, behind_transform):
    return plain(shop, blobs(700, 3, rows=6000), num_clusters=700, max_iterations=3)


@good
def as_many_clusters_as_rows(shop, many_rows, behind_transform):
    return plain(shop, blobs(20, 3, rows=40), num_clusters=30)


@good
def far_from_the_origin(shop, many_rows, behind_transform):
    return plain(shop, many_rows + 10_000)


@good
def far_from_the_origin_int8(shop, many_rows, behind_transform):
    return plain(shop, many_rows + 10_000, {'precision': 'int8'})


@good
def large_and_tiny_values(shop, many_rows, behind_transform):
    return plain(shop, blobs(4, 3) * np.float32([1e-6, 1, 1e6]))


@good
def nearest_by_a_hair(shop, many_rows, behind_transform):
    """Rows midway between centroids, whose cluster depends on rounding."""
    grid = np.stack(np.meshgrid(*[np.arange(0, 5, 0.5)] * 3), axis=-1).reshape(-1, 3)
    return plain(shop, grid.astype(np.float32) + 100, num_clusters=8)


@good
def integers(shop, many_rows, behind_transform):
    return plain(shop, many_rows, exclude_features=[])


@good
def mini_batches_and_graph_as_text(shop, many_rows, behind_transform):
    return plain(shop, many_rows, {'as_text': True}, use_mini_batch=True, batch_size=100)


@good
def fewer_examples_than_a_batch(shop, many_rows, behind_transform):
    return plain(shop, many_rows, examples=shop.examples(train=many_rows, eval=many_rows[:2]))


@good
def only_the_first_examples(shop, many_rows, behind_transform):
    model, centroids, inputs = behind(shop, behind_transform)
    return model, centroids, {**inputs, 'max_examples': 50}


@good
def attributes_and_files_of_ones_own(shop, many_rows, behind_transform):
    extra = shop.folder / 'extra.txt'
    extra.write_text('hello')
    options = {'assets_extra': {'notes/extra.txt': str(extra)}, 'strip_default_attrs': False}
    return plain(shop, many_rows, options)


VARIED = """
feature { name: "n" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "count (1/2)" type: INT presence { min_fraction: 1.0 } shape {} }
feature { name: "vector" type: FLOAT presence { min_fraction: 1.0 } shape { dim { size: 3 } } }
feature { name: "words" type: BYTES }
feature { name: "numbers" type: FLOAT }
feature { name: "name" type: BYTES presence { min_fraction: 1.0 } shape {} }
"""


@good
def features_of_every_kind_some_missing(shop, many_rows, behind_transform):
    """Vectors, integers, strings with zero bytes; rows with missing features, or far away."""
    records = []
    for index, row in enumerate(many_rows[:200]):
        example = tf.train.Example()
        feature = example.features.feature
        feature['vector'].float_list.value.extend(row)
        feature['words'].bytes_list.value.extend([b'x\0'] * (index % 3))
        feature['numbers'].float_list.value.extend([1.5] * (index % 4))
        feature['name'].bytes_list.value.append(b'caf\xc3\xa9\0')
        odd = {150: np.nan, 155: 3e38, 156: 1.8e19}
        feature['n'].float_list.value.append(odd.get(index, row[0] - row[1]))
        feature['count (1/2)'].int64_list.value.append(index % 5)
        if index in (151, 152):
            feature[['n', 'count (1/2)'][index - 151]].Clear()
        if index in (153, 154):
            del feature[['n', 'count (1/2)'][index - 153]]
        records.append(example.SerializeToString())
    examples = shop.written('eval', 'eval', [*records[150:], *records[:150]])
    features = ['n', 'vector', 'count (1/2)']
    passed = ['words', 'name', 'numbers']
    return with_schema(shop, VARIED, records[:150], examples, features, passed)


def with_schema(shop, text, records, examples, features, passthrough=()):
    """A model of examples with another schema."""
    schema = shop.schema(text)
    shop.schema = lambda _=None: schema
    train = shop.written('train', 'train', records)
    trained = shop.train(train, features=features, exclude_features=[])
    model = shop.export(trained.centroids, passthrough_features=list(passthrough))
    return model, trained.centroids, {'examples': examples}


def named_table(names, rows=120):
    """A schema of numbers with these names, the third of which may be missing, and its rows."""
    schema = schema_pb2.Schema()
    for index, name in enumerate(names):
        kind = schema_pb2.INT if index % 5 == 1 else schema_pb2.FLOAT
        feature = schema.feature.add(name=name, type=kind)
        feature.presence.min_fraction = 1.0
        feature.shape.SetInParent()
    points = np.rint(blobs(3, len(names), rows=rows) * 10).tolist()
    kinds = [int if feature.type == schema_pb2.INT else float for feature in schema.feature]
    table = [
        {name: kind(value) for name, kind, value in zip(names, kinds, point, strict=True)}
        for point in points
    ]
    return schema, table


def serialized(row):
    example = tf.train.Example()
    for name, value in row.items():
        feature = example.features.feature[name]
        (feature.int64_list if isinstance(value, int) else feature.float_list).value.append(value)
    return example.SerializeToString()


@good
def features_of_any_name(shop, many_rows, behind_transform):
    """Names in other scripts, with quotes, spaces and line breaks, and those of Python."""
    schema, table = named_table(NAMES)
    passed = [name for name in NAMES if name not in ('cluster_index', 'distance')]
    records = list(map(serialized, table))
    examples = shop.written('eval', 'eval', records)
    return with_schema(shop, str(schema), records, examples, list(NAMES), passed[::3])


@good
def features_of_any_name_behind_transform(shop, many_rows, behind_transform):
    schema, table = named_table(NAMES)
    graph, encoded = transformed_by(halves, table, shop.folder, str(schema))
    transformed = shop.written('transformed', 'eval', encoded)
    trained = shop.train(transformed, transform_graph=graph, splits=['eval'], num_clusters=3)
    examples = shop.written('examples', 'eval', map(serialized, table))
    options = {'default_signature': 'raw', 'warmup': 3, 'passthrough_features': ['größe', 'self']}
    model = shop.export(trained.centroids, examples, graph, **options)
    return model, trained.centroids, {'examples': examples, 'transformed': transformed}


def halves(inputs):
    """A preprocessing_fn that keeps the names."""
    return {name: tf.cast(values, tf.float32) / 2 for name, values in inputs.items()}


WIDTH = 7


def imputed(inputs):
    """A preprocessing_fn: NaN in a vector is replaced by the number of its position."""
    values = inputs['v']
    if isinstance(values, tf.SparseTensor):
        whole = tf.sparse.reset_shape(values, [values.dense_shape[0], WIDTH])
        values = tf.sparse.to_dense(whole, default_value=-1.0)
    elif isinstance(values, tf.RaggedTensor):
        values = values.to_tensor(default_value=-1.0, shape=[None, WIDTH])
    positions = tf.range(WIDTH, dtype=tf.float32)
    return {'v': tf.where(tf.math.is_nan(values), positions, tf.reshape(values, [-1, WIDTH]))}


def vector_with_missing_values(shop, feature):
    """A vector in whose every row but the first a value is NaN, but never the last value."""
    rows = blobs(3, WIDTH, rows=150)
    rows[np.arange(1, 150), np.arange(1, 150) % (WIDTH - 1)] = np.nan
    table = [{'v': row} for row in rows.tolist()]
    graph, encoded = transformed_by(imputed, table, shop.folder, feature)
    transformed = shop.written('transformed', 'eval', encoded)
    trained = shop.train(transformed, transform_graph=graph, splits=['eval'], num_clusters=3)
    records = []
    for row in rows:
        example = tf.train.Example()
        example.features.feature['v'].float_list.value.extend(row)
        records.append(example.SerializeToString())
    examples = shop.written('examples', 'eval', records)
    model = shop.export(trained.centroids, examples, graph, warmup=3)
    return model, trained.centroids, {'examples': examples, 'transformed': transformed}


FIXED = f"""
feature {{
  name: "v" type: FLOAT presence {{ min_fraction: 1.0 }} shape {{ dim {{ size: {WIDTH} }} }}
}}
"""
SPARSE = 'feature { name: "v" type: FLOAT }'
RAGGED = SPARSE + ' represent_variable_length_as_ragged: true'


@good
def a_vector_with_missing_values(shop, many_rows, behind_transform):
    return vector_with_missing_values(shop, FIXED)


@good
def a_sparse_vector_with_missing_values(shop, many_rows, behind_transform):
    return vector_with_missing_values(shop, SPARSE)


@good
def a_ragged_vector_with_missing_values(shop, many_rows, behind_transform):
    return vector_with_missing_values(shop, RAGGED)


@good
def rows_midway_between_clusters_in_many_columns(shop, many_rows, behind_transform):
    rng = np.random.default_rng(0)
    corners = rng.integers(-3, 4, size=(4, 20)) * 7.0
    rows = np.repeat(corners, 50, axis=0)
    midway = (corners[rng.integers(4, size=200)] + corners[rng.integers(4, size=200)]) / 2
    text = VARIED.replace('size: 3', 'size: 20')

    def written(values):
        example = tf.train.Example()
        example.features.feature['vector'].float_list.value.extend(values)
        return example.SerializeToString()

    examples = shop.written('eval', 'eval', map(written, midway))
    return with_schema(shop, text, list(map(written, rows)), examples, ['vector'])


@good
def an_optional_number_that_is_none(shop, many_rows, behind_transform):
    """A NaN in an example is a value for `examples`, and a missing value for `raw`."""
    base = behind_transform
    rows = [dict(row) for row in base.rows]
    rows[3]['price'] = [float('nan')]
    model, centroids, _ = behind(shop, base)
    return model, centroids, {'examples': shop.written('none', 'eval', map(raw_example, rows))}


WITHOUT_INERTIA = ('as_many_clusters_as_rows', 'rows_midway_between_clusters_in_many_columns')


@pytest.mark.parametrize('name', GOOD)
def test_a_good_model_is_blessed_and_pushed(name, workshop, many_rows, behind_transform):
    model, centroids, inputs = GOOD[name](workshop, many_rows, behind_transform)
    found = workshop.validate(model, centroids, **inputs)
    expected = ['nonzero_inertia'] if name in WITHOUT_INERTIA else []  # which only warns
    assert found.failed == expected, json.dumps(
        [check for check in found.checks if not check['passed']], indent=1
    )
    assert len(workshop.push(model, found)) == 1


def test_names_are_compared_with_a_baseline_and_shown_in_the_report(workshop, many_rows):
    model, centroids, inputs = features_of_any_name(workshop, many_rows, None)
    found = workshop.validate(model, centroids, baseline=[model], **inputs)
    assert not found.failed
    assert {check['name'] for check in found.checks} >= {'baseline_inputs', 'needless_inputs'}
    page = (workshop.folder / 'report' / 'report.html').read_text()
    for shown in ('größe', '身長', 'Рост', '🙂', '&lt;b&gt;&amp;amp;'):
        assert shown in page
    assert '<b>&amp;' not in page


@pytest.mark.parametrize('feature', [FIXED, SPARSE, RAGGED])
def test_rows_with_nan_inside_a_vector_are_compared(workshop, feature):
    model, centroids, inputs = vector_with_missing_values(workshop, feature)
    found = workshop.validate(model, centroids, **inputs)
    (parity,) = (check for check in found.checks if check['name'] == 'raw_parity')
    assert parity['found'].startswith('150 rows: 0 in a wrong cluster'), parity


def test_rows_that_raw_cannot_represent_are_counted(workshop, many_rows, behind_transform):
    model, centroids, inputs = an_optional_number_that_is_none(
        workshop, many_rows, behind_transform
    )
    found = workshop.validate(model, centroids, **inputs)
    (parity,) = (check for check in found.checks if check['name'] == 'raw_parity')
    assert '119 rows: 0 in a wrong cluster' in parity['found']
    assert '; not compared: 1, because' in parity['found']
