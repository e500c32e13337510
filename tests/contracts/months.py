"""Months of raw examples behind real Transform graphs, for tests of retraining.

A row has an `x`, by which alone the groups A, B, C and D can be told apart, a `y`, the name of the
group as text in `segment`, and a weight `w`.
"""

import functools
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from tests.contracts.conftest import Workshop, transformed_by

SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "y" type: FLOAT presence { min_fraction: 1.0 } shape {} }
feature { name: "segment" type: BYTES presence { min_fraction: 1.0 } shape {} }
feature { name: "w" type: FLOAT presence { min_fraction: 1.0 } shape {} }
"""
X = {'A': -1000, 'B': 0, 'C': 1000, 'D': 1700}
Y = {'A': 0, 'B': 300, 'C': -300, 'D': 0}


def x_alone(inputs):
    """A preprocessing_fn whose scale depends on the month."""
    import tensorflow_transform as tft

    return {'x': tft.scale_to_z_score(inputs['x']), 'w': inputs['w']}


def x_and_segment(inputs):
    """The same, and a vocabulary whose order depends on the month."""
    import tensorflow_transform as tft

    index = tft.compute_and_apply_vocabulary(inputs['segment'], num_oov_buckets=1)
    return {**x_alone(inputs), 'segment': tf.one_hot(index, 4)}


def all_three(inputs):
    """The same, and a third feature."""
    import tensorflow_transform as tft

    return {**x_and_segment(inputs), 'y': tft.scale_to_z_score(inputs['y'])}


def rows_of(seed=0, scale=1.0, shift=0.0, **counts):
    """Rows as dicts, in random order; rows of D are in the segment of C and weigh 5."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation([name for name, count in counts.items() for _ in range(count)])
    return [
        {
            'group': group,
            'x': float(np.float32((X[group] + rng.normal(0, 40)) * scale + shift)),
            'y': float(np.float32(Y[group] + rng.normal(0, 40))),
            'segment': 'C' if group == 'D' else str(group),
            'w': 5.0 if group == 'D' else float(rng.integers(1, 4)),
        }
        for group in groups
    ]


def record_of(row, without=()):
    """A serialized tf.Example of a row."""
    example = tf.train.Example()
    feature = example.features.feature
    for name in {'x', 'y', 'w'} - set(without):
        feature[name].float_list.value.append(row[name])
    if 'segment' not in without:
        feature['segment'].bytes_list.value.append(row['segment'].encode())
    return example.SerializeToString()


class Months:
    """Makes a month once: its rows, raw examples, Transform graph and transformed examples."""

    def __init__(self, folder):
        self._folder = folder
        self.made = functools.cache(self._made)

    def _made(self, preprocessing_fn, **options):
        name = '-'.join([preprocessing_fn.__name__, *(f'{k}{v}' for k, v in options.items())])
        folder = self._folder / name
        shop = Workshop(folder)
        rows = rows_of(**options)
        inputs = [{k: v for k, v in row.items() if k != 'group'} for row in rows]
        graph, encoded = transformed_by(preprocessing_fn, inputs, folder, SCHEMA)
        records = [record_of(row) for row in rows]
        shuffled = np.random.default_rng(7).permutation(len(rows))  # as Transform's shuffle does
        return SimpleNamespace(
            groups=np.array([row['group'] for row in rows]),
            weights=np.array([row['w'] for row in rows]),
            rows=rows,
            records=records,
            graph=graph,
            raw=shop.written('raw', 'eval', records),
            transformed=shop.written('transformed', 'eval', [encoded[i] for i in shuffled]),
        )


def answers_of(model, records):
    """What the served model answers, int64 [n]."""
    loaded = tf.saved_model.load(f'{model.uri}/Format-Serving')
    return loaded.signatures['examples'](examples=tf.constant(records))['cluster_index'].numpy()
