"""Clustering: fits, first iterations, defaults and seeding compared with peers; memory use."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import fitters
import numpy as np
import tensorflow as tf
from fitters import PEERS, Fit
from generate import clustered, vector_records, write_tfrecords
from harness import Row, medians_of, rated, seconds
from sklearn.cluster import kmeans_plusplus

from tfx_kmeans.clustering.engine import local_engine
from tfx_kmeans.clustering.frame import enter_in_place
from tfx_kmeans.clustering.kernels.choice import default_kernels
from tfx_kmeans.clustering.metric import SQUARED_EUCLIDEAN_DISTANCE, metric_of
from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.seeding.parallel import kmeans_parallel
from tfx_kmeans.clustering.seeding.plus_plus import searched_plus_plus
from tfx_kmeans.clustering.segments import Workers, worker_threads
from tfx_kmeans.clustering.weighted_rows import WeightedRows
from tfx_kmeans.data.feature_layout import choose_layout
from tfx_kmeans.data.matrix import open_matrix
from tfx_kmeans.data.source import Examples

RUNS, SEEDING_RUNS = 3, 2
SEEDED_ON = 20_000
CANDIDATES = 3
FIRST = 3
PASSES = 5
LIMIT_MB, TIMES = 64, 8
OVERHEAD_MB = 300
LABELS = 4  # bytes per row
_SLOW_FOR_ELKAN = 40_000_000  # distances per pass; with more, it takes minutes


class _Size(NamedTuple):
    n: int
    d: int
    k: int

    def __str__(self) -> str:
        return f'n={self.n:,} d={self.d} k={self.k}'


SIZES = (
    _Size(500_000, 32, 64),
    _Size(200_000, 128, 256),
    _Size(100_000, 64, 1024),
    _Size(1_000_000, 16, 10),
    _Size(2_000_000, 8, 32),
    _Size(50_000, 384, 1000),
)
IN_MEMORY = SIZES[0]
OUT_OF_CORE = _Size(TIMES * (LIMIT_MB << 20) // (4 * 32), 32, 16)


def run(folder: Path) -> list[Row]:
    """Runs all cases."""
    rows = []
    for size in SIZES:
        data = clustered(*size)
        start = _start(data, size.k)
        for measured in (_whole_fits, _first_iterations, _seedings, _defaults):
            rows += measured(size, data, start)
        del data
    return [
        *rows,
        *_small_fits(),
        *_fresh_processes(),
        *_out_of_core(folder / 'large'),
        _memory_in_memory(folder / 'medium'),
    ]


def _start(data: np.ndarray, clusters: int) -> np.ndarray:
    return kmeans_plusplus(data[:SEEDED_ON], clusters, random_state=0)[0]


def _whole_fits(size: _Size, data: np.ndarray, start: np.ndarray) -> list[Row]:
    """Ours until its stopping rule applies; the peers with the same number of iterations."""
    _, ended = fitters.fit(data, start)
    iterations = len(ended.best.history)
    timed = {'ours': lambda: fitters.fit(data, start)[0]}
    timed |= _timed_peers(data, start, iterations, ended.inertia)
    timed['products'] = partial(fitters.products, data, start, iterations + 1)
    medians = medians_of(timed, RUNS)
    products = medians.pop('products')
    case, metric = f'{size}, {iterations} iterations', 'whole fit, s'
    ours, name = medians['ours'], 'float32 products of all passes'
    return [
        *_against_peers(case, metric, medians, _targets(size).whole),
        rated(case, metric, ours, products, name, products / ours, None),
    ]


def _first_iterations(size: _Size, data: np.ndarray, start: np.ndarray) -> list[Row]:
    wanted = fitters.ours(data, start, FIRST).inertia
    timed = {'ours': lambda: fitters.ours(data, start, FIRST).seconds}
    timed |= _timed_peers(data, start, FIRST, wanted)
    timed['products'] = partial(fitters.products, data, start, FIRST + 1)
    medians = medians_of(timed, RUNS)
    products = medians.pop('products')
    case, metric, ours = str(size), f'first {FIRST} iterations, s', medians['ours']
    name, target = 'float32 products of all passes', 1.0 if size.k >= 64 else None
    return [
        *_against_peers(case, metric, medians, _targets(size).first),
        rated(case, metric, ours, products, name, products / ours, target),
    ]


class _Targets(NamedTuple):
    """How many times as fast as the best peer a whole fit and its first iterations must be."""

    whole: float
    first: float


def _targets(size: _Size) -> _Targets:
    if size in SIZES[4:]:
        return _Targets(1.0, 1.0)
    if default_kernels().name != 'avx512':
        return _Targets(1 / 0.6, 1.3)
    return _Targets(1 / 0.6, 1.5) if size.k == 10 else _Targets(1 / 0.4, 2.0)


def _defaults(size: _Size, data: np.ndarray, start: np.ndarray) -> list[Row]:  # noqa: ARG001
    """Seeding and fit as a user calls them, in 3 seeds; scikit-learn's in one."""
    medians, inertia = {}, {}
    for name, fit in fitters.DEFAULTS.items():
        fits = [fit(data, size.k, seed) for seed in range(1 if 'scikit' in name else 3)]
        medians[name] = statistics.median(fitted.seconds for fitted in fits)
        inertia[name] = statistics.mean(fitted.inertia for fitted in fits)
    ours = medians.pop('ours')
    return [
        rated(
            str(size),
            f'defaults, s (inertia {inertia[name] / inertia["ours"]:.4f} times ours)',
            ours, taken, f"{name}'s defaults", taken / ours, 4.0,
        )
        for name, taken in medians.items()
    ]  # fmt: skip


def _small_fits() -> list[Row]:
    """In a process of their own: beside other libraries' threads, scikit-learn takes longer."""
    program = Path(__file__).with_name('small_fits.py')
    ran = subprocess.check_output([sys.executable, '-W', 'ignore', str(program)], text=True)
    return [
        rated(case, 'whole fit, s', ours, peer, 'scikit-learn lloyd', peer / ours, 1.0)
        for case, ours, peer in json.loads(ran.splitlines()[-1])
    ]


def _fresh_processes() -> list[Row]:
    """A process that imports the package and fits 1000 rows twice."""
    program = Path(__file__).with_name('fresh_process.py')
    ran = [
        json.loads(subprocess.check_output([sys.executable, '-W', 'ignore', str(program)]))
        for _ in range(RUNS)
    ]
    seen = {name: statistics.median(one[name] for one in ran) for name in ran[0]}
    extra, whole = seen['first'] - seen['second'], seen['whole']
    case = 'n=1,000 d=3 k=4, fresh process'
    return [
        rated(case, 'first fit beyond the second, s', extra, 0.05, 'limit', 0.05 / extra, 1.0),
        rated(case, 'import and fit, s', whole, 0.5, 'limit', 0.5 / whole, 1.0),
    ]


def _against_peers(case: str, metric: str, medians: dict[str, float], target: float) -> list[Row]:
    """A row for each peer; the target applies to the fastest one."""
    ours = medians['ours']
    peers = {name: taken for name, taken in medians.items() if name != 'ours'}
    best = min(peers, key=peers.__getitem__)
    return [
        rated(case, metric, ours, taken, f'{name}, the best peer', taken / ours, target)
        if name == best
        else rated(case, metric, ours, taken, name, taken / ours, None)
        for name, taken in peers.items()
    ]


def _timed_peers(
    data: np.ndarray, start: np.ndarray, iterations: int, wanted: float
) -> dict[str, Callable[[], float]]:
    return {
        name: partial(_checked_seconds, name, fit, data, start, iterations, wanted)
        for name, fit in PEERS.items()
        if name != 'scikit-learn elkan' or len(data) * len(start) < _SLOW_FOR_ELKAN
    }


def _checked_seconds(
    name: str, fit: Fit, data: np.ndarray, start: np.ndarray, iterations: int, wanted: float
) -> float:
    """Seconds of a fit, whose inertia must agree with that of ours."""
    fitted = fit(data, start, iterations)
    apart = abs(fitted.inertia / wanted - 1)
    allowed = 1e-2 if name == 'faiss' else 1e-3
    assert apart <= allowed, f'{name} ends at inertia {fitted.inertia}, ours at {wanted}'
    return fitted.seconds


def _seedings(size: _Size, data: np.ndarray, start: np.ndarray) -> list[Row]:
    if size in SIZES[4:]:
        return []
    with _workers() as workers:
        rows = WeightedRows(data.copy())
        frame = enter_in_place(rows, metric_of(SQUARED_EUCLIDEAN_DISTANCE), workers)
    entered = frame.enter(start)
    medians = medians_of(
        {
            'k-means||': partial(_seed, kmeans_parallel, rows, size.k),
            'passes': partial(_full_passes, rows, entered),
            'k-means++': partial(_seed, searched_plus_plus, rows, size.k),
            'scikit-learn': partial(_scikit_learn_seed, rows.values, size.k),
        },
        SEEDING_RUNS,
    )
    return [
        rated(str(size), f'{ours}, s', medians[ours], medians[peer], name, ratio, 1.0)
        for ours, peer, name in (
            ('k-means||', 'passes', f'{PASSES} full passes of ours'),
            ('k-means++', 'scikit-learn', 'scikit-learn kmeans_plusplus'),
        )
        for ratio in (medians[peer] / medians[ours],)
    ]


@contextmanager
def _workers() -> Iterator[Workers]:
    with worker_threads() as threads:
        yield Workers(threads, default_kernels())


def _seed(seed: Callable[..., np.ndarray], rows: WeightedRows, clusters: int) -> float:
    with _workers() as workers:
        rng = np.random.default_rng(0)
        return seconds(lambda: seed(rows, clusters, CANDIDATES, rng, workers))[0]


def _scikit_learn_seed(data: np.ndarray, clusters: int) -> float:
    return seconds(
        lambda: kmeans_plusplus(data, clusters, random_state=0, n_local_trials=CANDIDATES)
    )[0]


def _full_passes(rows: WeightedRows, start: np.ndarray) -> float:
    """Seconds of passes that each compute every distance: none has the bounds of another."""
    with _workers() as workers:
        engine = local_engine()
        steps = [engine.make_step(rows, 1.0, workers) for _ in range(PASSES)]
        return seconds(lambda: [step(start) for step in steps])[0]


def _out_of_core(folder: Path) -> list[Row]:
    """A matrix of 8 times the memory limit: speed compared with in memory, and memory use."""
    start = _written(folder, OUT_OF_CORE)
    mapped, in_memory = (partial(_mean_iteration, folder, start, mb) for mb in (LIMIT_MB, 1 << 14))
    medians = medians_of({'mapped': mapped, 'in memory': in_memory}, SEEDING_RUNS)
    ours, peer = medians['mapped'], medians['in memory']
    used = _peaks(folder, OUT_OF_CORE, LIMIT_MB)['anonymous']
    allowed = LIMIT_MB + _mib(LABELS * OUT_OF_CORE.n) + OVERHEAD_MB
    case = f'{OUT_OF_CORE}, {TIMES} times the memory limit'
    name = f'limit + labels + {OVERHEAD_MB}'
    return [
        rated(case, 'one iteration, s', ours, peer, 'in memory', peer / ours, 1 / 1.5),
        rated(case, 'MiB beyond imports', used, allowed, name, allowed / used, 1.0),
    ]


def _memory_in_memory(folder: Path) -> Row:
    size = IN_MEMORY
    _written(folder, size)
    used = _peaks(folder, size, 1 << 12)['resident']
    allowed = _mib((4 * size.d + LABELS) * size.n) + OVERHEAD_MB
    name = f'matrix + labels + {OVERHEAD_MB}'
    return rated(str(size), 'MiB beyond imports', used, allowed, name, allowed / used, 1.0)


def _written(folder: Path, size: _Size) -> np.ndarray:
    """Writes rows as TFRecords and initial centroids next to them; returns the centroids."""
    folder.mkdir()
    data = clustered(*size)
    for index, part in enumerate(np.array_split(data, 4)):
        write_tfrecords(folder / f'part-{index}', vector_records(part), '')
    start = _start(data, size.k)
    np.save(_start_file(folder), start)
    return start


def _start_file(folder: Path) -> Path:
    return folder.with_suffix('.npy')


def _mean_iteration(folder: Path, start: np.ndarray, limit_mb: int) -> float:
    """Mean seconds of iterations 2 to 6."""
    layout = choose_layout({'features': tf.io.FixedLenFeature([start.shape[1]], tf.float32)})
    options = KMeansOptions(num_clusters=len(start), max_iterations=6, relative_tolerance=0.0)
    with open_matrix(Examples((str(folder),)), layout, limit_mb) as matrix:
        history = fit_in_place(matrix, options, start=start).best.history
    return statistics.mean(iteration.seconds for iteration in history[1:])


def _peaks(folder: Path, size: _Size, limit_mb: int) -> dict[str, float]:
    """Peak memory of a fresh process that reads and clusters the rows, in MiB."""
    program = Path(__file__).with_name('peak_memory.py')
    arguments = [str(folder), str(size.d), str(limit_mb), str(_start_file(folder))]
    ended = subprocess.run(
        [sys.executable, '-W', 'ignore', str(program), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(ended.stdout.splitlines()[-1])


def _mib(number_of_bytes: int) -> float:
    return number_of_bytes / (1 << 20)
