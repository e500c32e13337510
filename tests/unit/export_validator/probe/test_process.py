"""The probe process is kept between models, and ends with the process that started it."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tfx_kmeans.errors import ProbeError
from tfx_kmeans.export_validator.probe.process import ProbeProcess
from tfx_kmeans.export_validator.probe.program.probe_protocol import Request


@pytest.fixture(scope='module')
def process():
    made = ProbeProcess()
    yield made
    made.close()


def request(folder, log='log', name='request.json'):
    """Writes a request for a model that does not exist."""
    made = Request(
        model='nowhere',
        records=str(folder / 'records'),
        answers=str(folder),
        log=str(folder / log),
        seconds=30,
        memory_mb=500,
        warmup=str(folder / 'warmup.json'),
    )
    path = str(folder / name)
    made.write(path)
    return path


def test_it_is_kept_and_restarted_after_it_was_killed(process, tmp_path):
    assert process.send(request(tmp_path), 30) == 0
    first = process._process
    began = time.perf_counter()
    assert process.send(request(tmp_path), 30) == 0
    assert time.perf_counter() - began < 3
    assert process._process is first
    first.kill()
    first.wait()
    assert process.send(request(tmp_path), 30) == 0
    assert process._process is not first
    assert 'nowhere' in (tmp_path / 'tasks.json').read_text()


def test_an_error_reports_that_it_was_killed(process, tmp_path):
    process.start()
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(ProbeError, match='The probe process did not answer'):
        process.send(request(tmp_path), 30)
    assert process.send(request(tmp_path), 30) == 0


def test_an_interrupted_request_leaves_no_answer_for_the_next(process, tmp_path):
    """A model that hangs is interrupted, as by Ctrl-C; the next model gets its own answer."""

    os.mkfifo(tmp_path / 'fifo')
    hangs = request(tmp_path, log='fifo', name='hangs.json')  # opening the log blocks: no reader

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
            process.send(hangs, 30)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(family) == 2
    assert process._process is None
    assert process.send(request(tmp_path), 30) == 0
    alive = [one for one in psutil.process_iter() if one.pid in family and one.is_running()]
    assert alive == []


def test_it_ends_with_its_parent(tmp_path):
    program = (
        'import os, signal\n'
        'from tfx_kmeans.export_validator.probe.process import ProbeProcess\n'
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
    raise AssertionError('it still runs after 30 s')
