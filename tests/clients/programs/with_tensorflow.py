"""Calls every signature of a model, using only TensorFlow: MODEL REQUESTS (a JSON file)."""

import base64
import json
import sys

import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
with open(sys.argv[2]) as file:
    requests = json.load(file)
examples = tf.constant([base64.b64decode(one) for one in requests['examples']])
inputs = {
    'examples': {'examples': examples},
    'serving_default': {'examples': examples},
    'all_distances': {'examples': examples},
    'cluster_index': {'examples': examples},
    'preprocess': {'examples': examples},
    'features': {'features': tf.constant(requests['rows'], tf.float32)},
    'raw': {name: tf.constant(values, tf.float32) for name, values in requests['raw'].items()},
}
assert set(inputs) == set(model.signatures), sorted(model.signatures)
answers = {}
for signature, given in inputs.items():
    found = model.signatures[signature](**given)
    answers[signature] = {name: values.numpy().tolist() for name, values in found.items()}
answers['model'] = {'centroids': model.centroids.numpy().tolist()}
unwanted = {'tfx', 'tfx_kmeans', 'tensorflow_transform', 'apache_beam'} & set(sys.modules)
assert not unwanted, unwanted
print(json.dumps(answers))
