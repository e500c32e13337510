"""A good model is blessed; each fault is seen by the check that is meant for it."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tfx.types import standard_artifacts

from tfx_kmeans.artifacts import KMeansCentroids
from tfx_kmeans.centroids.storage import read_payload
from tfx_kmeans.serving import export
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

SCHEMA = 'feature { name: "a" } feature { name: "b" } feature { name: "c" }'
SPEC = {name: tf.io.FixedLenFeature([], tf.float32) for name in 'abc'}


@pytest.fixture
def copy(workshop, exported):
    """A model of one's own to damage."""
    model = workshop.artifact(standard_artifacts.Model, 'copy')
    model.set_string_custom_property('tfx_version', '1.16.0')
    shutil.copytree(exported.model.uri, model.uri, dirs_exist_ok=True)
    return model


def edited(model, change):
    path = Path(model.uri) / 'Format-Serving' / 'saved_model.pb'
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(proto.meta_graphs[0])
    path.write_bytes(proto.SerializeToString())


def saved(model, module_class, payload):
    """Saves over the model what another module makes of the payload."""
    folder = Path(model.uri) / 'Format-Serving'
    shutil.rmtree(folder)
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    preprocessing = SchemaPreprocessing(SPEC, schema, list('abc'))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(export, 'KMeansModule', module_class)
        export.ModelToSave(payload, preprocessing).save(str(folder))


def test_a_good_model_is_blessed_as_pusher_and_resolvers_read_it(workshop, exported):
    found = workshop.validate(exported.model, exported.centroids, exported.examples)
    assert found.failed == []
    assert found.blessing.get_int_custom_property('blessed') == 1
    assert found.blessing.get_string_custom_property('current_model') == exported.model.uri
    assert found.blessing.has_custom_property('current_model_id')
    assert found.infra_blessing.get_int_custom_property('blessed') == 1
    assert os.listdir(found.blessing.uri) == ['BLESSED']
    assert os.listdir(found.infra_blessing.uri) == ['INFRA_BLESSED']
    (parity,) = (check for check in found.checks if check['name'] == 'examples_parity')
    assert parity['found'].startswith('300 rows: 0 in a wrong cluster, 0 with a wrong distance')


def not_blessed(found, check, infra=False):
    assert check in found.failed, found.checks
    assert found.blessing.get_int_custom_property('blessed') == 0
    assert os.listdir(found.blessing.uri) == ['NOT_BLESSED']
    assert found.infra_blessing.get_int_custom_property('blessed') == int(infra)
    assert os.listdir(found.infra_blessing.uri) == [
        'INFRA_BLESSED' if infra else 'INFRA_NOT_BLESSED'
    ]
    assert check in found.blessing.get_string_custom_property('failed_checks').split(',')


def remove_graph(model):
    (Path(model.uri) / 'Format-Serving' / 'saved_model.pb').unlink()


def cut_graph(model):
    path = Path(model.uri) / 'Format-Serving' / 'saved_model.pb'
    path.write_bytes(path.read_bytes()[:1000])


def remove_shard(model):
    folder = Path(model.uri) / 'Format-Serving' / 'variables'
    (folder / 'variables.data-00000-of-00001').rename(folder / 'variables.data-00000-of-00002')


def cut_shard(model):
    path = Path(model.uri) / 'Format-Serving' / 'variables' / 'variables.data-00000-of-00001'
    path.write_bytes(path.read_bytes()[:-8])


def add_tag(model):
    edited(model, lambda graph: graph.meta_info_def.tags.append('gpu'))


def remove_tag(model):
    edited(model, lambda graph: graph.meta_info_def.ClearField('tags'))


def remove_signature(model):
    edited(model, lambda graph: graph.signature_def.pop('features'))


def rename_output(model):
    def change(graph):
        outputs = graph.signature_def['examples'].outputs
        outputs['cluster'].CopyFrom(outputs.pop('cluster_index'))

    edited(model, change)


def change_method(model):
    def change(graph):
        graph.signature_def['serving_default'].method_name = 'tensorflow/serving/classify'

    edited(model, change)


def add_python_function(model):
    def change(graph):
        node = graph.graph_def.library.function[0].node_def.add()
        node.op, node.name = 'EagerPyFunc', 'sneaky'

    edited(model, change)


def leave_a_checkpoint(model):
    folder = Path(model.uri) / 'Format-Serving' / 'assets.extra'
    (folder / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-7"')


def read_a_file_elsewhere(model):
    def change(graph):
        node = graph.graph_def.node.add()
        node.op, node.name = 'Const', 'vocabulary'
        node.attr['dtype'].type = tf.string.as_datatype_enum
        node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto('/pipeline/transform/vocabulary'))

    edited(model, change)


def lose_an_asset(model):
    def change(graph):
        asset = graph.asset_file_def.add()
        asset.filename, asset.tensor_info.name = 'vocabulary', 'asset_path:0'

    edited(model, change)


def use_an_unknown_operation(model):
    def change(graph):
        node = graph.graph_def.library.function[0].node_def.add()
        node.op, node.name = 'TextWordpiece', 'not_stock'

    edited(model, change)


def fix_the_batch(model):
    def change(graph):
        graph.signature_def['raw'].inputs['a'].tensor_shape.dim[0].size = 4

    edited(model, change)


def record_a_wrong_request(model):
    path = Path(model.uri) / 'Format-Serving' / 'assets.extra' / 'tf_serving_warmup_requests'
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = 'features'
    log.predict_log.request.inputs['features'].CopyFrom(tf.make_tensor_proto([[1.0, 2.0]]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())


def move_a_centroid(model):
    reader = tf.train.load_checkpoint(
        str(Path(model.uri) / 'Format-Serving' / 'variables' / 'variables')
    )
    values = reader.get_tensor('clusters/.ATTRIBUTES/VARIABLE_VALUE')
    shard = Path(model.uri) / 'Format-Serving' / 'variables' / 'variables.data-00000-of-00001'
    moved = values.copy()
    moved[0, 0] += 1e-2
    data = shard.read_bytes()
    assert values.tobytes() in data
    shard.write_bytes(data.replace(values.tobytes(), moved.tobytes()))


@pytest.mark.parametrize(
    ('damage', 'check'),
    [
        (remove_graph, 'files'),
        (remove_shard, 'files'),
        (cut_graph, 'tags'),
        (cut_shard, 'loads_in_clean_process'),
        (add_tag, 'tags'),
        (remove_tag, 'signatures'),
        (remove_signature, 'signatures'),
        (rename_output, 'signatures'),
        (change_method, 'signatures'),
        (add_python_function, 'forbidden_operations'),
        (leave_a_checkpoint, 'leftovers'),
        (read_a_file_elsewhere, 'assets'),
        (lose_an_asset, 'assets'),
        (use_an_unknown_operation, 'known_operations'),
        (fix_the_batch, 'signatures'),
        (record_a_wrong_request, 'warmup'),
    ],
)
def test_a_damaged_model_is_not_blessed(workshop, exported, copy, damage, check):
    damage(copy)
    not_blessed(workshop.validate(copy, exported.centroids, exported.examples), check)


def test_a_moved_centroid_is_seen_by_parity_or_by_the_checksum(workshop, exported, copy):
    move_a_centroid(copy)
    found = workshop.validate(copy, exported.centroids, exported.examples)
    not_blessed(found, 'examples_parity')


class OtherModule(export.KMeansModule):
    """The real module with one fault, which a subclass brings in."""


class OffByABit(OtherModule):
    def __init__(self, *given):
        super().__init__(*given)
        self.clusters.assign_add(np.eye(4, 3, dtype=np.float32) * 1e-2)


class Permuted(OtherModule):
    def assign(self, rows):
        answer = super().assign(rows)
        return {**answer, 'cluster_index': 3 - answer['cluster_index']}


class LooksAtNeighbours(OtherModule):
    def assign(self, rows):
        return super().assign(rows + 0.5 * tf.cast(tf.shape(rows)[0] < 5, tf.float32))


class ByOrder(OtherModule):
    def assign(self, rows):
        return super().assign(
            tf.cumsum(rows) - tf.cumsum(rows, exclusive=True) + 1e-3 * tf.cumsum(rows)
        )


class OtherIndex(OtherModule):
    def nearest(self, serialized):
        return {'cluster_index': 3 - super().nearest(serialized)['cluster_index']}


class OtherDistances(OtherModule):
    def all_distances(self, serialized):
        return {'all_distances': tf.sqrt(super().all_distances(serialized)['all_distances'])}


class OtherRaw(OtherModule):
    def answer_raw(self, dense):
        return super().answer_raw({**dense, 'a': dense['b'], 'b': dense['a']})


class TakesAnything(OtherModule):
    def answer_examples(self, serialized):
        valid = tf.strings.regex_full_match(serialized, b'(?s)\n.*')
        return super().answer_examples(tf.where(valid, serialized, b''))


class Slow(OtherModule):
    def assign(self, rows):
        heavy = tf.linalg.matmul(*[tf.fill([1500, 1500], 1e-30 * tf.reduce_sum(rows[:1]))] * 2)
        return super().assign(rows + tf.reduce_max(heavy))


class NotForEmptyBatches(OtherModule):
    def assign(self, rows):
        with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(rows)[0])]):
            return super().assign(tf.identity(rows))


class Random(OtherModule):
    def assign(self, rows):
        return super().assign(rows + tf.random.uniform(tf.shape(rows), 0, 1e-9))


class WrongType(OtherModule):
    def assign(self, rows):
        answer = super().assign(rows)
        return {**answer, 'cluster_index': tf.cast(answer['cluster_index'], tf.int32)}


class Rounded(OtherModule):
    def __init__(self, *given):
        super().__init__(*given)
        self.clusters.assign(tf.cast(tf.cast(self.clusters, tf.float16), tf.float32))


@pytest.mark.parametrize(
    ('module', 'check'),
    [
        (OffByABit, 'examples_parity'),
        (OffByABit, 'features_parity'),
        (Rounded, 'features_parity'),
        (Permuted, 'examples_parity'),
        (LooksAtNeighbours, 'batch_sizes'),
        (ByOrder, 'neighbours'),
        (OtherIndex, 'cluster_index_agrees'),
        (OtherDistances, 'all_distances_parity'),
        (OtherRaw, 'raw_parity'),
        (TakesAnything, 'malformed_examples'),
        (NotForEmptyBatches, 'batch_sizes'),
        (Random, 'forbidden_operations'),
        (WrongType, 'signatures'),
    ],
)
def test_a_wrong_model_is_not_blessed(workshop, exported, copy, module, check):
    saved(copy, module, read_payload(exported.centroids.uri))
    not_blessed(workshop.validate(copy, exported.centroids, exported.examples), check)


def test_a_model_over_the_size_is_not_blessed(workshop, exported):
    found = workshop.validate(
        exported.model,
        exported.centroids,
        exported.examples,
        thresholds={'max_model_bytes': 1000},
    )
    not_blessed(found, 'size')
    assert found.failed == ['size']


def test_a_model_over_its_latency_is_not_blessed(workshop, exported, copy):
    saved(copy, Slow, read_payload(exported.centroids.uri))
    found = workshop.validate(
        copy,
        exported.centroids,
        exported.examples,
        thresholds={'max_latency_ms_batch_1': 5, 'max_latency_ms_batch_64': 5},
    )
    not_blessed(found, 'latency_batch_1')
    assert found.failed == ['latency_batch_1', 'latency_batch_64']


@pytest.fixture
def damaged(workshop, exported):
    """The centroids artifact with other arrays or metadata."""

    def made(change=lambda metadata: None, **arrays):
        centroids = workshop.artifact(KMeansCentroids, 'damaged')
        shutil.copytree(exported.centroids.uri, centroids.uri, dirs_exist_ok=True)
        folder = Path(centroids.uri)
        np.savez(folder / 'centroids.npz', **{**np.load(folder / 'centroids.npz'), **arrays})
        metadata = json.loads((folder / 'metadata.json').read_text())
        change(metadata)
        (folder / 'metadata.json').write_text(json.dumps(metadata))
        return centroids

    return made


def test_centroids_that_are_not_finite(workshop, exported, damaged):
    centroids = read_payload(exported.centroids.uri).centroids.copy()
    centroids[2, 1] = np.nan
    found = workshop.validate(exported.model, damaged(centroids=centroids), exported.examples)
    not_blessed(found, 'finite_centroids')
    (seen,) = (check['found'] for check in found.checks if check['name'] == 'finite_centroids')
    assert seen == 'clusters with NaN or infinity: 2'


def test_a_clustering_that_is_none(workshop, exported, damaged):
    payload = read_payload(exported.centroids.uri)
    centroids, weight = payload.centroids.copy(), payload.cluster_weight.copy()
    centroids[3] = centroids[1]
    weight[3] = 0

    def change(metadata):
        metadata['options']['num_clusters'] = 5
        metadata['inertia'] /= 100

    limits = {
        'min_cluster_share': 0.1,
        'max_cluster_share': 0.2,
        'max_inertia_ratio': 2,
        'min_silhouette': 0.999,
        'max_davies_bouldin': 0.001,
    }
    found = workshop.validate(
        exported.model,
        damaged(change, centroids=centroids, cluster_weight=weight),
        exported.examples,
        thresholds=limits,
    )
    clustering = {
        check['name']: check['found']
        for check in found.checks
        if check['group'] == 'clustering' and not check['passed']
    }
    assert set(clustering) == {
        'number_and_width', 'distinct_centroids', 'empty_clusters', 'smallest_share',
        'largest_share', 'inertia_ratio', 'silhouette', 'davies_bouldin',
    }  # fmt: skip
    assert clustering['number_and_width'] == '4 of 3'
    assert clustering['distinct_centroids'] == 'alike: 1 and 3'
    assert clustering['empty_clusters'] == '1: 3'


def test_modes_and_an_override(workshop, exported, damaged):
    weight = read_payload(exported.centroids.uri).cluster_weight.copy()
    weight[3] = 0
    centroids = damaged(cluster_weight=weight)
    given = (exported.model, centroids, exported.examples)
    warned = workshop.validate(*given, thresholds={'checks': {'empty_clusters': 'warn'}})
    assert warned.failed == ['empty_clusters']
    assert warned.blessing.get_int_custom_property('blessed') == 1
    assert warned.blessing.get_string_custom_property('warned_checks') == 'empty_clusters'
    off = workshop.validate(
        *given, thresholds={'checks': {'empty_clusters': 'off', 'concurrent_calls': 'off'}}
    )
    assert off.failed == []
    assert {'empty_clusters', 'concurrent_calls'}.isdisjoint(one['name'] for one in off.checks)
    word = {'reason': 'the shop has closed', 'name': 'Ada'}
    overridden = workshop.validate(*given, override=word)
    assert overridden.blessing.get_int_custom_property('blessed') == 1
    assert overridden.blessing.get_string_custom_property('override_name') == 'Ada'
    assert overridden.blessing.get_string_custom_property('failed_checks') == 'empty_clusters'
    assert overridden.report['override'] == word
    assert overridden.report['overridden'] == ['empty_clusters']


def test_an_override_never_covers_structure_or_serving(workshop, exported, copy):
    leave_a_checkpoint(copy)
    word = {'reason': 'hurry', 'name': 'Bob'}
    found = workshop.validate(copy, exported.centroids, exported.examples, override=word)
    not_blessed(found, 'leftovers')
    assert found.report['overridden'] == []


def test_a_baseline(workshop, exported, many_rows):
    moved = many_rows.copy()
    moved[:, 0] += 8 * (np.arange(1200) % 2)
    others = workshop.train(workshop.examples('moved', train=moved), seed=3)
    shutil.copytree(others.centroids.uri, workshop.folder / 'earlier')
    baseline = workshop.artifact(standard_artifacts.Model, 'baseline')
    shutil.copytree(workshop.folder / 'earlier', Path(baseline.uri) / 'assets.extra' / 'tfx_kmeans')
    given = (exported.model, exported.centroids, exported.examples)
    same = workshop.validate(*given, baseline=[exported.model])
    assert same.failed == []
    figures = {one['name']: one['found'] for one in same.checks if one['group'] == 'baseline'}
    assert float(figures['baseline_inertia']) == 1
    assert float(figures['baseline_changed']) == float(figures['baseline_drift']) == 0
    limits = {'max_baseline_changed': 0.01, 'max_baseline_drift': 0.001}
    other = workshop.validate(*given, baseline=[baseline], thresholds=limits)
    assert other.failed == ['baseline_changed', 'baseline_drift']
    assert other.infra_blessing.get_int_custom_property('blessed') == 1
    assert other.blessing.get_int_custom_property('blessed') == 0
    assert other.blessing.get_string_custom_property('baseline_model') == baseline.uri
    none = workshop.validate(*given, baseline=[])
    assert none.failed == []
    assert not [one for one in none.checks if one['group'] == 'baseline']


def test_examples_transformed_otherwise_than_served(workshop, exported, many_rows):
    from tfx_kmeans.export_validator.executor import Executor
    from tfx_kmeans.export_validator.options import ValidatorOptions
    from tfx_kmeans.parameters import encode

    skewed = many_rows[900:].copy()
    skewed[:, 1] *= 1.01
    outputs = {
        'blessing': [workshop.artifact(standard_artifacts.ModelBlessing, 'blessing')],
        'infra_blessing': [workshop.artifact(standard_artifacts.InfraBlessing, 'infra')],
        'report': [workshop.artifact(standard_artifacts.Model, 'report')],
    }

    def failed(transformed):
        inputs = {
            'model': [exported.model],
            'centroids': [exported.centroids],
            'examples': [exported.examples],
            'transformed_examples': [transformed],
        }
        Executor().Do(inputs, outputs, encode(ValidatorOptions, {}))
        report = json.loads((workshop.folder / 'report' / 'report.json').read_text())
        return {c['name']: c['found'] for c in report['checks'] if not c['passed']}

    shuffled = np.random.default_rng(0).permutation(many_rows[900:])
    assert failed(workshop.examples('same', eval=shuffled)) == {}
    expected = {'preprocess_matches_transform': 'columns that differ: b'}
    assert failed(workshop.examples('skewed', eval=skewed)) == expected
    assert outputs['infra_blessing'][0].get_int_custom_property('blessed') == 1
    fewer = {'preprocess_matches_transform': '300 rows, but 299 transformed ones'}
    assert failed(workshop.examples('fewer', eval=many_rows[901:])) == fewer


def test_an_integer_feature_is_no_skew(workshop, many_rows):
    from tfx_kmeans.export_validator.executor import Executor
    from tfx_kmeans.export_validator.options import ValidatorOptions
    from tfx_kmeans.parameters import encode

    examples = workshop.examples(train=many_rows, eval=many_rows[:100])
    trained = workshop.train(examples, exclude_features=[])
    outputs = {
        'blessing': [workshop.artifact(standard_artifacts.ModelBlessing, 'blessing')],
        'infra_blessing': [workshop.artifact(standard_artifacts.InfraBlessing, 'infra')],
        'report': [workshop.artifact(standard_artifacts.Model, 'report')],
    }
    inputs = {
        'model': [workshop.export(trained.centroids)],
        'centroids': [trained.centroids],
        'examples': [examples],
        'transformed_examples': [examples],
    }
    Executor().Do(inputs, outputs, encode(ValidatorOptions, {}))
    assert read_payload(trained.centroids.uri).metadata.column_names == ('a', 'b', 'c', 'id')
    assert outputs['blessing'][0].get_string_custom_property('failed_checks') == ''


def test_a_model_that_outlasts_its_time_is_not_blessed(workshop, exported):
    found = workshop.validate(
        exported.model, exported.centroids, exported.examples, thresholds={'probe_seconds': 1}
    )
    not_blessed(found, 'loads_in_clean_process')
    (seen,) = (c['found'] for c in found.checks if c['name'] == 'loads_in_clean_process')
    assert 'stopped after 1 s (thresholds.probe_seconds)' in seen


class Greedy(OtherModule):
    def answer_examples(self, serialized):
        # 3 GB for a large batch, that no optimizer can fold away.
        gigabytes = tf.where(tf.size(serialized) > 100, 3, 0)
        answer = super().answer_examples(serialized)
        heavy = tf.fill([gigabytes, 1 << 28], answer['distance'][0])
        return {**answer, 'distance': answer['distance'] + 1e-30 * tf.reduce_sum(heavy)}


def test_a_model_that_takes_too_much_memory_is_not_blessed(workshop, exported, copy):
    saved(copy, Greedy, read_payload(exported.centroids.uri))
    limits = {'probe_memory_mb': 1000}
    found = workshop.validate(copy, exported.centroids, exported.examples, thresholds=limits)
    not_blessed(found, 'examples_parity')
