"""How kernels are compiled, and when that pays."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

_LEAST_WORK = 1 << 26  # multiplications a pass: about 2 ms; with fewer NumPy alone is quick enough

ANY_ORDER = frozenset({'reassoc', 'contract', 'nsz', 'arcp'})
"""Lets sums be vectorised; NaN and infinity keep their meaning."""

Kernel = TypeVar('Kernel', bound=Callable[..., Any])


def compiled(fastmath: Any = False) -> Callable[[Kernel], Kernel]:
    """Compiles a kernel that runs without the GIL.

    The machine code is kept on disk for the next process, where numba finds a place for it.
    """
    import numba

    flags: dict[str, Any] = {'nogil': True, 'fastmath': set(fastmath) if fastmath else False}

    def decorate(function: Kernel) -> Kernel:
        try:
            kernel: Kernel = numba.njit(cache=True, **flags)(function)
        except RuntimeError:  # "no locator available": neither the package nor HOME is writable
            kernel = numba.njit(**flags)(function)
        return kernel

    return decorate


def compiling_pays(num_rows: int, num_clusters: int, width: int) -> bool:
    """Whether a pass over so many rows is worth compiled code, by the data's size alone."""
    large = num_rows * num_clusters * width >= _LEAST_WORK
    return large and importlib.util.find_spec('numba') is not None
