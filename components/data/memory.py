"""Default limit on the memory that a matrix may take."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUP_LIMITS = (
    Path('/sys/fs/cgroup/memory.max'),
    Path('/sys/fs/cgroup/memory/memory.limit_in_bytes'),
)


def default_limit_mb() -> int:
    """Half of the memory of the machine or of the container this process runs in, in MiB."""
    available = psutil.virtual_memory().total
    for path in _CGROUP_LIMITS:
        if path.exists() and (limit := path.read_text().strip()).isdigit():
            available = min(available, int(limit))
    return max(1, (available >> 20) // 2)
