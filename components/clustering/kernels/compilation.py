"""Compiles kernels, and decides when compiled code pays."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

_LEAST_WORK = 1 << 26  # multiplications per pass, about 2 ms; below this NumPy is fast enough

ANY_ORDER = frozenset({'reassoc', 'contract', 'nsz', 'arcp'})
"""Fast-math flags that allow sums to be vectorised; NaN and infinity keep their meaning."""

Kernel = TypeVar('Kernel', bound=Callable[..., Any])


def compiled(fastmath: Any = False) -> Callable[[Kernel], Kernel]:
    """Decorator that compiles a kernel, which then runs without the GIL.

    The machine code is cached on disk for later processes if numba finds a writable folder.

    Args:
      fastmath: Fast-math flags of LLVM, or False for none.
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
    """Whether data of this size is worth compiled code, and numba is installed."""
    large = num_rows * num_clusters * width >= _LEAST_WORK
    return large and importlib.util.find_spec('numba') is not None
