"""A model is called in the probe process, and its answers are read."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_kmeans.errors import ProbeError
from tfx_kmeans.export_validator.options import Thresholds
from tfx_kmeans.export_validator.probe.client import (
    ProbeInputs,
    _ending,
    _with_memory_limit,
    probe_model,
)


@pytest.fixture
def model(tmp_path):
    """A model with the signature `preprocess` alone, in tmp_path."""

    class Rows(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'examples')])
        def preprocess(self, examples):
            return {'features': tf.zeros([tf.size(examples), 1])}

    module = Rows()
    tf.saved_model.save(module, str(tmp_path / 'model'), {'preprocess': module.preprocess})
    return tmp_path / 'model'


def test_answers_are_read_by_task_and_a_missing_one_says_why(model, tmp_path):
    (tmp_path / 'scratch').mkdir()
    inputs = ProbeInputs([b'', b''], None, [])
    answers = probe_model(model, inputs, tmp_path / 'scratch', Thresholds())
    assert answers.ending == ''
    assert answers.outputs('preprocess')['features'].shape == (2, 1)
    assert np.array_equal(answers.outputs('preprocess@1')['features'], [[0]])
    with pytest.raises(ProbeError, match='examples: '):
        answers.outputs('examples')


def test_a_lack_of_memory_names_the_parameter_even_if_a_thread_cannot_start(model, tmp_path):
    (tmp_path / 'scratch').mkdir()
    inputs = ProbeInputs([b'', b''], None, [])
    limit = Thresholds(probe_memory_mb=20)
    answers = probe_model(model, inputs, tmp_path / 'scratch', limit)
    with pytest.raises(ProbeError, match=r'limit is 20 MiB: raise thresholds\.probe_memory_mb'):
        answers.outputs('preprocess')


@pytest.mark.parametrize(
    ('error', 'of_memory'),
    [
        ("RuntimeError: can't start new thread", True),
        ('Thread tf_Compute creation via pthread_create() failed.', True),
        ('ResourceExhaustedError: OOM when allocating tensor', True),
        ('[low_level_alloc.cc : 569] RAW: mmap error: 12', True),
        ('InvalidArgumentError: Key: a', False),
    ],
)
def test_errors_that_mean_a_lack_of_memory(error, of_memory):
    found = _with_memory_limit(error, Thresholds())
    assert found.startswith(error)
    assert ('probe_memory_mb' in found) == of_memory


def test_the_ending_of_an_aborted_process_is_its_message_and_not_its_stack(tmp_path):
    log = tmp_path / 'log'
    log.write_text(
        'F0000 00:00:1795644881.144796 25 env.cc:74] Check failed: pthread_create(&thread) == 0\n'
        '*** Check failure stack trace: ***\n    @     0x7f1899714590  (unknown)\n'
        '    @           0x5883cc  (unknown)\n'
    )
    found = _ending(-6, Thresholds(), log)
    assert 'ended by SIGABRT: F0000' in found
    assert 'raise thresholds.probe_memory_mb' in found
