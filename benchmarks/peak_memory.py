"""Reads a folder of vectors and prints the peak memory in addition to that after imports.

    python benchmarks/peak_memory.py FOLDER WIDTH LIMIT_MB [START.npy]

If initial centroids are given, the rows are also clustered.
`resident` counts all pages, `anonymous` only those that the system cannot drop, unlike the pages
of a mapped file. Must run in a fresh process. Linux only: the high-water mark is reset through
/proc/self/clear_refs after the imports.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples

_ITERATIONS = 10
_EVERY = 0.01  # seconds between samples of anonymous memory, whose peak the system does not record


def main(folder: str, width: str, limit_mb: str, start_file: str | None = None) -> None:
    """Runs the program described in the docstring of the module."""
    layout = choose_layout({'features': tf.io.FixedLenFeature([int(width)], tf.float32)})
    start = None if start_file is None else np.load(start_file)
    with (
        peaks() as found,
        open_matrix(Examples((folder,)), layout, int(limit_mb)) as matrix,
    ):
        if start is not None:
            fit_in_place(matrix, _options(start), start=start)
    print(json.dumps(found))


def _options(start: np.ndarray) -> KMeansOptions:
    return KMeansOptions(
        num_clusters=len(start), max_iterations=_ITERATIONS, relative_tolerance=0.0
    )


@contextmanager
def peaks() -> Iterator[dict[str, float]]:
    """Peak memory within the block, in MiB, minus the memory in use before it."""
    before = {'resident': _status('VmRSS'), 'anonymous': _status('RssAnon')}
    Path('/proc/self/clear_refs').write_text('5')
    found = dict.fromkeys(before, 0.0)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            found['anonymous'] = max(found['anonymous'], _status('RssAnon') - before['anonymous'])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
    found['resident'] = _status('VmHWM') - before['resident']


def _status(name: str) -> float:
    """A value from /proc/self/status, in MiB."""
    found = re.search(rf'^{name}:\s+(\d+) kB$', Path('/proc/self/status').read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1)) / 1024


if __name__ == '__main__':
    main(*sys.argv[1:])
