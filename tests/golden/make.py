"""Writes one of each file that a release leaves with its users, to be read by every later release.

Run it when a format changes, with a new folder; files of earlier formats are never written again:

    .venv/bin/python tests/golden/make.py tests/golden/1.1
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tfx_kmeans import cli, fit
from tfx_kmeans.centroids import checkpoint_folder
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.serving.export import ModelToSave
from tfx_kmeans.serving.preprocessing import SchemaPreprocessing

SCHEMA = 'feature { name: "x" } feature { name: "y" } feature { name: "customer" }'
SPEC = {
    'x': tf.io.FixedLenFeature([], tf.float32),
    'y': tf.io.FixedLenFeature([], tf.float32),
    'customer': tf.io.FixedLenFeature([], tf.string),
}


STOPPED_FIT = {
    'num_clusters': 6,
    'num_restarts': 2,
    'relative_tolerance': 0.0,
    'column_names': ['x', 'y'],
}


class StoppedError(Exception):
    """Ends a fit between two iterations."""


def data():
    """300 rows in three clusters, and their weights."""
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [10, 0], [0, 10]])
    rows = centers[rng.integers(3, size=300)] + rng.normal(size=(300, 2))
    return rows.astype(np.float32), rng.uniform(0.5, 2, 300)


def stop(restart, iteration, _):
    """Ends a fit in its second restart, so that its checkpoint has every kind of content."""
    if (restart, iteration) == (1, 2):
        raise StoppedError


def write_checkpoint(folder, rows, weights):
    """The newest checkpoint of a fit that was stopped."""
    checkpoint_folder._SPARED = 0  # one after every iteration
    with contextlib.suppress(StoppedError):
        fit(rows, sample_weight=weights, callback=stop, checkpoint_dir=folder, **STOPPED_FIT)
    for path in sorted(Path(folder).iterdir())[:-1]:
        path.unlink()


def write_examples(folder, rows):
    """Raw tf.Examples, one for each row."""
    os.makedirs(folder)
    with tf.io.TFRecordWriter(f'{folder}/examples') as writer:
        for index, row in enumerate(rows):
            example = tf.train.Example()
            for name, value in zip('xy', row, strict=True):
                example.features.feature[name].float_list.value.append(value)
            example.features.feature['customer'].bytes_list.value.append(b'%d' % index)
            writer.write(example.SerializeToString())


def main(folder):
    """Writes everything under relative paths, since metadata and reports record paths."""
    os.makedirs(folder)
    os.chdir(folder)
    rows, weights = data()
    earlier = fit(rows[:200], 3, sample_weight=weights[:200], column_names=['x', 'y'])
    earlier.save('earlier')
    model = fit(
        rows, 3, sample_weight=weights, base_model='earlier', align_clusters=True, num_restarts=2
    )
    payload = model.payload.evaluated('eval', model.evaluate(rows[:100], log_dir=None))
    write_payload('centroids', payload)
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    preprocessing = SchemaPreprocessing(SPEC, schema, ['x', 'y'])
    ModelToSave(payload, preprocessing, passthrough=('customer',)).save('model')
    write_checkpoint('checkpoint', rows, weights)
    write_examples('examples', rows)
    cli.main(
        ['validate', 'model', '--centroids', 'centroids', '--examples', 'examples',
         '--baseline-model', 'earlier', '--report', 'report']
    )  # fmt: skip
    os.remove('report/report.html')
    shutil.rmtree('earlier')


if __name__ == '__main__':
    main(sys.argv[1])
