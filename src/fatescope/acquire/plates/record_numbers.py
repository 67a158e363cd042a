"""Numbers out of the records of an index; what is no number is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from fatescope.acquire.plates.xml_records import Record
from fatescope.base import Finding

_UNEVEN = 0.1
"""Of the median step: instruments keep their schedule to some per cent."""


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


def uneven_times(minutes: Mapping[int, float], *, file: str) -> list[Finding]:
    """Say that frames were not taken at even times; everything later counts even ones.

    Parameters
    ----------
    minutes : dict of int to float
        When each frame was taken.
    file : str
        The plate.
    """
    at = sorted(minutes)
    steps = [(minutes[b] - minutes[a]) / (b - a) for a, b in pairwise(at)]
    if len(steps) < 2 or max(steps) - min(steps) <= _UNEVEN * median(steps):
        return []
    reason = (
        f"Frames were taken {min(steps):.4g} to {max(steps):.4g} min apart, and all are counted as "
        f"{median(steps):.4g} min: times of death and the time axes of curves are not right. Give "
        "a folder with a part of the frames that is even."
    )
    return [
        Finding(
            file=file,
            rule="uneven-times",
            severity="warning",
            value=max(steps),
            limit=median(steps) * (1 + _UNEVEN),
            reason=reason,
        )
    ]


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
