"""Colours of lineages: one for each lineage, shades for names, one scale for amounts.

Lineages take the colours of Okabe and Ito. These are eight, so two of the four AB lineages have
colours of their own, chosen to differ in lightness from all others: every two lineages stay apart
for every kind of colour vision (decision 0210). Amounts take viridis; signed values go from blue
over grey to orange.

References
----------
Okabe M, Ito K (2008). Color Universal Design. https://jfly.uni-koeln.de/color/
Smith N, van der Walt S (2015). A better default colormap for matplotlib (viridis).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fatescope.base import InputError

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

UNKNOWN = "#bdbdbd"

_VIRIDIS = [
    "#440154",
    "#482475",
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
]
_SIGNED = ["#08519c", "#3f8cc5", "#9ecae1", "#c9c9c9", "#fdbe85", "#ea7a1e", "#a63603"]
_TWELVE = [
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#000000",
    "#56B4E9",
    "#8a8100",
    "#6a3d9a",
    "#7f7f7f",
    "#b2182b",
    "#3c5a14",
]

Kind = Literal["amount", "signed"]


def founder_colour(founder: str) -> str:
    """Return the colour of a founder; grey for what is none."""
    return FOUNDER_COLOURS.get(founder, UNKNOWN)


def category_colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name, in order; after twelve they repeat, so add a mark."""
    return {name: _TWELVE[i % len(_TWELVE)] for i, name in enumerate(names)}


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
            out[name] = _blend(scale, share)
    return {name: out[name] for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourScale:
    """From numbers to colours: ``kind`` is ``amount`` (viridis) or ``signed`` (blue-orange).

    Values beyond ``low`` and ``high`` take the colour of the end; the legend says so.
    """

    kind: Kind
    low: float
    high: float
    label: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"the colours of {self.label!r} need two different finite ends; got {self.low} and "
                f"{self.high}."
            )

    @property
    def stops(self) -> list[str]:
        """The colours at equal steps from ``low`` to ``high``."""
        return _VIRIDIS if self.kind == "amount" else _SIGNED

    def colour(self, value: float) -> str:
        """Return the colour of one value; grey where it is not a number."""
        if not math.isfinite(value):
            return UNKNOWN
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return _blend(self.stops, share)


def _blend(stops: list[str], share: float) -> str:
    at = share * (len(stops) - 1)
    i = min(int(at), len(stops) - 2)
    pairs = zip(_rgb(stops[i]), _rgb(stops[i + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in pairs)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
