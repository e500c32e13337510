"""Files of a model besides the graph: user-defined files, warmup requests, the text form."""

import json

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from tests.unit.serving.examples import example_of, reference
from tfx_kmeans.errors import ExtraAssetsError
from tfx_kmeans.serving.extra_assets import find_extra_assets


def requests_in(made):
    path = made.folder / 'assets.extra' / 'tf_serving_warmup_requests'
    return [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]


def replayed(made, request):
    inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
    return made.call(request.model_spec.signature_name, **inputs)


def test_warmup_contains_every_row_for_each_signature(saved, points):
    examples = [example_of(row, tags=[b'p'] * (i % 3)) for i, row in enumerate(points[:5])]
    made = saved(warmup=examples, passthrough=['tags'])
    found = requests_in(made)
    nearest = reference(made.payload, points[:5]).argmin(axis=1)
    signatures = set(made.model.signatures)
    assert signatures == {
        'examples', 'raw', 'features', 'all_distances', 'cluster_index', 'preprocess',
        'serving_default',
    }  # fmt: skip
    for signature in signatures:
        requests = [one for one in found if one.model_spec.signature_name == signature]
        assert len(requests) == 5
        answers = [replayed(made, one) for one in requests]
        if 'cluster_index' in answers[0]:
            assert [int(one['cluster_index'][0]) for one in answers] == nearest.tolist()


def test_warmup_never_exceeds_the_limit_of_the_server(saved, points):
    examples = [example_of(row) for row in points]
    made = saved(warmup=examples, default_signature='features')
    found = requests_in(made)
    assert 900 <= len(found) <= 1000
    rows = [
        tf.make_ndarray(one.inputs['features'])
        for one in found
        if one.model_spec.signature_name == 'serving_default'
    ]
    np.testing.assert_array_equal(np.concatenate(rows), points)


def test_the_text_file_contains_the_graph(saved, points):
    made = saved(as_text=True)
    text = (made.folder / 'assets.extra' / 'saved_model.pbtxt').read_text()
    binary = saved_model_pb2.SavedModel.FromString((made.folder / 'saved_model.pb').read_bytes())
    parsed = text_format.Parse(text, saved_model_pb2.SavedModel())
    # As text: a NaN in the graph is not equal to itself.
    assert text_format.MessageToString(parsed) == text_format.MessageToString(binary)
    assert not (saved().folder / 'assets.extra' / 'saved_model.pbtxt').exists()


def test_default_attributes_are_left_out_or_written(saved, points):
    def matmuls(made):
        content = (made.folder / 'saved_model.pb').read_bytes()
        graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]
        nodes = [n for f in graph.graph_def.library.function for n in f.node_def]
        attributes = {name for n in nodes if n.op == 'MatMul' for name in n.attr}
        return graph.meta_info_def.stripped_default_attrs, 'transpose_a' in attributes

    assert matmuls(saved()) == (True, False)
    full = saved(strip_default_attrs=False)
    assert matmuls(full) == (False, True)
    answer = full.call('features', features=points)['cluster_index']
    np.testing.assert_array_equal(answer, reference(full.payload, points).argmin(axis=1))


def test_the_same_inputs_have_the_same_fingerprint(saved, clustering):
    made = saved()
    assert saved().result.fingerprint == made.result.fingerprint
    described = json.loads((made.folder / 'assets.extra/tfx_kmeans/export.json').read_text())
    assert described['fingerprint'] == made.result.fingerprint
    others = [
        saved(clustering(max_iterations=1)),
        saved(precision='int8'),
        saved(passthrough=['id']),
        saved(default_signature='raw'),
    ]
    assert len({one.result.fingerprint for one in [made, *others]}) == 5


def checked(name):
    assert '..' not in name


def test_extra_assets_of_a_folder_a_list_and_a_dict(saved, tmp_path):
    folder = tmp_path / 'extra' / 'deep'
    folder.mkdir(parents=True)
    (tmp_path / 'extra' / 'one.txt').write_text('1')
    (folder / 'two.txt').write_text('2')
    extra = str(tmp_path / 'extra')
    assert find_extra_assets(None, checked) == {}
    assert find_extra_assets(extra, checked) == {
        'one.txt': f'{extra}/one.txt',
        'deep/two.txt': f'{extra}/deep/two.txt',
    }
    assert set(find_extra_assets([f'{extra}/one.txt', f'{extra}/deep/'], checked)) == {
        'one.txt',
        'deep/two.txt',
    }
    named = find_extra_assets({'names/a.txt': f'{extra}/one.txt', 'all': extra}, checked)
    assert set(named) == {'names/a.txt', 'all/one.txt', 'all/deep/two.txt'}
    made = saved(extra_assets=named)
    below = made.folder / 'assets.extra'
    assert (below / 'names' / 'a.txt').read_text() == '1'
    assert (below / 'all' / 'deep' / 'two.txt').read_text() == '2'
    with pytest.raises(ExtraAssetsError, match=r"two files for 'one\.txt'"):
        find_extra_assets([f'{extra}/one.txt', f'{extra}/one.txt'], checked)
    with pytest.raises(ExtraAssetsError, match='gone, which does not exist'):
        find_extra_assets([f'{extra}/gone'], checked)
