"""Steps along axes as files state them: with a unit, and believed only where they can be true."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from fatescope.base import Finding, Length, Spacing
from fatescope.base.spacing import PLAUSIBLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UM = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("micrometers", "micrometres"), 1.0),
    **dict.fromkeys(("\\u00b5m", "\\u00B5m"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre", "nanometers", "nanometres"), 1e-3),
    **dict.fromkeys(("Å", "angstrom"), 1e-4),
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters", "millimetres"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("in", "inch", '"'), 25400.0),
}
MIN = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1 / 60),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1 / 60000),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 1.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 60.0),
    **dict.fromkeys(("d", "day", "days"), 1440.0),
}

_UNEVEN = 0.1
"""Of the median step: instruments keep their schedule to some per cent."""


def believed(
    steps: Mapping[str, float | None],
    file: str,
    limits: Mapping[str, tuple[float, float]] = PLAUSIBLE,
) -> tuple[Spacing, tuple[Finding, ...]]:
    """Return the steps (µm; minutes for T) inside ``limits``, and a finding for each other one."""
    known: dict[str, Length] = {}
    refused: dict[float, str] = {}
    for axis, value in steps.items():
        if value is None:
            continue
        low, high = limits[axis]
        if math.isfinite(value) and low <= value <= high:
            known[axis] = Length(value, "file")
        else:
            refused[value] = refused.get(value, "") + axis
    notes = [
        _not_believed(file, axes, value, limits[axes[0]][value > limits[axes[0]][0]])
        for value, axes in refused.items()
    ]
    ratio = known["Y"].value / known["X"].value if {"Y", "X"} <= set(known) else 1.0
    if not 0.1 <= ratio <= 10:
        notes.append(_not_believed(file, "Y", known["Y"].value, 10 * known["X"].value))
        known = {a: v for a, v in known.items() if a not in "YX"}
    return Spacing(known), tuple(notes)


def interval(minutes: Sequence[float]) -> dict[str, float | None]:
    """Return the step along T by the times of the frames; unknown where they do not grow."""
    steps = [b - a for a, b in pairwise(minutes)]
    if not steps:
        return {}
    return {"T": float(f"{median(steps):.8g}") if min(steps) > 0 else None}


def uneven(minutes: Sequence[float], file: str) -> Iterator[Finding]:
    """Say where the frames were not taken at one interval."""
    steps = [b - a for a, b in pairwise(minutes)]
    if not steps:
        return
    usual = median(steps)
    if min(steps) > 0 and max(steps) - min(steps) <= _UNEVEN * usual:
        return
    said = (
        f"Frames were taken {min(steps):.4g} to {max(steps):.4g} min apart; {usual:.4g} min, the "
        "median, is taken as the interval. Times are known to no better than that."
        if min(steps) > 0
        else "The times of the frames do not grow from one frame to the next, so none of them is "
        "believed. Give --interval-min."
    )
    yield Finding(
        file=file,
        rule="uneven-times",
        severity="warning",
        value=max(steps),
        limit=usual * (1 + _UNEVEN),
        reason=said,
    )


def _not_believed(file: str, axes: str, value: float, limit: float) -> Finding:
    unit, flag = ("min", "--interval-min") if axes == "T" else ("µm", "--spacing-um")
    return Finding(
        file=file,
        rule="no-scale",
        severity="warning",
        value=value if math.isfinite(value) else None,
        limit=limit,
        reason=f"The file gives {value:.6g} {unit} along {' and '.join(axes)}, which no "
        f"microscope would; it is taken as unknown. Give the true step with {flag}.",
    )


def length_in(value: object, unit: object, table: Mapping[str, float]) -> float | None:
    """Return ``value`` in µm or minutes; ``None`` without a number or a unit that is known."""
    factor = unit_in(unit, table)
    try:
        number = float(str(value))
    except ValueError:
        return None
    return None if factor is None else float(f"{number * factor:.8g}")


def unit_in(unit: object, table: Mapping[str, float]) -> float | None:
    """Return how many µm or minutes a unit is; ``None`` where it is not known."""
    text = str(unit).strip().rstrip(".")
    return table.get(text) or table.get(text.lower())
