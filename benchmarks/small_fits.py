"""Fits of few rows, by ours and scikit-learn from the same start; prints cases as JSON.

Run by bench_fit in a process without other libraries. Each case is a name and the median seconds of
ours and of scikit-learn.
"""

import json
import statistics
import time

import numpy as np
from sklearn.cluster import KMeans

from tfx_kmeans.clustering.options import KMeansOptions
from tfx_kmeans.clustering.restarts import fit_in_place
from tfx_kmeans.clustering.weighted_rows import WeightedRows

RUNS = 25


def main() -> None:
    """Measures all sizes."""
    sizes = [(n, d, k) for n in (1000, 5000, 20_000) for d in (8, 32) for k in (3, 64)]
    print(json.dumps([measured(*size) for size in sizes]))


def measured(n: int, d: int, k: int) -> tuple[str, float, float]:
    """A case: ours until its stopping rule applies, scikit-learn with as many iterations."""
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=3, size=(k, d))
    rows = (centers[rng.integers(k, size=n)] + rng.normal(size=(n, d))).astype('f')
    start = rows[rng.choice(n, k, replace=False)]
    iterations = len(ours(rows, start).best.history)
    fits = {
        'ours': lambda: ours(rows, start, max_iterations=iterations, relative_tolerance=0.0),
        'theirs': lambda: KMeans(k, init=start, n_init=1, max_iter=iterations, tol=0).fit(rows),
    }
    taken = {name: [] for name in fits}
    for _ in range(RUNS):
        for name, fit in fits.items():
            began = time.perf_counter()
            fit()
            taken[name].append(time.perf_counter() - began)
    medians = [statistics.median(taken[name]) for name in ('ours', 'theirs')]
    return f'n={n:,} d={d} k={k}, {iterations} iterations', *medians


def ours(rows, start, **options):
    """Ours, which overwrites its rows; their copy is part of the time, as it is of theirs."""
    chosen = KMeansOptions(num_clusters=len(start), **options)
    return fit_in_place(WeightedRows(rows.copy()), chosen, start=start)


if __name__ == '__main__':
    main()
