"""Colours of lineages: one for each lineage, shades of it for its names.

Lineages take the colours of Okabe and Ito. These are eight, so two of the four AB lineages have
colours of their own, chosen to differ in lightness from all others: every two lineages stay apart
for every kind of colour vision (decision 0210).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.pages.chart.colours import UNKNOWN, blend

if TYPE_CHECKING:
    from collections.abc import Sequence

_EARLY = "#6b6b6b"

FOUNDER_COLOURS: dict[str, str] = {
    "AB": "#0072B2",
    "ABal": "#330099",
    "ABar": "#0072B2",
    "ABpl": "#56B4E9",
    "ABpr": "#0e494e",
    "MS": "#E69F00",
    "E": "#009E73",
    "C": "#D55E00",
    "D": "#CC79A7",
    "P4": "#000000",
    "early": _EARLY,
    "EMS": _EARLY,
    "P0": _EARLY,
    "P1": _EARLY,
    "P2": _EARLY,
    "P3": _EARLY,
}
"""A lineage keeps its colour in every figure; cells before the lineages part share grey."""


def founder_colour(founder: str) -> str:
    """Return the colour of a founder; grey for what is none."""
    return FOUNDER_COLOURS.get(founder, UNKNOWN)


def shades(names: Sequence[str], founders: Sequence[str]) -> dict[str, str]:
    """Return a colour of its own for each name: a shade, dark to light, of its lineage's colour.

    Examples
    --------
    >>> shades(["E", "Ea", "D"], ["E", "E", "D"])
    {'E': '#00674b', 'Ea': '#99d8c7', 'D': '#cc79a7'}
    """
    members: dict[str, list[str]] = {}
    for name, founder in zip(names, founders, strict=True):
        members.setdefault(founder_colour(founder), []).append(name)
    out = {}
    for colour, mine in members.items():
        scale = ["#000000", colour, "#ffffff"]
        for i, name in enumerate(mine):
            share = 0.5 if len(mine) == 1 else 0.325 + 0.475 * i / (len(mine) - 1)
            out[name] = blend(scale, share)
    return {name: out[name] for name in names}
