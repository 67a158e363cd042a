"""Numbers out of the records of an index; what is no number is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from fatescope.acquire.plates.xml_records import Record


def whole(record: Record, key: str) -> int:
    """Return a number such as a row or a plane; 1, the first, where the record has none."""
    try:
        return int(record.get(key) or 1)
    except ValueError:
        return 1


def measured(record: Record, key: str) -> float | None:
    """Return a finite quantity, or ``None``."""
    try:
        value = float(record[key])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def usual_step(groups: Mapping[tuple[str, ...], Mapping[int, float]]) -> float | None:
    """Return the median distance of neighbours in the first group that has a positive one.

    Parameters
    ----------
    groups : dict of tuple to dict of int to float
        Such as the heights of the planes of each stack, by the number of the plane.
    """
    for group in groups.values():
        at = sorted(group)
        steps = [abs(group[b] - group[a]) / (b - a) for a, b in pairwise(at)]
        if steps and median(steps) > 0:
            return median(steps)
    return None
