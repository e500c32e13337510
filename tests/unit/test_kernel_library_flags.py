"""The library of the kernels leaves the processor's floating-point flags of the process alone.

A library that is linked with -ffast-math makes the processor replace denormal numbers by zero in
every thread that loads it, and so changes the results of unrelated code.
"""

import subprocess
import sys

PROGRAM = """
import numpy as np

from tfx_kmeans.clustering.kernels.choice import kernels_named
from tfx_kmeans.clustering.kernels.interface import Points
from tfx_kmeans.clustering.kernels.library import LEVELS, best_level

def halves():
    return [np.finfo(dtype).tiny / dtype(2) for dtype in (np.float32, np.float64)]

expected = [2.0**-127, 2.0**-1023]
assert halves() == expected, 'flushed before the library is loaded'
for level in LEVELS[: LEVELS.index(best_level()) + 1]:
    kernels = kernels_named(level)
    assert halves() == expected, f'flushed after {level} is loaded'
    rows = np.ones((100, 9), np.float32)
    kernels.nearest(rows, Points.of(rows[:3]))
    assert halves() == expected, f'flushed after a call of {level}'
print('checked')
"""


def test_denormal_numbers_are_not_flushed_to_zero():
    ended = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, 'checked\n'), ended.stderr
