"""Reads a folder of vectors in a fresh process and prints how far memory peaked beyond imports.

Linux only: the high-water mark is set back after the imports by way of /proc/self/clear_refs.
"""

import json
import re
import sys
from pathlib import Path

import tensorflow as tf

from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples


def status(name: str) -> float:
    """A figure of /proc/self/status, in MiB."""
    found = re.search(rf'^{name}:\s+(\d+) kB$', Path('/proc/self/status').read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1)) / 1024


folder, width, limit_mb = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
layout = choose_layout({'features': tf.io.FixedLenFeature([width], tf.float32)})
before = status('VmRSS')
Path('/proc/self/clear_refs').write_text('5')
with open_matrix(Examples((folder,)), layout, limit_mb) as matrix:
    print(len(matrix.values))
print(json.dumps({'mib': status('VmHWM') - before}))
