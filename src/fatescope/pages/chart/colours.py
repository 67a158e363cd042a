"""Colours of charts: categories after Okabe and Ito, one scale for amounts, one for signed values.

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


def category_colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name, in order; after twelve they repeat, so add a mark."""
    return {name: _TWELVE[i % len(_TWELVE)] for i, name in enumerate(names)}


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
        return blend(self.stops, share)


def blend(stops: list[str], share: float) -> str:
    """Return the colour at a share (0 to 1) of the way along ``stops``."""
    at = share * (len(stops) - 1)
    i = min(int(at), len(stops) - 2)
    pairs = zip(_rgb(stops[i]), _rgb(stops[i + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in pairs)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
