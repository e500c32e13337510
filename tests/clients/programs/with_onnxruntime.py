"""Runs an ONNX model with onnxruntime: FILE REQUESTS."""

import json
import sys

import numpy as np
import onnxruntime

with open(sys.argv[2]) as file:
    rows = np.array(json.load(file)['rows'], np.float32)
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
names = [output.name for output in session.get_outputs()]
answers = session.run(names, {session.get_inputs()[0].name: rows})
print(json.dumps({name: values.tolist() for name, values in zip(names, answers, strict=True)}))
