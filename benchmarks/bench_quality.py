"""Quality: mean inertia over seeds, relative to the best known, and the time that it takes.

Ratios are scikit-learn's mean inertia divided by ours, so that at least 1 means no worse; those of
`sample_first` compare with fits without a sample.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from harness import Row, rated, seconds
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_digits, load_iris, load_wine, make_blobs
from sklearn.preprocessing import StandardScaler

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows

SEEDS, LARGE_SEEDS = range(10), range(5)
NOISE = 0.998  # of a mean inertia over seeds
LARGE = 300_000


class Data(NamedTuple):
    """Rows float32 [n, d], and a number of clusters."""

    rows: np.ndarray
    clusters: int


def run(folder: Path) -> list[Row]:  # noqa: ARG001
    """Runs all cases."""
    rows: list[Row] = []
    for name, data in small_sets().items():
        rows += _against_scikit_learn(name, data)
    for name, data in large_sets(LARGE).items():
        rows += _with_and_without_sample(name, data)
    return rows


def _against_scikit_learn(name: str, data: Data) -> list[Row]:
    theirs = [_scikit_learn(data, seed, 1) for seed in SEEDS]
    best_of_ten = [_scikit_learn(data, seed, 10) for seed in range(2)]
    ours = [_ours(data, seed) for seed in SEEDS]
    thrice = [_ours(data, seed, num_restarts=3) for seed in SEEDS]
    batches = [_ours(data, seed, use_mini_batch=True) for seed in SEEDS]
    their_batches = [_their_mini_batch(data, seed) for seed in SEEDS]
    best = min(found for found, _ in (*theirs, *best_of_ten, *ours, *thrice))
    mean = {
        key: statistics.mean(found for found, _ in fits) / best
        for key, fits in {
            'ours': ours, 'theirs': theirs, 'ten': best_of_ten, 'thrice': thrice,
            'batches': batches, 'their batches': their_batches,
        }.items()
    }  # fmt: skip
    case = f'{name}: n={len(data.rows):,} d={data.rows.shape[1]} k={data.clusters}'
    metric = 'mean inertia / best known'
    our_time, their_time = (
        statistics.median(taken for _, taken in fits) for fits in (ours, theirs)
    )
    return [
        rated(case, metric, mean['ours'], mean['theirs'], 'scikit-learn, n_init=1',
              mean['theirs'] / mean['ours'], NOISE),
        rated(case, f'{metric}, 3 restarts', mean['thrice'], mean['ten'],
              'scikit-learn, n_init=10', mean['ten'] / mean['thrice'], None),
        rated(case, f'{metric}, mini-batch', mean['batches'], mean['their batches'],
              'MiniBatchKMeans', 1.3 / mean['batches'], 1.0),
        rated(case, 'seeding and fit, s', our_time, their_time, 'scikit-learn, n_init=1',
              their_time / our_time, 1.0),
    ]  # fmt: skip


def _with_and_without_sample(name: str, data: Data) -> list[Row]:
    found = {
        sampled: [_ours(data, seed, sample_first=sampled) for seed in LARGE_SEEDS]
        for sampled in (True, False)
    }
    inertia = {key: statistics.mean(value for value, _ in fits) for key, fits in found.items()}
    taken = {key: statistics.median(value for _, value in fits) for key, fits in found.items()}
    best = min(value for fits in found.values() for value, _ in fits)
    case = f'{name}: n={len(data.rows):,} d={data.rows.shape[1]} k={data.clusters}'
    return [
        rated(case, 'mean inertia / best known', inertia[True] / best, inertia[False] / best,
              'without a sample', inertia[False] / inertia[True], 0.98),
        rated(case, 'seeding and fit, s', taken[True], taken[False], 'without a sample',
              taken[False] / taken[True], 1.0),
    ]  # fmt: skip


def _ours(data: Data, seed: int, **options: Any) -> tuple[float, float]:
    rows = WeightedRows(data.rows.copy())
    chosen = KMeansOptions(num_clusters=data.clusters, seed=seed, **options)
    taken, result = seconds(lambda: fit_in_place(rows, chosen))
    return result.inertia, taken


def _scikit_learn(data: Data, seed: int, runs: int) -> tuple[float, float]:
    model = KMeans(data.clusters, n_init=runs, random_state=seed)
    taken, _ = seconds(lambda: model.fit(data.rows))
    return model.inertia_, taken


def _their_mini_batch(data: Data, seed: int) -> tuple[float, float]:
    model = MiniBatchKMeans(data.clusters, n_init=1, random_state=seed)
    taken, _ = seconds(lambda: model.fit(data.rows))
    return model.inertia_, taken


def small_sets() -> dict[str, Data]:
    """Twenty sets; those named '-like' are drawn like sets of Fränti & Sieranoja 2018."""
    rng = np.random.default_rng(7)
    sets = {
        f'S{index + 1}-like': _planar(15, 5000, spread, index)
        for index, spread in enumerate((0.10, 0.16, 0.22, 0.30))
    }
    sets['A3-like'] = _planar(50, 7500, 0.14, 9)
    sets['birch2-like'] = _sine(20_000)
    sets['unbalance-like'] = _unbalanced(2000, 100)
    cube = np.random.default_rng(25).uniform(0, 500, (25, 15))
    sets['Norm-25'] = Data(_gaussians(cube, 10_000), 25)
    for spread in (1, 10, 100):
        centers = np.random.default_rng(0).normal(scale=spread, size=(50, 15))
        sets[f'GaussMixture R={spread}'] = Data(_gaussians(centers, 10_000), 50)
    sets['digits'] = Data(load_digits().data.astype('f'), 10)
    sets['wine'] = Data(StandardScaler().fit_transform(load_wine().data).astype('f'), 3)
    sets['iris'] = Data(load_iris().data.astype('f'), 3)
    blobs = make_blobs(5000, 8, centers=12, cluster_std=2.0, random_state=0)[0]
    sets['blobs'] = Data(blobs.astype('f'), 12)
    sets |= _without_structure(15_000, 6000, 20_000)
    sets['group sizes of Dirichlet'] = _dirichlet(10_000, rng)
    return sets


def large_sets(n: int) -> dict[str, Data]:
    """Fourteen sets of n rows, unbalanced and heavy-tailed ones among them."""
    rng = np.random.default_rng(9)
    sets = {
        f'S{index + 1}-like': _planar(15, n, spread, index)
        for index, spread in enumerate((0.10, 0.16, 0.22, 0.30))
        if index != 1
    }
    sets['A3-like'] = _planar(50, n, 0.14, 9)
    sets['birch2-like'] = _sine(n)
    sets['five clusters of 40 rows'] = _unbalanced(n // 3, 40)
    for spread in (1, 10):
        centers = np.random.default_rng(0).normal(scale=spread, size=(50, 15))
        sets[f'GaussMixture R={spread}'] = Data(_gaussians(centers, n), 50)
    sets |= _without_structure(n, n, n)
    sets['group sizes of Dirichlet'] = _dirichlet(n, rng)
    far = rng.random((n, 1)) < 1e-4
    rows = np.where(far, rng.normal(scale=60, size=(n, 6)), rng.normal(size=(n, 6)))
    sets['one far row in 10,000'] = Data(rows.astype('f'), 12)
    return sets


def _planar(k: int, n: int, spread: float, seed: int) -> Data:
    """Clusters in the unit square with centers at least 0.6 / sqrt(k) apart."""
    rng = np.random.default_rng(seed)
    centers: list[np.ndarray] = []
    while len(centers) < k:
        center = rng.uniform(0, 1, 2)
        if all(np.hypot(*(center - other)) > 0.6 / np.sqrt(k) for other in centers):
            centers.append(center)
    noise = rng.normal(size=(n, 2)) * spread / np.sqrt(k)
    return Data((np.array(centers)[rng.integers(k, size=n)] + noise).astype('f'), k)


def _sine(n: int) -> Data:
    rng, t = np.random.default_rng(3), np.arange(100)
    centers = np.c_[t * 4 * np.pi, 100 * np.sin(t / 100 * 4 * np.pi)]
    rows = centers[rng.integers(100, size=n)] + rng.normal(scale=3, size=(n, 2))
    return Data(rows.astype('f'), 100)


def _unbalanced(large: int, small: int) -> Data:
    rng = np.random.default_rng(4)
    centers = [(0, 0), (8, 0), (4, 7), (120, 0), (120, 30), (150, 0), (150, 30), (135, 60)]
    parts = [
        center + rng.normal(scale=1.5 if index < 3 else 5, size=(large if index < 3 else small, 2))
        for index, center in enumerate(centers)
    ]
    return Data(np.concatenate(parts).astype('f'), 8)


def _gaussians(centers: np.ndarray, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    which = rng.integers(len(centers), size=n)
    return (centers[which] + rng.normal(size=(n, centers.shape[1]))).astype('f')


def _without_structure(many: int, uniform: int, tails: int) -> dict[str, Data]:
    centers = np.random.default_rng(4).normal(scale=4, size=(300, 4))
    lognormal = np.random.default_rng(6).lognormal(sigma=1.5, size=(tails, 6))
    student = np.random.default_rng(7).standard_t(2.0, size=(tails, 5))
    return {
        'k=300 in 4 columns': Data(_gaussians(centers, many), 300),
        'uniform': Data(np.random.default_rng(5).uniform(size=(uniform, 8)).astype('f'), 30),
        'lognormal': Data(lognormal.astype('f'), 20),
        "Student's t": Data(student.astype('f'), 25),
    }


def _dirichlet(n: int, rng: np.random.Generator) -> Data:
    shares = rng.dirichlet(np.full(40, 0.15))
    centers = rng.normal(scale=6, size=(40, 10))
    rows = centers[rng.choice(40, size=n, p=shares)] + rng.normal(size=(n, 10))
    return Data(rows.astype('f'), 40)
