"""Imports the package and fits 1000 rows twice; prints the seconds of each as JSON.

Run in a fresh process by bench_fit. `whole` is the import of NumPy and the package, and the first
fit; it does not include the start of Python.
"""

import json
import sys
import time

began = time.perf_counter()

import numpy as np  # noqa: E402

import tfx_kmeans  # noqa: E402

rows = np.random.default_rng(0).normal(size=(1000, 3))
taken = []
for _ in range(2):
    start = time.perf_counter()
    tfx_kmeans.fit(rows, 4)
    taken.append(time.perf_counter() - start)
    if len(taken) == 1:
        whole = time.perf_counter() - began
assert 'tensorflow' not in sys.modules, 'fit must not import TensorFlow'
print(json.dumps({'first': taken[0], 'second': taken[1], 'whole': whole}))
