"""Batch prediction with TFX's BulkInferrer in a pipeline and tfx_bsl's RunInference on Beam."""

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.clients.running import PROGRAMS, THIS_PYTHON, run


def answers_by_example(logs):
    """Cluster and distance by serialized example."""
    found = {}
    for log in logs:
        examples = tf.make_ndarray(log.predict_log.request.inputs['examples']).ravel()
        outputs = log.predict_log.response.outputs
        clusters = tf.make_ndarray(outputs['cluster_index']).ravel()
        distances = tf.make_ndarray(outputs['distance']).ravel()
        found.update(zip(examples, zip(clusters, distances, strict=True), strict=True))
    return found


def check_by_example(found, examples, wine):
    assert len(found) == len(examples)
    answers = [found[one] for one in examples]
    assert [cluster for cluster, _ in answers] == wine.nearest.tolist()
    distances = [distance for _, distance in answers]
    np.testing.assert_allclose(distances, wine.distances.min(axis=1), rtol=1e-4)


def eval_examples(wine):
    files = [str(path) for path in wine.examples.glob('Split-eval/*.gz')]
    return list(tf.data.TFRecordDataset(files, 'GZIP').as_numpy_iterator())


def test_run_inference(wine, tmp_path):
    pattern = wine.examples / 'Split-eval' / '*.gz'
    run(THIS_PYTHON, PROGRAMS / 'run_inference.py', wine.pushed, pattern, tmp_path / 'answers')
    check_by_example(by_content(logs_in(tmp_path)), content_of(eval_examples(wine)), wine)


def test_bulk_inferrer(wine, tmp_path):
    model_folder = tmp_path / 'model'
    model_folder.mkdir()
    (model_folder / 'Format-Serving').symlink_to(wine.pushed)
    run(THIS_PYTHON, PROGRAMS / 'bulk_infer.py', model_folder, wine.examples, tmp_path)
    check_by_example(by_content(logs_in(tmp_path / 'root')), content_of(eval_examples(wine)), wine)


def logs_in(folder):
    files = [str(path) for path in folder.rglob('*') if is_records(path)]
    assert files
    compression = 'GZIP' if files[0].endswith('.gz') else ''
    records = tf.data.TFRecordDataset(files, compression).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]


def is_records(path):
    return path.is_file() and ('answers' in path.name or path.name.startswith('prediction_logs'))


def by_content(logs):
    """Answers by the content of the examples, because the order of their features may change."""
    answers = answers_by_example(logs)
    return dict(zip(content_of(answers), answers.values(), strict=True))


def content_of(examples):
    return [
        tf.train.Example.FromString(one).SerializeToString(deterministic=True) for one in examples
    ]
