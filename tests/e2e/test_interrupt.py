"""Ctrl-C during training."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
# A shell makes background processes and their children ignore Ctrl-C; env restores the default.
ACCEPT_CTRL_C = ('env', '--default-signal=INT')


def wait_for_training(output, process):
    """Waits until the log contains the first line of the trainer."""
    for _ in range(2000):
        logs = list((output / 'logs').glob('*.log'))
        if logs and 'restart 1 of' in logs[0].read_text(errors='replace'):
            return
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    raise AssertionError('training did not start within 200 s')


def test_ctrl_c_ends_the_run_within_a_second_and_writes_no_artifact(tmp_path):
    (tmp_path / 'data').mkdir()
    rows = np.random.default_rng(0).normal(size=(15_000, 3)).round(4)
    pd.DataFrame(rows, columns=['a', 'b', 'c']).to_csv(tmp_path / 'data' / 'x.csv', index=False)
    output = tmp_path / 'output'
    arguments = ['--data', str(tmp_path / 'data'), '--num-clusters', '3000', '--output', output]
    process = subprocess.Popen(
        [*ACCEPT_CTRL_C, sys.executable, str(ROOT / 'local_runner.py'), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_training(output, process)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    screen = process.communicate(timeout=60)[0]
    assert time.monotonic() - began < 1.0
    assert process.returncode == 130
    shown = screen.split('KMeansTrainer')[1].strip()
    assert shown.startswith('Interrupted. Log: ')
    assert len(shown.splitlines()) == 1
    trainer = output / 'pipeline' / 'KMeansTrainer'
    assert [p for p in trainer.rglob('*') if p.is_file() and '.system' not in p.parts] == []
