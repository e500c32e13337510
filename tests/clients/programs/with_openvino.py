"""Calls the dense serving_default of a model with OpenVINO, without TensorFlow: MODEL REQUESTS."""

import json
import sys

import numpy as np
import openvino

with open(sys.argv[2]) as file:
    rows = np.array(json.load(file)['rows'], np.float32)
# On processors with bfloat16, OpenVINO uses it unless another precision is requested.
precision = {'INFERENCE_PRECISION_HINT': 'f32'}
compiled = openvino.Core().compile_model(sys.argv[1], 'CPU', precision)
answer = compiled({'features': rows})
assert 'tensorflow' not in sys.modules
names = ('cluster_index', 'distance')
print(json.dumps({name: answer[compiled.output(name)].tolist() for name in names}))
