"""How much memory a command held at most."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory_mb(*, processes: int = 0) -> float:
    """Return the highest resident memory so far, in 10^6 bytes.

    Parameters
    ----------
    processes : int
        How many worked at a time beside this one. The system keeps the maximum of the largest
        one that has ended, which is counted once for each: an upper bound.

    Notes
    -----
    0 on systems that do not tell (Windows).
    """
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    own = _own_peak() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + processes * largest_child) * unit / 1e6


def _own_peak() -> int:
    """Return the peak of this process in KiB, where Linux tells it; else 0.

    ``ru_maxrss`` also holds what the process that started this one had, up to the start.
    """
    try:
        with Path("/proc/self/status").open(encoding="ascii", errors="replace") as lines:
            return next((int(n.split()[1]) for n in lines if n.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def memory_limit(asked: int | None) -> int:
    """Return how many bytes a command may use: what was asked, or half of what is free now."""
    if asked is not None:
        return asked
    import psutil

    return int(psutil.virtual_memory().available // 2)
