"""MLflow's model server, over HTTP, on the unmodified folder of the pushed model."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from tests.clients.running import clean_environment

MLMODEL = """
flavors:
  python_function: {{loader_module: mlflow.tensorflow, env: {{}}, python_version: 3.10.0}}
  tensorflow:
    model_type: tf1-estimator
    saved_model_dir: model
    meta_graph_tags: [serve]
    signature_def_key: {signature}
signature:
  inputs: '{inputs}'
"""


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def post(port, body):
    request = urllib.request.Request(
        f'http://127.0.0.1:{port}/invocations',
        json.dumps(body).encode(),
        {'Content-Type': 'application/json'},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)['predictions']
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error


def wait_for(port, process):
    for _ in range(120):
        assert process.poll() is None, 'the server has terminated'
        try:
            urllib.request.urlopen(f'http://127.0.0.1:{port}/ping', timeout=5)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(1)
        else:
            return
    raise TimeoutError('the server did not start')


@pytest.fixture
def serve(wine, clients, tmp_path):
    """Starts a server for a signature of the pushed model; returns a function that posts to it."""
    processes = []

    def started(signature, inputs):
        described = MLMODEL.format(signature=signature, inputs=json.dumps(inputs))
        (tmp_path / 'MLmodel').write_text(described)
        (tmp_path / 'model').symlink_to(wine.pushed)
        port = free_port()
        mlflow = clients / 'tensorflow' / 'bin' / 'mlflow'
        environment = clean_environment()
        environment['PATH'] = f'{mlflow.parent}:{environment["PATH"]}'
        with (tmp_path / 'log').open('wb') as log:
            processes.append(
                subprocess.Popen(
                    [
                        str(mlflow),
                        'models',
                        'serve',
                        '--model-uri',
                        str(tmp_path),
                        '--env-manager',
                        'local',
                        '--host',
                        '127.0.0.1',
                        '--port',
                        str(port),
                        '--workers',
                        '1',
                    ],
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            )
        try:
            wait_for(port, processes[-1])
        except (AssertionError, TimeoutError):
            print((tmp_path / 'log').read_text())
            raise
        return lambda body: post(port, body)

    yield started
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def test_serialized_examples(serve, wine):
    predict = serve('serving_default', [{'name': 'examples', 'type': 'binary'}])
    # MLflow converts the bytes to a NumPy array, which loses trailing zeros.
    whole = [i for i, one in enumerate(wine.serialized) if not one.endswith(b'\0')]
    data = [[wine.requests['examples'][i]] for i in whole]
    found = predict({'dataframe_split': {'columns': ['examples'], 'data': data}})
    assert len(whole) > 50
    assert [row['cluster_index'] for row in found] == wine.nearest[whole].tolist()
    distances = [row['distance'] for row in found]
    np.testing.assert_allclose(distances, wine.distances.min(axis=1)[whole], rtol=1e-4)


def test_rows(serve, wine, check):
    tensor = {'type': 'tensor', 'tensor-spec': {'dtype': 'float32', 'shape': [-1]}}
    predict = serve('raw', [{'name': name, **tensor} for name in wine.requests['raw']])
    check(predict({'inputs': wine.requests['raw']}))
