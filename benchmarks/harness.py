"""Runs one benchmark against its peers; prints a table and writes build/bench/NAME.json.

    python benchmarks/harness.py NAME

Ours and the peers run in turn, several times, in one process after all imports; the figures are
medians. A higher `ratio` is better. `target` is None if a row is for information only.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

T = TypeVar('T')
ROOT = Path(__file__).parents[1]
_MIN_SECONDS = 0.5
_PAUSE = 0.2  # seconds: idle threads of OpenMP and OpenBLAS keep a core busy for a while


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of ours, compared with that of a peer or with a limit."""

    case: str
    metric: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    target: float | None = None
    met: bool = True


def rated(
    case: str,
    metric: str,
    ours: float,
    peer: float,
    peer_name: str,
    ratio: float,
    target: float | None,
) -> Row:
    """A row with `met` computed from ratio and target; without a target, it is always True."""
    return Row(
        case, metric, ours, peer, peer_name, ratio, target, target is None or ratio >= target
    )


def seconds_of(
    ours: Callable[[], object], peer: Callable[[], object], runs: int
) -> tuple[float, float]:
    """Median seconds of the two functions, timed in turn; the first turn of each is discarded.

    Short functions are repeated until a turn has lasted half a second.
    """
    medians = medians_of({'ours': partial(repeated, ours), 'peer': partial(repeated, peer)}, runs)
    return medians['ours'], medians['peer']


def medians_of(timed: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Medians of the seconds that each function returns; the first turn of each is discarded.

    The functions measure their own time, for example with `seconds`, so that they can exclude
    preparations from it.
    """
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(runs + 1):
        for name, function in timed.items():
            time.sleep(_PAUSE)
            taken[name].append(function())
    return {name: statistics.median(all_seconds[1:]) for name, all_seconds in taken.items()}


def seconds(function: Callable[[], T]) -> tuple[float, T]:
    """Duration of one call in seconds, and its result."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def repeated(function: Callable[[], object]) -> float:
    """Mean seconds per call, over as many calls as take at least half a second."""
    began, times = time.perf_counter(), 0
    while times == 0 or time.perf_counter() - began < _MIN_SECONDS:
        function()
        times += 1
    return (time.perf_counter() - began) / times


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        '| case | metric | ours | peer | | ratio | target | met |',
        '|---|---|--:|--:|---|--:|--:|---|',
    ]
    for row in rows:
        target = '' if row.target is None else f'{row.target:.3g}'
        metric = row.metric.replace('|', r'\|')
        lines.append(
            f'| {row.case} | {metric} | {row.ours:,.4g} | {row.peer:,.4g} | {row.peer_name} | '
            f'{row.ratio:.2f} | {target} | {"yes" if row.met else "NO"} |'
        )
    return '\n'.join(lines)


def main(name: str) -> int:
    """Runs a benchmark by name; returns 1 if it misses a target, otherwise 0."""
    benchmark = importlib.import_module(f'bench_{name}')
    with tempfile.TemporaryDirectory(prefix='tfx_kmeans_bench_') as folder:
        rows = benchmark.run(Path(folder))
    print(table(rows))
    output = ROOT / 'build' / 'bench' / f'{name}.json'
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2) + '\n')
    return 0 if all(row.met for row in rows) else 1


if __name__ == '__main__':
    names = sorted(
        path.stem.removeprefix('bench_') for path in Path(__file__).parent.glob('bench_*.py')
    )
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        sys.exit(f'usage: make bench NAME={"|".join(names)}')
    sys.exit(main(sys.argv[1]))
