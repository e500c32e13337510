"""The preprocessing_fn of monthly.py, which Transform imports by name."""

import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    """A scale and a vocabulary, both of which depend on the month."""
    segment = tft.compute_and_apply_vocabulary(inputs['segment'], num_oov_buckets=1)
    return {
        'x': tft.scale_to_z_score(inputs['x']),
        'segment': tf.one_hot(segment, 4),
    }
