"""A model is called in the probe process, and its answers are read."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.errors import ProbeError
from tfx_kmeans.export_validator.options import Thresholds
from tfx_kmeans.export_validator.probe.client import ProbeInputs, probe_model


def test_answers_are_read_by_task_and_a_missing_one_says_why(tmp_path):
    class Rows(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'examples')])
        def preprocess(self, examples):
            return {'features': tf.zeros([tf.size(examples), 1])}

    module = Rows()
    tf.saved_model.save(module, str(tmp_path / 'model'), {'preprocess': module.preprocess})
    (tmp_path / 'scratch').mkdir()
    inputs = ProbeInputs([b'', b''], None, [])
    answers = probe_model(tmp_path / 'model', inputs, tmp_path / 'scratch', Thresholds())
    assert answers.ending == ''
    assert answers.outputs('preprocess')['features'].shape == (2, 1)
    assert np.array_equal(answers.outputs('preprocess@1')['features'], [[0]])
    with pytest.raises(ProbeError, match='examples: '):
        answers.outputs('examples')
