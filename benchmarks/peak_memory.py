"""Reads a folder of vectors in a fresh process and prints how far memory peaked beyond imports.

    python benchmarks/peak_memory.py FOLDER WIDTH LIMIT_MB [START.npy]

With the centroids to start from, k-means follows; its kernels are compiled before. `resident`
counts all pages, `anonymous` those alone that the system cannot drop as it can a mapped file's.
Linux only: the high-water mark is set back after the imports by way of /proc/self/clear_refs.
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

from tfx_kmeans.clustering.bounded_step import BoundedStep
from tfx_kmeans.clustering.fit import fit_in_place
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.features import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples

_ITERATIONS = 10
_EVERY = 0.01  # seconds between two looks at what is anonymous: the system keeps no mark of that


def main(folder: str, width: str, limit_mb: str, start_file: str | None = None) -> None:
    """See the module."""
    layout = choose_layout({'features': tf.io.FixedLenFeature([int(width)], tf.float32)})
    start = None if start_file is None else np.load(start_file)
    if start is not None:
        _compile(start)
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


def _compile(start: np.ndarray) -> None:
    """Clusters few rows by the step that clusters many."""
    few = np.random.default_rng(0).normal(size=(2000, start.shape[1])).astype(np.float32)
    fit_in_place(
        WeightedRows(few),
        _options(start),
        start=start,
        make_step=lambda rows, _, scale, threads: BoundedStep(rows, scale, threads),
    )


@contextmanager
def peaks() -> Iterator[dict[str, float]]:
    """MiB that memory peaks at within the block, beyond what it was before."""
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
    """A figure of /proc/self/status, in MiB."""
    found = re.search(rf'^{name}:\s+(\d+) kB$', Path('/proc/self/status').read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1)) / 1024


if __name__ == '__main__':
    main(*sys.argv[1:])
