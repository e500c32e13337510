"""Damaged files and graphs are refused by the checks of the structure."""

import dataclasses
import shutil

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.contracts.sabotage.catalogue import Catalogue, assert_refused
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.serving import export

FAULTS = Catalogue(infra_blessed=False)
fault = FAULTS.fault
module_fault = FAULTS.module_fault


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


@fault('centroids_in_model')
def centroids_of_another_model_beside_it(bench):
    other = dataclasses.replace(bench.payload, centroids=bench.payload.centroids + 100)
    write_payload(bench.folder / 'assets.extra' / 'tfx_kmeans', other)


@pytest.mark.parametrize('name', FAULTS.by_name)
def test_a_sabotaged_model_is_refused_and_not_pushed(name, workshop, request):
    assert_refused(FAULTS.by_name[name], workshop, request)
