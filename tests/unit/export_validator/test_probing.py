"""The probe process is kept from one model to the next, and outlives none of what it serves."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import tensorflow as tf

from tfx_kmeans.export_validator.options import Thresholds
from tfx_kmeans.export_validator.probing import ProbeError, ProbeProcess, Questions, probe_model


@pytest.fixture(scope='module')
def process():
    made = ProbeProcess()
    yield made
    made.close()


def request(folder, model='nowhere'):
    (folder / 'records').write_bytes(b'')
    path = folder / 'request.json'
    path.write_text(
        f'{{"model": "{model}", "answers": "{folder}", "log": "{folder}/log", "seconds": 30,'
        f' "memory_mb": 500, "records": "{folder}/records"}}'
    )
    return str(path)


def test_it_is_kept_and_started_anew_where_it_was_killed(process, tmp_path):
    assert process.ask(request(tmp_path), 30) == 0
    first = process._process
    began = time.perf_counter()
    assert process.ask(request(tmp_path), 30) == 0
    assert time.perf_counter() - began < 3
    assert process._process is first
    first.kill()
    first.wait()
    assert process.ask(request(tmp_path), 30) == 0
    assert process._process is not first
    assert 'nowhere' in (tmp_path / 'tasks.json').read_text()


def test_where_it_is_killed_meanwhile_that_is_said(process, tmp_path):
    process.start()
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(ProbeError, match='The probe process did not answer'):
        process.ask(request(tmp_path), 30)
    assert process.ask(request(tmp_path), 30) == 0


def test_an_interrupted_request_leaves_no_answer_for_the_next(process, tmp_path):
    """A model that hangs is interrupted, as by Ctrl-C; the next model gets its own answer."""

    made = request(tmp_path).replace('request.json', 'hangs.json')
    fifo = tmp_path / 'fifo'
    os.mkfifo(fifo)
    text = (tmp_path / 'request.json').read_text().replace(f'{tmp_path}/log', str(fifo))
    (tmp_path / 'hangs.json').write_text(text)  # its log is opened for ever: nobody reads

    def interrupt(*_):
        probe = psutil.Process(process._process.pid)
        family.update([probe.pid, *(child.pid for child in probe.children())])
        raise KeyboardInterrupt

    process.start()
    family = set()
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 10)
    try:
        with pytest.raises(KeyboardInterrupt):
            process.ask(made, 30)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(family) == 2
    assert process._process is None
    assert process.ask(request(tmp_path), 30) == 0
    alive = [one for one in psutil.process_iter() if one.pid in family and one.is_running()]
    assert alive == []


def test_it_ends_when_nobody_is_left(tmp_path):
    program = (
        'import os, signal\n'
        'from tfx_kmeans.export_validator.probing import ProbeProcess\n'
        'process = ProbeProcess()\n'
        'process.start()\n'
        'print(process._process.pid, flush=True)\n'
        'os.kill(os.getpid(), signal.SIGKILL)\n'
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, check=False)
    left = int(done.stdout)
    for _ in range(300):
        if not os.path.exists(f'/proc/{left}/status'):
            return
        with open(f'/proc/{left}/status') as file:
            if 'State:\tZ' in file.read():
                return
        time.sleep(0.1)
    raise AssertionError('it is still there after 30 s')


def test_answers_stand_by_task_and_what_was_not_reached_says_why(tmp_path):
    class Rows(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'examples')])
        def preprocess(self, examples):
            return {'features': tf.zeros([tf.size(examples), 1])}

    module = Rows()
    tf.saved_model.save(module, str(tmp_path / 'model'), {'preprocess': module.preprocess})
    (tmp_path / 'scratch').mkdir()
    questions = Questions([b'', b''], None, [])
    answers = probe_model(tmp_path / 'model', questions, tmp_path / 'scratch', Thresholds())
    assert answers.ending == ''
    assert answers.outputs('preprocess')['features'].shape == (2, 1)
    assert np.array_equal(answers.outputs('preprocess@1')['features'], [[0]])
    with pytest.raises(ProbeError, match='examples: '):
        answers.outputs('examples')
