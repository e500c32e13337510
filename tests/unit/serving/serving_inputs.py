"""Functions such as users give as serving_input_fn."""

import numpy as np
import tensorflow as tf

SEMICOLONS = tf.TensorSpec([None], tf.string)


def from_csv(lines):
    """Raw features of a line 'a;b;c;d'."""
    columns = tf.strings.to_number(tf.strings.split(lines, ';').to_tensor(shape=[None, 4]))
    return {
        'a': columns[:, 0],
        'b c/d': columns[:, 1:3],
        'b_c': tf.cast(columns[:, 3], tf.int64),
        'unused': lines,
    }


def from_two(
    first: tf.TensorSpec([None, 3], tf.float32),
    last=tf.TensorSpec([None], tf.int64),  # noqa: B008
):
    return {'a': first[:, 0], 'b c/d': first[:, 1:], 'b_c': last}


from_one = tf.function(
    lambda rows: from_two(rows[:, :3], tf.cast(rows[:, 3], tf.int64)),
    input_signature=[tf.TensorSpec([None, 4], tf.float32, 'rows')],
)


def from_csv_scaled(lines):
    return {**from_csv(lines), 'a': from_csv(lines)['a'] * 2}


def from_csv_scaled_more(lines):
    return {**from_csv(lines), 'a': from_csv(lines)['a'] * 3}


def without_d(lines):
    return {name: value for name, value in from_csv(lines).items() if name != 'b_c'}


def of_another_type(lines):
    return {**from_csv(lines), 'b_c': tf.zeros(tf.shape(lines))}


def of_another_shape(lines):
    return {**from_csv(lines), 'b c/d': tf.zeros([tf.shape(lines)[0], 3])}


def no_dict(lines):
    return lines


def no_input():
    return {}


def calls_python(lines):
    negative = tf.numpy_function(np.negative, [from_csv(lines)['a']], tf.float32)
    return {**from_csv(lines), 'a': tf.ensure_shape(negative, [None])}


def from_abc(rows: tf.TensorSpec([None, 3], tf.float32)):
    return {
        'a': rows[:, 0],
        'b': rows[:, 1],
        'c': rows[:, 2],
        'id': tf.zeros(tf.shape(rows)[0], tf.int64),
    }
