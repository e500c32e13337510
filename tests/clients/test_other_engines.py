"""Inference engines other than TensorFlow, on the dense signature."""

import json
import re
import shlex
from pathlib import Path

import numpy as np

from tests.clients.running import run, run_program

ROOT = Path(__file__).parents[2]


def test_openvino(wine, clients, check):
    python = clients / 'openvino' / 'bin' / 'python'
    check(run_program(python, 'with_openvino.py', wine.dense, wine.requests_file))


def recipe():
    """The command and the program for onnxruntime in docs/serving.md."""
    text = (ROOT / 'docs' / 'serving.md').read_text()
    (command,) = re.findall(r'^\$ python (-m tf2onnx\.convert .*)$', text, re.MULTILINE)
    (program,) = re.findall(r'^```py\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    return command, program


def test_onnxruntime_by_the_recipe_of_the_guide(wine, clients, check, tmp_path):
    python = clients / 'tensorflow' / 'bin' / 'python'
    command, program = recipe()
    model = 'output/serving_model/VERSION'
    assert model in command
    run(python, *shlex.split(command.replace(model, str(wine.pushed))), cwd=tmp_path)
    rows = json.loads(wine.requests_file.read_text())['rows']
    np.save(tmp_path / 'rows.npy', np.array(rows, np.float32))
    shown = (
        'import json\n'
        "named = {'cluster_index': cluster_index, 'distance': distance}\n"
        'print(json.dumps({name: values.tolist() for name, values in named.items()}))\n'
    )
    (tmp_path / 'serve.py').write_text(program + shown)
    answer = run(python, '-I', 'serve.py', cwd=tmp_path)
    check(json.loads(answer.splitlines()[-1]))
