"""Features of any name are served: by values, by keyword and as model servers call."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from tests.unit.serving.examples import clustering_of, example, reference
from tests.unit.serving.feature_names import GROUPS, NAMES
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing
from tfx_kmeans.serving.raw_arguments import positional_inputs, raw_arguments


def table(names, kinds=(tf.float32,)):
    """Specs, rows [60, d] whose columns differ, and a preprocessing of features with names."""
    ordered = sorted(names)
    spec = {
        name: tf.io.FixedLenFeature([], kinds[index % len(kinds)])
        for index, name in enumerate(ordered)
    }
    rng = np.random.default_rng(len(names))
    rows = np.rint(rng.normal(size=(60, len(names))) * 50) + 1000 * np.arange(len(names))
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=name) for name in ordered])
    return spec, rows.astype(np.float32), SchemaPreprocessing(spec, schema, ordered)


def columns(spec, rows):
    return {
        name: rows[:, index].astype(one.dtype.as_numpy_dtype)
        for index, (name, one) in enumerate(sorted(spec.items()))
    }


def called(model, signature, inputs):
    """A call in Python, in which some inputs can only be given by position."""
    given = {name: tf.constant(values) for name, values in inputs.items()}
    first = [given.pop(name) for name in positional_inputs(inputs)]
    return {
        name: value.numpy() for name, value in model.signatures[signature](*first, **given).items()
    }


def called_as_server(folder, signature, inputs):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, ['serve'], str(folder))
        definition = graph.signature_def[signature]
        assert set(definition.inputs) == set(inputs)
        feed = {definition.inputs[name].name: values for name, values in inputs.items()}
        fetches = {name: info.name for name, info in definition.outputs.items()}
        return session.run(fetches, feed)


@pytest.mark.parametrize('names', GROUPS, ids=lambda names: ascii(names)[:30])
def test_values_reach_their_feature_however_the_model_is_called(saved, names):
    spec, rows, preprocessing = table(names)
    payload = clustering_of(rows, spec, sorted(names))
    made = saved(payload, preprocessing=preprocessing, default_signature='raw')
    expected = reference(payload, rows)
    given = columns(spec, rows)
    serialized = [example(**{n: [float(v[row])] for n, v in given.items()}) for row in range(60)]
    answers = [
        called(made.model, 'raw', given),
        called(made.model, 'serving_default', given),
        called_as_server(made.folder, 'raw', given),
        called_as_server(made.folder, 'serving_default', given),
        called_as_server(made.folder, 'examples', {'examples': np.array(serialized, object)}),
    ]
    for answer in answers:
        np.testing.assert_array_equal(answer['cluster_index'], expected.argmin(axis=1))
        np.testing.assert_allclose(answer['distance'], expected.min(axis=1), rtol=1e-4)
    positional, by_name = made.model.signatures['raw'].structured_input_signature
    found = [spec.name or '' for spec in positional] + list(by_name)
    assert sorted(found) == sorted(names)
    assert all(spec.name == name for name, spec in by_name.items())


def test_features_of_any_name_and_type_are_passed_through(saved):
    names = [name for name in NAMES if name not in ('cluster_index', 'distance')]
    spec, rows, preprocessing = table(names, (tf.float32, tf.int64))
    payload = clustering_of(rows, spec, sorted(names))
    made = saved(payload, preprocessing=preprocessing, passthrough=names, warmup=[b''])
    given = columns(spec, rows)
    for answer in (called(made.model, 'raw', given), called_as_server(made.folder, 'raw', given)):
        for name, values in given.items():
            np.testing.assert_array_equal(answer[name], values)


def test_a_wrong_shape_is_an_error_that_names_the_input_in_ascii(saved):
    spec, rows, preprocessing = table(['größe', 'b (c)'])
    payload = clustering_of(rows, spec, sorted(spec))
    made = saved(payload, preprocessing=preprocessing)
    given = columns(spec, rows)
    for name, operation in (('größe', 'shape_of_gru00f6u00dfe'), ('b (c)', 'shape_of_b__c_')):
        wrong = {**given, name: given[name][:, np.newaxis]}
        with pytest.raises(tf.errors.InvalidArgumentError, match=operation):
            called(made.model, 'raw', wrong)


FRESH = """
import json, sys
import numpy as np
import tensorflow as tf
folder, path = sys.argv[1:]
given = {name: np.float32(values) for name, values in json.load(open(path)).items()}
raw = tf.saved_model.load(folder)
raw = raw.signatures['raw']
first = [given.pop(spec.name) for spec in raw.structured_input_signature[0]]
answer = raw(*map(tf.constant, first), **{name: tf.constant(one) for name, one in given.items()})
print(json.dumps(answer['cluster_index'].numpy().tolist()))
"""


def test_a_process_that_has_only_tensorflow_finds_the_names_in_the_model(saved, tmp_path):
    spec, rows, preprocessing = table(NAMES)
    payload = clustering_of(rows, spec, sorted(NAMES))
    made = saved(payload, preprocessing=preprocessing)
    path = tmp_path / 'given.json'
    path.write_text(json.dumps({k: v.tolist() for k, v in columns(spec, rows).items()}))
    command = [sys.executable, '-c', FRESH, str(made.folder), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == reference(payload, rows).argmin(axis=1).tolist()


def test_plain_names_are_kept_and_others_get_names_in_the_order_of_tensorflow():
    assert raw_arguments(['b', 'a', 'a_1']) == {'a': 'a', 'a_1': 'a_1', 'b': 'b'}
    assert list(raw_arguments(['🙂', 'b', 'B'])) == ['B', '🙂', 'b']
    assert list(raw_arguments(['b', 'self', 'a/b', 'a_b'])) == ['a/b', 'a_b', 'self', 'b']
    assert positional_inputs(['arg_0', 'b']) == []
    assert positional_inputs(['arg_0', 'self', 'b']) == ['arg_0', 'self']
    assert positional_inputs(['class', 'b']) == ['class']
