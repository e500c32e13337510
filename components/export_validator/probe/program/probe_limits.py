"""Limits of the probe program: what it may import, and how much memory it may take."""

from __future__ import annotations

import importlib.abc
import resource
import sys
from typing import Any

OURS = ('tfx', 'tfx_kmeans', 'tensorflow_transform', 'tfx_bsl', 'apache_beam')
NEEDLESS = (
    'IPython',
    'PIL',
    'googleapiclient',
    'matplotlib',
    'oauth2client',
    'pandas',
    'scipy',
    'sklearn',
)
"""Packages that TensorFlow does not depend on, but imports if they are installed.

They take a third of the time of its import.
"""

REFUSED = (*OURS, *NEEDLESS)


class Refusal(importlib.abc.MetaPathFinder):
    """Makes it an error to import packages that a model server does not have."""

    def find_spec(self, fullname: str, *_: Any) -> None:
        """Raises ImportError for the refused packages, leaves others to the next finder."""
        if fullname.split('.', maxsplit=1)[0] in REFUSED:
            raise ImportError(f'{fullname} is not available on a model server')


def refuse_imports() -> None:
    """Refuses the packages that a model server does not have from now on."""
    sys.meta_path.insert(0, Refusal())


def limit_memory(megabytes: int) -> int:
    """Limits what the process may allocate from now on; what it holds already does not count.

    A crash leaves no core dump.

    Returns:
      Bytes of memory that the process holds now.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open('/proc/self/statm') as file:
        sizes = [int(pages) * resource.getpagesize() for pages in file.read().split()]
    limit = sizes[5] + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    return sizes[1]


def peak_memory() -> int:
    """Maximum number of bytes that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
