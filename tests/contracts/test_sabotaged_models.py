"""A catalogue of faults: each model is refused by the check that is meant for it, and not pushed.

Each fault is put into a folder on disk, which goes through the executor of ExportValidator and then
through TFX's own Pusher. Where no other check could see it, that is said (`alone`): without that
check the model would be pushed. scripts/always_passing.py shows it for each check.
"""

import dataclasses
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
from tfx_kmeans.centroids.storage import read_payload, write_payload
from tfx_kmeans.export_validator.options import CHECK_NAMES
from tfx_kmeans.serving import export
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing
from tfx_kmeans.serving.transform_graph import TransformPreprocessing

SCHEMA = 'feature { name: "a" } feature { name: "b" } feature { name: "c" }'
SPEC = {
    **{name: tf.io.FixedLenFeature([], tf.float32) for name in 'abc'},
    'label': tf.io.FixedLenFeature([], tf.string),
}

FAULTS = {}


@dataclasses.dataclass(frozen=True)
class Fault:
    """How a model is damaged, and the check that is meant to see it."""

    check: str
    make: object
    alone: bool
    base: str
    group: str
    reason: str


def fault(check, alone=True, base='exported', group='serving', reason=''):
    """Adds a function that damages a `Bench` to the catalogue."""

    def add(make):
        FAULTS[f'{check}-{make.__name__}'] = Fault(check, make, alone, base, group, reason)
        return make

    return add


class Bench:
    """A copy of a good model and of its centroids, to damage."""

    def __init__(self, workshop, base):
        self.workshop = workshop
        self.base = base
        self.options = {}
        self.inputs = {}
        self.examples = base.examples
        self.model = workshop.artifact(standard_artifacts.Model, 'model')
        self.model.set_string_custom_property('tfx_version', '1.16.0')
        shutil.copytree(base.model.uri, self.model.uri, dirs_exist_ok=True)
        self.centroids = workshop.artifact(KMeansCentroids, 'centroids')
        shutil.copytree(base.centroids.uri, self.centroids.uri, dirs_exist_ok=True)
        self.payload = read_payload(base.centroids.uri)

    @property
    def folder(self):
        return Path(self.model.uri) / 'Format-Serving'

    @property
    def graph_file(self):
        return self.folder / 'saved_model.pb'

    def edit(self, change):
        """Lets a function change the graph in saved_model.pb."""
        proto = saved_model_pb2.SavedModel.FromString(self.graph_file.read_bytes())
        change(proto.meta_graphs[0])
        self.graph_file.write_bytes(proto.SerializeToString())

    def save(self, module_class=export.KMeansModule, payload=None, **options):
        """Saves over the model what another module makes of the payload."""
        shutil.rmtree(self.folder)
        if self.base_has_transform:
            features = [placed.name for placed in self.payload.metadata.features]
            preprocessing = TransformPreprocessing(self.base.graph.uri, features)
        else:
            schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
            preprocessing = SchemaPreprocessing(SPEC, schema, list('abc'))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(export, 'KMeansModule', module_class)
            patched.setattr(export, 'refuse_python_calls', lambda *_: None)
            made = export.ModelToSave(payload or self.payload, preprocessing, **options)
            made.save(str(self.folder))

    @property
    def base_has_transform(self):
        return hasattr(self.base, 'graph')

    def save_with(self, **changes):
        """Saves a model of the payload with other arrays."""
        self.save(payload=dataclasses.replace(self.payload, **changes))

    def other_centroids(self, change=lambda metadata: None, **arrays):
        """Damages the centroids artifact."""
        folder = Path(self.centroids.uri)
        np.savez(folder / 'centroids.npz', **{**np.load(folder / 'centroids.npz'), **arrays})
        metadata = json.loads((folder / 'metadata.json').read_text())
        change(metadata)
        (folder / 'metadata.json').write_text(json.dumps(metadata))

    def baseline(self, payload):
        """Connects a model with another payload as the baseline."""
        made = self.workshop.artifact(standard_artifacts.Model, 'baseline')
        write_payload(f'{made.uri}/assets.extra/tfx_kmeans', payload)
        self.inputs['baseline'] = [made]

    def limit(self, **thresholds):
        self.options['thresholds'] = thresholds


def as_saved_by(module_class):
    """A module of one's own, as a function that damages a bench."""

    def make(bench):
        bench.save(module_class)

    make.__name__ = module_class.__name__
    return make


def module_fault(check, **how):
    def add(module_class):
        fault(check, **how)(as_saved_by(module_class))
        return module_class

    return add


# Files and graph


@fault('files', alone=False)
def graph_not_there(bench):
    bench.graph_file.unlink()


@fault('files', alone=False)
def shard_not_there(bench):
    folder = bench.folder / 'variables'
    (folder / 'variables.data-00000-of-00001').rename(folder / 'variables.data-00000-of-00002')


@fault('files', alone=False)
def index_not_there(bench):
    (bench.folder / 'variables' / 'variables.index').unlink()


@fault('files')
def shard_of_another_save(bench):
    (bench.folder / 'variables' / 'variables.data-00000-of-00003').write_bytes(b'old')


@fault('tags', alone=False)
def graph_cut(bench):
    bench.graph_file.write_bytes(bench.graph_file.read_bytes()[:1000])


@fault('tags', alone=False)
def one_tag_more(bench):
    bench.edit(lambda graph: graph.meta_info_def.tags.append('gpu'))


@fault('tags', alone=False)
def tag_not_there(bench):
    bench.edit(lambda graph: graph.meta_info_def.ClearField('tags'))


@fault('tags', alone=False)
def a_graph_for_training_as_well(bench):
    proto = saved_model_pb2.SavedModel.FromString(bench.graph_file.read_bytes())
    proto.meta_graphs.add().meta_info_def.tags.append('train')
    bench.graph_file.write_bytes(proto.SerializeToString())


@fault('signatures', alone=False)
def signature_not_there(bench):
    bench.edit(lambda graph: graph.signature_def.pop('features'))


@fault('signatures')
def default_not_there(bench):
    bench.edit(lambda graph: graph.signature_def.pop('serving_default'))


@fault('signatures')
def method_of_a_classifier(bench):
    def change(graph):
        graph.signature_def['serving_default'].method_name = 'tensorflow/serving/classify'

    bench.edit(change)


@fault('signatures')
def batch_of_fixed_size(bench):
    def change(graph):
        graph.signature_def['raw'].inputs['a'].tensor_shape.dim[0].size = 4

    bench.edit(change)


@fault('signatures', alone=False)
def output_renamed(bench):
    def change(graph):
        outputs = graph.signature_def['serving_default'].outputs
        outputs['cluster'].CopyFrom(outputs.pop('cluster_index'))

    bench.edit(change)


@fault('signatures')
def input_renamed(bench):
    def change(graph):
        inputs = graph.signature_def['serving_default'].inputs
        inputs['serialized'].CopyFrom(inputs.pop('examples'))

    bench.edit(change)


@module_fault('signatures', alone=False)
class AnswerWithoutCluster(export.KMeansModule):
    def assign(self, rows):
        return {'distance': super().assign(rows)['distance']}


@module_fault('signatures', alone=False)
class OutputOfOtherType(export.KMeansModule):
    def assign(self, rows):
        answer = super().assign(rows)
        return {**answer, 'cluster_index': tf.cast(answer['cluster_index'], tf.int32)}


@module_fault('signatures', alone=False)
class OutputNotBatchFirst(export.KMeansModule):
    def all_distances(self, serialized):
        return {'all_distances': tf.transpose(super().all_distances(serialized)['all_distances'])}


@module_fault('signatures')
class OneSignatureMore(export.KMeansModule):
    def signatures(self, serving_input=None):
        found = super().signatures(serving_input)
        return {**found, 'debug': found['features']}


@module_fault('forbidden_operations')
class Random(export.KMeansModule):
    def assign(self, rows):
        return super().assign(rows + tf.random.uniform(tf.shape(rows), 0, 1e-30))


@module_fault('forbidden_operations', alone=False)
class Dropout(export.KMeansModule):
    def assign(self, rows):
        return super().assign(tf.nn.dropout(rows, 1e-12))


@module_fault('forbidden_operations', alone=False)
class PythonFunction(export.KMeansModule):
    def assign(self, rows):
        same = tf.py_function(lambda given: given, [rows], tf.float32)
        return super().assign(tf.ensure_shape(same, rows.shape))


@module_fault('forbidden_operations')
class Queue(export.KMeansModule):
    def assign(self, rows):
        queue = tf.raw_ops.FIFOQueueV2(component_types=[tf.float32])
        size = tf.raw_ops.QueueSizeV2(handle=queue)
        return super().assign(rows + tf.cast(size, tf.float32))


@module_fault('forbidden_operations')
class Reader(export.KMeansModule):
    def assign(self, rows):
        reader = tf.raw_ops.TextLineReaderV2()
        read = tf.raw_ops.ReaderNumRecordsProducedV2(reader_handle=reader)
        return super().assign(rows + tf.cast(read, tf.float32))


@module_fault('forbidden_operations')
class Optimizer(export.KMeansModule):
    def assign(self, rows):
        if not hasattr(self, 'weight'):
            self.weight = tf.Variable(0.0)
        tf.raw_ops.ResourceApplyGradientDescent(var=self.weight.handle, alpha=0.0, delta=1.0)
        return super().assign(rows + self.weight)


@module_fault('forbidden_operations')
class Loss(export.KMeansModule):
    def assign(self, rows):
        return super().assign(rows + 0 * tf.nn.l2_loss(rows[:1]))


@module_fault('forbidden_operations')
class Summary(export.KMeansModule):
    def assign(self, rows):
        with tf.control_dependencies([tf.raw_ops.ScalarSummary(tags='rows', values=1.0)]):
            return super().assign(tf.identity(rows))


@fault('known_operations', alone=False)
def operation_of_another_library(bench):
    def change(graph):
        node = graph.graph_def.library.function[0].node_def.add()
        node.op, node.name = 'TextWordpiece', 'not_stock'

    bench.edit(change)


@fault('assets')
def path_to_a_file_elsewhere(bench):
    def change(graph):
        node = graph.graph_def.node.add()
        node.op, node.name = 'Const', 'vocabulary'
        node.attr['dtype'].type = tf.string.as_datatype_enum
        node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto('/pipeline/transform/vocabulary'))

    bench.edit(change)


@fault('assets')
def vocabulary_left_in_the_folder_of_the_pipeline(bench):
    path = bench.workshop.folder / 'vocabulary'
    path.write_text('one\ntwo\n')

    class LooksElsewhere(export.KMeansModule):
        def assign(self, rows):
            table = tf.raw_ops.HashTableV2(
                key_dtype=tf.string, value_dtype=tf.int64, shared_name=str(path.name)
            )
            filled = tf.raw_ops.InitializeTableFromTextFileV2(
                table_handle=table, filename=str(path), key_index=-2, value_index=-1
            )
            with tf.control_dependencies([filled]):
                found = tf.raw_ops.LookupTableFindV2(
                    table_handle=table, keys=['one'], default_value=tf.constant(-1, tf.int64)
                )
            return super().assign(rows + tf.reshape(tf.cast(found, tf.float32), [1]))

    bench.save(LooksElsewhere)


@fault('assets', alone=False)
def asset_that_was_never_written(bench):
    def change(graph):
        asset = graph.asset_file_def.add()
        asset.filename, asset.tensor_info.name = 'vocabulary', 'asset_path:0'

    bench.edit(change)


@fault('assets', alone=False, base='behind_transform')
def vocabulary_lost(bench):
    (asset,) = (bench.folder / 'assets').iterdir()
    asset.unlink()


@fault('assets', alone=False, base='behind_transform')
def asset_path_absolute(bench):
    (asset,) = (bench.folder / 'assets').iterdir()
    elsewhere = bench.workshop.folder / 'vocabulary'
    shutil.move(asset, elsewhere)

    def change(graph):
        graph.asset_file_def[0].filename = str(elsewhere)

    bench.edit(change)


@fault('assets', base='behind_transform')
def asset_path_out_of_the_folder(bench):
    (asset,) = (bench.folder / 'assets').iterdir()
    shutil.copy(asset, bench.folder / 'assets.extra' / asset.name)

    def change(graph):
        graph.asset_file_def[0].filename = f'../assets.extra/{asset.name}'

    bench.edit(change)


@fault('leftovers')
def checkpoint_inside(bench):
    (bench.folder / 'assets.extra' / 'checkpoint').write_text('model_checkpoint_path: "model-7"')


@fault('leftovers')
def events_inside(bench):
    (bench.folder / 'assets.extra' / 'events.out.tfevents.1700000000.host').write_bytes(b'')


@fault('leftovers')
def half_written_save_inside(bench):
    (bench.folder / 'variables_temp').mkdir()
    (bench.folder / 'variables_temp' / 'part-00000').write_bytes(b'')


@fault('size')
def too_many_bytes(bench):
    bench.limit(max_model_bytes=1000)


@fault('size')
def too_many_files(bench):
    bench.limit(max_model_files=2)


# Loading


@fault('loads_in_clean_process', alone=False)
def shard_cut(bench):
    path = bench.folder / 'variables' / 'variables.data-00000-of-00001'
    path.write_bytes(path.read_bytes()[:-8])


class DoneAtLoad(tf.saved_model.experimental.TrackableResource):
    """Runs an operation whenever the model is loaded."""

    def __init__(self, operation):
        super().__init__()
        self._operation = operation
        self.variable = tf.Variable(0.0)

    def _create_resource(self):
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[])

    def _initialize(self):
        with tf.control_dependencies([self._operation()]):
            self.variable.assign(1.0)


def at_load(operation):
    """A module that does something when it is loaded, and answers well."""

    class Module(export.KMeansModule):
        def __init__(self, *given):
            super().__init__(*given)
            self.resource = DoneAtLoad(operation)
            self.resource_variable = self.resource.variable

    return Module


@fault('loads_in_clean_process', alone=False, reason='stopped after 3 s')
def hangs_at_load(bench):
    def forever():
        return tf.while_loop(lambda count: count < 2.0, lambda count: [tf.cos(count)], [1.0])[0]

    bench.save(at_load(forever))
    bench.limit(probe_seconds=3)


@fault('loads_in_clean_process', alone=False, reason='ended by SIGABRT')
def crashes_at_load(bench):
    bench.save(at_load(lambda: tf.raw_ops.Abort(error_msg='out of order')))


@fault('loads_in_clean_process', alone=False, reason='ended from within, with code 0')
def ends_the_process_at_load(bench):
    bench.save(at_load(lambda: tf.raw_ops.Abort(exit_without_error=True)))


@fault('loads_in_clean_process', alone=False, reason='ResourceExhausted')
def eats_memory_at_load(bench):
    variable = tf.Variable(2.0)

    def eat():
        return variable.assign(tf.reduce_sum(tf.fill([1 << 29], variable)))

    class Module(at_load(eat)):
        def __init__(self, *given):
            super().__init__(*given)
            self.variable = variable

    bench.save(Module)
    bench.limit(probe_memory_mb=1000)


# Answers


def first_moved(payload):
    centroids = payload.centroids.copy()
    centroids[0, 0] += 1e-2
    return centroids


@fault('examples_parity', alone=False)
def one_coordinate_off(bench):
    bench.save_with(centroids=first_moved(bench.payload))


@fault('features_parity', alone=False)
def one_coordinate_off_by_features(bench):
    bench.save_with(centroids=first_moved(bench.payload))


@fault('examples_parity', alone=False)
def centroids_permuted(bench):
    bench.save_with(centroids=bench.payload.centroids[[1, 0, 2, 3]])


@fault('examples_parity', alone=False)
def centroid_not_a_number(bench):
    centroids = bench.payload.centroids.copy()
    centroids[2] = np.nan
    bench.save_with(centroids=centroids)


@fault('features_parity', alone=False)
def float16_passed_off_as_float32(bench):
    bench.save(precision='float16')
    path = bench.folder / 'assets.extra' / 'tfx_kmeans' / 'export.json'
    path.write_text(path.read_text().replace('"precision": "float16"', '"precision": "float32"'))


@fault('features_parity', alone=False, reason="precision is 'int8', but the centroids are stored")
def float32_passed_off_as_int8(bench):
    bench.save_with(centroids=first_moved(bench.payload))
    path = bench.folder / 'assets.extra' / 'tfx_kmeans' / 'export.json'
    path.write_text(path.read_text().replace('"precision": "float32"', '"precision": "int8"'))


@fault('features_parity', alone=False)
def int8_passed_off_as_float16(bench):
    bench.save(precision='int8')
    path = bench.folder / 'assets.extra' / 'tfx_kmeans' / 'export.json'
    path.write_text(path.read_text().replace('"precision": "int8"', '"precision": "float16"'))


@module_fault('examples_parity')
class DistanceOfExamplesNotSquared(export.KMeansModule):
    def answer_examples(self, serialized):
        answer = super().answer_examples(serialized)
        return {**answer, 'distance': tf.sqrt(answer['distance'])}


@module_fault('raw_parity')
class RawFeaturesSwapped(export.KMeansModule):
    def answer_raw(self, dense):
        return super().answer_raw({**dense, 'a': dense['b'], 'b': dense['a']})


@module_fault('features_parity')
class FeaturesScaled(export.KMeansModule):
    def signatures(self, serving_input=None):
        rows = tf.TensorSpec([None, 3], tf.float32, 'features')
        scaled = tf.function(lambda given: self.assign(given * 1.001), input_signature=[rows])
        return {
            **super().signatures(serving_input),
            'features': scaled.get_concrete_function(),
        }


@module_fault('all_distances_parity')
class AllDistancesNotSquared(export.KMeansModule):
    def all_distances(self, serialized):
        return {'all_distances': tf.sqrt(super().all_distances(serialized)['all_distances'])}


@module_fault('cluster_index_agrees')
class IndexOfAnotherOrder(export.KMeansModule):
    def nearest(self, serialized):
        return {'cluster_index': 3 - super().nearest(serialized)['cluster_index']}


class WithAnother(export.KMeansModule):
    def other(self, serialized):
        answer = self.answer_examples(serialized)
        return {**answer, 'cluster_index': 3 - answer['cluster_index']}

    def signatures(self, serving_input=None):
        examples = tf.TensorSpec([None], tf.string, 'examples')
        function = tf.function(self.other, input_signature=[examples])
        other = function.get_concrete_function()
        return {**super().signatures(serving_input), 'other': other}


@fault('server_answers')
def default_that_answers_otherwise(bench):
    bench.save(WithAnother)

    def change(graph):
        definition = graph.signature_def.pop('other')
        graph.signature_def['serving_default'].CopyFrom(definition)

    bench.edit(change)


@fault('server_answers')
def inputs_swapped_where_servers_look(bench):
    def change(graph):
        inputs = graph.signature_def['raw'].inputs
        inputs['a'].name, inputs['b'].name = inputs['b'].name, inputs['a'].name

    bench.edit(change)


@fault('centroids_in_model')
def centroids_of_another_model_beside_it(bench):
    other = dataclasses.replace(bench.payload, centroids=bench.payload.centroids + 100)
    write_payload(bench.folder / 'assets.extra' / 'tfx_kmeans', other)


@module_fault('batch_sizes', alone=False)
class AnswersDependOnBatch(export.KMeansModule):
    def assign(self, rows):
        return super().assign(rows + 0.5 * tf.cast(tf.shape(rows)[0] < 5, tf.float32))


@module_fault('batch_sizes')
class EmptyBatchRefused(export.KMeansModule):
    def assign(self, rows):
        with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(rows)[0])]):
            return super().assign(tf.identity(rows))


@fault('neighbours')
def first_row_counts(bench):
    """Answers are wrong for a batch that begins with the example which is the last here."""
    (file,) = (Path(bench.examples.uri) / 'Split-eval').iterdir()
    *_, last = tf.data.TFRecordDataset(str(file), 'GZIP').as_numpy_iterator()

    class LooksAtFirst(export.KMeansModule):
        def answer_examples(self, serialized):
            answer = super().answer_examples(serialized)
            at_last = tf.reduce_any(serialized[:1] == last)
            return {**answer, 'distance': answer['distance'] + tf.cast(at_last, tf.float32)}

    bench.save(LooksAtFirst)


@module_fault('neighbours', alone=False)
class RowsSummedUp(export.KMeansModule):
    def assign(self, rows):
        return super().assign(rows + 1e-3 * tf.cumsum(rows))


def may_be_examples(serialized):
    return tf.strings.substr(serialized, 0, 1) == b'\n'


@module_fault('malformed_examples')
class AnythingTaken(export.KMeansModule):
    def answer_examples(self, serialized):
        return super().answer_examples(tf.where(may_be_examples(serialized), serialized, b''))


@module_fault('malformed_examples', alone=False)
class BrokenByAnError(export.KMeansModule):
    def __init__(self, *given):
        super().__init__(*given)
        self.broken = tf.Variable(0.0)

    def answer_examples(self, serialized):
        wrong = tf.cast(~tf.reduce_all(may_be_examples(serialized)), tf.float32)
        broken = self.broken.assign(tf.maximum(self.broken, wrong))
        answer = super().answer_examples(serialized)
        return {**answer, 'distance': answer['distance'] + broken}


@module_fault('needless_inputs')
class LabelAsInput(export.KMeansModule):
    @property
    def raw_inputs(self):
        label = self._preprocessing.all_raw_features['label']
        return {**super().raw_inputs, 'label': label}


@module_fault('needless_inputs')
class LabelRequiredInExamples(export.KMeansModule):
    def answer_examples(self, serialized):
        spec = {'label': tf.io.FixedLenFeature([], tf.string)}
        label = tf.io.parse_example(serialized, spec)['label']
        return super().answer_examples(tf.where(label == 'no example', '', serialized))


@fault('warmup')
def warmup_request_of_another_width(bench):
    path = bench.folder / 'assets.extra' / 'tf_serving_warmup_requests'
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = 'features'
    log.predict_log.request.inputs['features'].CopyFrom(tf.make_tensor_proto([[1.0, 2.0]]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())


def heavy_work(size, zero=0.0):
    """Some milliseconds of work whose result is a zero, which no optimizer sees."""
    return tf.reduce_max(tf.linalg.matmul(*[tf.fill([size, size], 1e-30 + zero)] * 2))


@module_fault('concurrent_calls')
class CallsInEachOthersWay(export.KMeansModule):
    def __init__(self, *given):
        super().__init__(*given)
        self.calls = tf.Variable(0.0)

    def answer_examples(self, serialized):
        answer = super().answer_examples(serialized)
        before = self.calls.assign_add(1.0)
        size = tf.where(tf.size(serialized) > 100, 1000, 1)
        at_once = self.calls.assign_add(heavy_work(size, 1e-30 * before)).read_value()
        self.calls.assign_sub(1.0)
        return {**answer, 'distance': answer['distance'] + tf.maximum(at_once - 1.5, 0)}


class Slow(export.KMeansModule):
    sizes = ()

    def answer_examples(self, serialized):
        slow = tf.reduce_any(tf.size(serialized) == self.sizes)
        heavy = heavy_work(tf.where(slow, 2000, 1))
        answer = super().answer_examples(serialized)
        return {**answer, 'distance': answer['distance'] + heavy}


@fault('latency_batch_1')
def slow_alone(bench):
    bench.save(type('SlowAlone', (Slow,), {'sizes': [1]}))
    bench.limit(max_latency_ms_batch_1=20, max_latency_ms_batch_64=20)


@fault('latency_batch_64')
def slow_in_batches(bench):
    bench.save(type('SlowInBatches', (Slow,), {'sizes': [64]}))
    bench.limit(max_latency_ms_batch_1=20, max_latency_ms_batch_64=20)


@fault('memory')
def too_much_memory_for_a_server(bench):
    class Large(export.KMeansModule):
        def answer_examples(self, serialized):
            answer = super().answer_examples(serialized)
            values = tf.where(tf.size(serialized) > 100, 1 << 26, 1)
            heavy = tf.fill([values], 1e-30 * tf.reduce_sum(answer['distance']))
            return {**answer, 'distance': answer['distance'] + tf.reduce_max(heavy)}

    bench.save(Large)
    bench.limit(max_memory_mb=150)


# The clustering


def clustering_fault(check, **how):
    return fault(check, group='clustering', **how)


@fault('finite_centroids', alone=False)
def artifact_not_a_number(bench):
    centroids = bench.payload.centroids.copy()
    centroids[2, 1] = np.nan
    bench.other_centroids(centroids=centroids)
    bench.save_with(centroids=centroids)


@clustering_fault('number_and_width')
def fewer_than_asked_for(bench):
    def change(metadata):
        metadata['options']['num_clusters'] = 5

    bench.other_centroids(change)


@clustering_fault('distinct_centroids')
def two_alike(bench):
    centroids = bench.payload.centroids.copy()
    centroids[3] = centroids[1]
    bench.other_centroids(centroids=centroids)
    bench.save_with(centroids=centroids)


@clustering_fault('empty_clusters')
def cluster_without_rows(bench):
    weight = bench.payload.cluster_weight.copy()
    weight[3] = 0
    bench.other_centroids(cluster_weight=weight)


@clustering_fault('smallest_share')
def cluster_too_small(bench):
    bench.limit(min_cluster_share=0.249)


@clustering_fault('largest_share')
def cluster_too_large(bench):
    bench.limit(max_cluster_share=0.251)


@clustering_fault('inertia_ratio')
def trained_on_other_data(bench):
    def change(metadata):
        metadata['inertia'] /= 100

    bench.other_centroids(change)
    bench.limit(max_inertia_ratio=2)


@clustering_fault('silhouette')
def clusters_not_apart(bench):
    bench.limit(min_silhouette=0.999)


@clustering_fault('davies_bouldin')
def clusters_too_wide(bench):
    bench.limit(max_davies_bouldin=0.001)


def skewed(graph):
    """Exports with another Transform graph than the trainer was given."""

    def make(bench):
        bench.model = bench.workshop.export(
            bench.centroids, transform_graph=getattr(bench.other_graphs, graph)
        )
        bench.inputs['transformed'] = bench.base.transformed

    make.__name__ = f'graph_{graph}'
    return make


clustering_fault('preprocess_matches_transform', base='behind_transform')(skewed('of_other_data'))
clustering_fault('preprocess_matches_transform', base='behind_transform')(skewed('not_scaled'))


@clustering_fault('preprocess_matches_transform', base='behind_transform')
def an_example_lost(bench):
    (file,) = (Path(bench.base.transformed.uri) / 'Split-eval').iterdir()
    records = list(tf.data.TFRecordDataset(str(file), 'GZIP').as_numpy_iterator())
    bench.inputs['transformed'] = bench.workshop.written('fewer', 'eval', records[1:])


# Against a baseline


def baseline_fault(check, **how):
    return fault(check, group='baseline', **how)


@baseline_fault('baseline_fits')
def baseline_of_another_metric(bench):
    metadata = dataclasses.replace(bench.payload.metadata, distance_metric='cosine')
    bench.baseline(dataclasses.replace(bench.payload, metadata=metadata))


@baseline_fault('baseline_inertia')
def worse_than_the_baseline(bench):
    bench.baseline(bench.payload)
    far = bench.payload.centroids + 1
    bench.other_centroids(centroids=far)
    bench.save_with(centroids=far)
    bench.limit(max_baseline_inertia_ratio=1.05)


@baseline_fault('baseline_changed')
def rows_in_other_clusters(bench):
    bench.baseline(bench.payload)
    merged = bench.payload.centroids.copy()
    merged[0] = (merged[0] + 9 * merged[1]) / 10
    bench.other_centroids(centroids=merged)
    bench.save_with(centroids=merged)
    bench.limit(max_baseline_changed=0.01)


@baseline_fault('baseline_drift')
def clusters_of_other_sizes(bench):
    bench.baseline(bench.payload)
    far = bench.payload.centroids.copy()
    far[0] += 1000
    bench.other_centroids(centroids=far)
    bench.save_with(centroids=far)
    bench.limit(max_baseline_drift=0.01)


@pytest.mark.parametrize('name', FAULTS)
def test_a_sabotaged_model_is_refused_and_not_pushed(name, workshop, request):
    entry = FAULTS[name]
    bench = Bench(workshop, request.getfixturevalue(entry.base))
    if entry.base == 'behind_transform':
        bench.other_graphs = request.getfixturevalue('other_graphs')
    entry.make(bench)
    found = workshop.validate(
        bench.model, bench.centroids, bench.examples, **bench.inputs, **bench.options
    )
    pushed = workshop.push(bench.model, found)
    assert pushed == []
    assert entry.check in found.failed, found.checks
    assert entry.reason in next(one for one in found.checks if one['name'] == entry.check)['found']
    assert found.failed == [entry.check] or not entry.alone
    assert os.listdir(found.blessing.uri) == ['NOT_BLESSED']
    assert entry.check in found.blessing.get_string_custom_property('failed_checks').split(',')
    infra = entry.group in ('clustering', 'baseline')
    assert os.listdir(found.infra_blessing.uri) == [
        'INFRA_BLESSED' if infra else 'INFRA_NOT_BLESSED'
    ]


def test_every_check_has_a_fault():
    assert {entry.check for entry in FAULTS.values()} == set(CHECK_NAMES)
