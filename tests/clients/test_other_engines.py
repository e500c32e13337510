"""Inference engines other than TensorFlow, on the dense signature."""

from tests.clients.running import run, run_program


def test_openvino(wine, clients, check):
    python = clients / 'openvino' / 'bin' / 'python'
    check(run_program(python, 'with_openvino.py', wine.dense, wine.requests_file))


def test_onnxruntime(wine, clients, check, tmp_path):
    python = clients / 'tensorflow' / 'bin' / 'python'
    file = tmp_path / 'model.onnx'
    convert = (python, '-m', 'tf2onnx.convert', '--saved-model', wine.pushed)
    run(*convert, '--signature_def', 'features', '--output', file)
    check(run_program(python, 'with_onnxruntime.py', file, wine.requests_file))
