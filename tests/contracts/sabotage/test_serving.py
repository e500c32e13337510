"""Models that do not load or answer wrongly are refused by the checks of serving."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.contracts.sabotage.catalogue import Catalogue, assert_refused
from tfx_kmeans.serving import export

FAULTS = Catalogue(infra_blessed=False)
fault = FAULTS.fault
module_fault = FAULTS.module_fault


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
    """A module that runs an operation when it is loaded, and gives correct answers."""

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


@fault('loads_in_clean_process', alone=False, reason='ended by the model, with code 0')
def ends_the_process_at_load(bench):
    bench.save(at_load(lambda: tf.raw_ops.Abort(exit_without_error=True)))


@fault('loads_in_clean_process', alone=False, reason='raise thresholds.probe_memory_mb')
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


@fault(
    'features_parity',
    alone=False,
    reason="the precision 'int8', but the centroids are stored",
)
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
    """Answers are wrong for a batch that begins with the last of these examples."""
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
    """Milliseconds of work that results in zero, which the graph optimizer cannot remove."""
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


@pytest.mark.parametrize('name', FAULTS.by_name)
def test_a_sabotaged_model_is_refused_and_not_pushed(name, workshop, request):
    assert_refused(FAULTS.by_name[name], workshop, request)
