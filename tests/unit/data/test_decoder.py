"""Copying and parsing records both give exactly the rows of tf.io.parse_example."""

import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfx_kmeans.data import decoder as decoder_module
from tfx_kmeans.data.decoder import Decoder
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.record_layout import layout_of
from tfx_kmeans.data.tfrecords import read_records
from tfx_kmeans.errors import DataError


def varint(value):
    out = b''
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def floats(values, packed=True):
    if packed:
        return field(2, field(1, struct.pack(f'<{len(values)}f', *values)))
    return field(2, b''.join(varint(1 << 3 | 5) + struct.pack('<f', v) for v in values))


def split_floats(values):
    half = len(values) // 2
    parts = (values[:half], values[half:])
    return field(2, b''.join(field(1, struct.pack(f'<{len(p)}f', *p)) for p in parts))


def integers(values, packed=True):
    encoded = [varint(value % 2**64) for value in values]
    if packed:
        return field(3, field(1, b''.join(encoded)))
    return field(3, b''.join(varint(1 << 3) + value for value in encoded))


def entry(name, feature):
    return field(1, field(1, name.encode()) + field(2, feature))


def example(*entries):
    return field(1, b''.join(entries))


@st.composite
def data_sets(draw):
    """A schema, and records of it in any encoding that protobuf allows."""
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    kinds = [draw(st.sampled_from(['float', 'float', 'int'])) for _ in widths]
    weighted = draw(st.booleans())
    steady = draw(st.booleans())  # most records have the same encoding, as in real files
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    habit = _Habit(rng)
    records = []
    for _ in range(draw(st.integers(1, 150))):
        if not steady or rng.random() < 0.02:
            habit = _Habit(rng)
        records.append(habit.record(rng, widths, kinds, weighted))
    spec = {
        f'f{i}': tf.io.FixedLenFeature(
            [w] if w > 1 else [], tf.float32 if k == 'float' else tf.int64
        )
        for i, (w, k) in enumerate(zip(widths, kinds, strict=True))
    }
    if weighted:
        spec['w'] = tf.io.FixedLenFeature([], tf.float32)
    return spec, weighted, records


class _Habit:
    """Encoding choices of one writer."""

    def __init__(self, rng):
        self.packed = rng.random() < 0.8
        self.split = rng.random() < 0.1
        self.shuffles = rng.random() < 0.5
        self.extra = [name for name in ('aa', 'zz', 'empty') if rng.random() < 0.3]
        self.repeats = rng.random() < 0.1
        self.extra_text = bytes(rng.integers(0, 256, rng.integers(0, 9)).astype(np.uint8))

    def record(self, rng, widths, kinds, weighted):
        entries = []
        for index, (width, kind) in enumerate(zip(widths, kinds, strict=True)):
            entries.append(entry(f'f{index}', self._values(rng, width, kind)))
            if self.repeats:
                entries.append(entry(f'f{index}', self._values(rng, width, kind)))
        if weighted:
            entries.append(entry('w', self._values(rng, 1, 'float')))
        for name in self.extra:
            entries.append(
                entry(name, b'' if name == 'empty' else field(1, field(1, self.extra_text)))
            )
        if self.shuffles:
            rng.shuffle(entries)
        return example(*entries)

    def _values(self, rng, width, kind):
        if kind == 'int':
            return integers(rng.integers(-1000, 1000, width).tolist(), self.packed)
        values = rng.normal(size=width).astype(np.float32).tolist()
        if self.split and width > 1:
            return split_floats(values)
        return floats(values, self.packed)


def write(path, records, compression=''):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def decoded(path, layout):
    blocks = [Decoder(layout).decode(path, records) for records in read_records(path)]
    rows = np.concatenate([block.rows for block in blocks])
    weights = [block.weights for block in blocks if block.weights is not None]
    return rows, np.concatenate(weights) if weights else None


@settings(deadline=None, max_examples=150)
@given(data=data_sets(), compression=st.sampled_from(['', 'GZIP']))
def test_any_encoding_gives_the_rows_of_parse_example(tmp_path_factory, data, compression):
    spec, weighted, records = data
    path = write(tmp_path_factory.mktemp('any') / 'records', records, compression)
    layout = choose_layout(spec, weight_feature='w' if weighted else None)
    try:
        parsed = tf.io.parse_example(tf.constant(records), spec)
    except tf.errors.InvalidArgumentError:  # rejects values in several packed fields
        with pytest.raises(DataError, match='record'):
            decoded(path, layout)
        return
    rows, weights = decoded(path, layout)
    names = sorted(name for name in spec if name != 'w')
    expected = np.concatenate(
        [parsed[name].numpy().reshape(len(records), -1).astype(np.float32) for name in names],
        axis=1,
    )
    assert rows.tobytes() == expected.tobytes()
    if weighted:
        assert np.array_equal(weights, parsed['w'].numpy().astype(np.float64))


VECTOR_AND_WEIGHT = {
    'v': tf.io.FixedLenFeature([5], tf.float32),
    'w': tf.io.FixedLenFeature([], tf.float32),
}


@pytest.fixture
def no_parsing(monkeypatch):
    def parse(*_):
        raise AssertionError('records were parsed whose bytes should have been copied')

    monkeypatch.setattr(decoder_module.tf.io, 'parse_example', parse)


def test_a_vector_and_a_weight_in_either_order_are_not_parsed(tmp_path, no_parsing):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5000, 6)).astype(np.float32)
    records = []
    for row in values:
        entries = [entry('v', floats(row[:5])), entry('w', floats(row[5:]))]
        records.append(example(*entries[:: rng.choice([-1, 1])]))
    path = write(tmp_path / 'records', records)
    rows, weights = decoded(path, choose_layout(VECTOR_AND_WEIGHT, weight_feature='w'))
    assert np.array_equal(rows, values[:, :5])
    assert np.array_equal(weights, values[:, 5].astype(np.float64))


def test_records_with_another_encoding_are_parsed_and_stay_in_place(tmp_path):
    values = np.arange(4000, dtype=np.float32).reshape(1000, 4)
    records = [example(entry('v', floats(row))) for row in values]
    records[500] = example(entry('v', floats(values[500], packed=False)))
    records[501] = example(entry('zz', b''), entry('v', floats(values[501])))
    path = write(tmp_path / 'records', records)
    layout = choose_layout({'v': tf.io.FixedLenFeature([4], tf.float32)})
    assert np.array_equal(decoded(path, layout)[0], values)


def test_a_layout_is_determined_only_from_the_most_common_encoding():
    values = [1.0, 2.0]
    plain = example(entry('v', floats(values)), entry('s', field(1, field(1, b'text'))))
    found = layout_of(plain, {'v': 2})
    assert plain[found.places['v'] :][:8] == struct.pack('<2f', *values)
    for other in (
        example(entry('v', floats(values, packed=False))),
        example(entry('v', split_floats(values))),
        example(entry('v', floats([1.0]))),
        example(entry('v', integers([1, 2]))),
        example(entry('v', floats(values)), entry('v', floats(values))),
        example(entry('v', floats(values))) + example(entry('u', b'')),
        example(field(1, field(2, floats(values)) + field(1, b'v'))),
        example(),
        b'',
        plain[:-3],
        plain + b'\x00',
    ):
        assert layout_of(other, {'v': 2}) is None


def test_a_changed_byte_outside_the_floats_never_matches_the_layout():
    record = example(
        entry('v', floats([1.0, 2.0])), entry('w', floats([3.0])), entry('z', integers([7, 300]))
    )
    layout = layout_of(record, {'v': 2, 'w': 1})
    payload = {*range(layout.places['v'], layout.places['v'] + 8)}
    payload |= {*range(layout.places['w'], layout.places['w'] + 4)}
    for place in range(len(record)):
        changed = np.frombuffer(record, np.uint8).copy()
        changed[place] ^= 0x10
        assert layout.matches(changed[np.newaxis])[0] == (place in payload)


@pytest.mark.parametrize(
    ('record', 'message'),
    [
        (b'', 'Feature: v (data type: float) is required'),
        (b'\xff\xff', 'the record is not a tf.Example'),
        (example(entry('v', floats([1.0] * 3))), 'Number of float values != expected'),
        (example(entry('v', floats([1.0] * 5))), 'Number of float values != expected'),
        (example(entry('v', integers([1] * 4))), 'Data types don'),
        (example(), 'Feature: v (data type: float) is required'),
    ],
    ids=['no bytes', 'no Example', 'too few', 'too many', 'other type', 'missing'],
)
@pytest.mark.parametrize('place', [0, 77])
def test_the_record_that_cannot_be_decoded_is_named(tmp_path, record, message, place):
    good = example(entry('v', floats([1.0, 2.0, 3.0, 4.0])))
    path = write(tmp_path / 'records', [good] * place + [record] + [good] * 50)
    with pytest.raises(ValueError) as refused:
        decoded(path, choose_layout({'v': tf.io.FixedLenFeature([4], tf.float32)}))
    assert f'{path}, record {place}: ' in str(refused.value)
    assert message in str(refused.value)


def test_a_default_value_of_the_schema_replaces_missing_values(tmp_path):
    spec = {
        'v': tf.io.FixedLenFeature([2], tf.float32),
        'x': tf.io.FixedLenFeature([], tf.float32, default_value=5.0),
    }
    records = [example(entry('v', floats([1.0, 2.0])))] * 40
    records += [example(entry('v', floats([1.0, 2.0])), entry('x', floats([3.0])))] * 40
    rows, _ = decoded(write(tmp_path / 'records', records), choose_layout(spec))
    assert rows[:, 2].tolist() == [5.0] * 40 + [3.0] * 40
