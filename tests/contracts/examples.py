"""Serialized tf.Examples of the schemas in conftest.py."""

import tensorflow as tf


def plain_example(row, index):
    """A row of a, b and c, with an id and a label."""

    def floats(value):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    feature = dict(zip('abc', map(floats, row), strict=True))
    feature['id'] = tf.train.Feature(int64_list=tf.train.Int64List(value=[index]))
    feature['label'] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b'x']))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def raw_example(row):
    """A row before Transform, given as a dict."""
    example = tf.train.Example()
    feature = example.features.feature
    feature['n'].float_list.value.append(row['n'])
    feature['price'].float_list.value.extend(row['price'])
    for name in ('color', 'label'):
        feature[name].bytes_list.value.append(row[name].encode())
    return example.SerializeToString()
