"""Where parts of a plate differ in the size of their pixels: all are measured with one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from fatescope.base import Finding

_ALIKE = 0.005
"""Relative: calibrations are written with three digits and more."""
Pixel = tuple[float, ...]
"""Along Y and X in µm; empty where it is not known."""


def mixed_scale(scales: Mapping[str, Pixel], used: Pixel) -> Iterator[Finding]:
    """Say where pixels differ from those with which all are measured.

    Parameters
    ----------
    scales : dict of str to tuple of float
        By field, channel or file.
    used : tuple of float
    """
    known = {place: s for place, s in scales.items() if s}
    others = {place: s for place, s in known.items() if used and not _alike(s, used)}
    if not others:
        return
    usual = Counter(others.values()).most_common(1)[0][0]
    place = next(p for p, s in others.items() if s == usual)
    axis = max((0, 1), key=lambda a: abs(usual[a] / used[a] - 1))
    yield Finding(
        file=place,
        rule="mixed-scale",
        severity="warning",
        value=usual[axis],
        limit=used[axis],
        reason=f"Pixels of {usual[axis]:g} µm here, and all of the plate is measured with "
        f"{used[axis]:g} µm: {len(others)} of {len(known)} are not to scale. Give those of one "
        "size by themselves.",
    )


def _alike(one: Pixel, other: Pixel) -> bool:
    return all(abs(a - b) <= _ALIKE * b for a, b in zip(one, other, strict=True))
