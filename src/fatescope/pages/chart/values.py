"""What a chart is made of: two axes, and marks placed by their values.

A chart holds numbers, not places on paper: `fatescope.pages.chart.draw` turns it into SVG, the
page lets the reader zoom it, hide marks by their name and save the numbers as CSV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from fatescope.base import FloatArray

Stroke = Literal["solid", "dashed"]
Shape = Literal["straight", "steps"]
"""``steps``: a value holds until the next place, as survival and learning rates do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One side of a chart.

    Parameters
    ----------
    title, unit : str
        Such as ``"time"`` and ``"min"``.
    scale : {"linear", "log2", "log10"}
        On a logarithmic scale, values of 0 and less are not drawn.
    ends : (float, float), optional
        First and last value; default: what the marks need.
    labels : sequence of str
        Names of the places 0, 1, 2 ...; along y the first one is on top.
    """

    title: str
    unit: str = ""
    scale: Literal["linear", "log2", "log10"] = "linear"
    ends: tuple[float, float] | None = None
    labels: Sequence[str] = ()

    @property
    def words(self) -> str:
        """Title and unit, as they stand beside the axis and in the header of the CSV."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through points, in their order; NaN breaks it."""

    name: str
    x: ArrayLike
    y: ArrayLike
    colour: str = ""
    stroke: Stroke = "solid"
    shape: Shape = "straight"
    width: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The area between two lines, such as an interval; of the same name as its line."""

    name: str
    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    colour: str = ""
    shape: Shape = "straight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Points, with intervals along y where ``low`` and ``high`` are given.

    ``words`` say what each point is, where the reader asks; ``written`` stand beside the points
    as far as there is room, the first ones first; empty for none.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    colour: str = ""
    low: ArrayLike = ()
    high: ArrayLike = ()
    words: Sequence[str] = ()
    written: Sequence[str] = ()
    size_px: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rug:
    """Single values along x, as short strokes at the foot of the chart."""

    name: str
    x: ArrayLike
    colour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars from 0 (or the foot of a logarithmic scale) to ``height``, ``width`` wide about ``x``.

    A dashed bar is an outline alone. ``colours`` gives each bar its own.
    """

    name: str
    x: ArrayLike
    height: ArrayLike
    width: float = 0.8
    colour: str = ""
    colours: Sequence[str] = ()
    stroke: Stroke = "solid"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Values (rows, columns) as colours; both axes have ``labels``. NaN is left blank.

    ``unit`` is written beside the key of colours; ``kind`` as for `ColourScale`.
    """

    name: str
    values: ArrayLike
    unit: str = ""
    kind: Literal["amount", "signed"] = "amount"
    ends: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """A line across the chart at one value of an axis, or a stretch of it up to ``to``."""

    words: str
    axis: Literal["x", "y"]
    at: float
    to: float | None = None


Mark = Line | Band | Points | Rug | Bars | HeatMap | Guide
_LENGTHS: dict[type, tuple[str, ...]] = {
    Line: ("x", "y"),
    Band: ("x", "low", "high"),
    Points: ("x", "y"),
    Rug: ("x",),
    Bars: ("x", "height"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Marks over two axes, later ones over earlier ones.

    Parameters
    ----------
    title : str
        What the chart shows; a screen reader says it first.
    x, y : Axis
    marks : sequence of Mark
        Those of one name share a key in the legend, which hides and shows them together.
    caption : str
        n, and what an interval means.
    proportion : {"free", "equal"}
        ``equal`` keeps one unit equally long along both sides, as maps need.
    height_px : int, optional
        Of the plot itself; default by what it holds.
    width_px : int
        Of the drawing in a file; a page gives it the width that it has.
    """

    title: str
    x: Axis
    y: Axis
    marks: Sequence[Mark]
    caption: str = ""
    proportion: Literal["free", "equal"] = "free"
    height_px: int | None = None
    width_px: int = 640

    def __post_init__(self) -> None:
        if not self.marks:
            raise InputError(f"the chart {self.title!r} has no marks. Give it one at least.")
        for mark in self.marks:
            lengths = {n: len(values_of(mark, n)) for n in _LENGTHS.get(type(mark), ())}
            if len(set(lengths.values())) > 1 or 0 in lengths.values():
                said = ", ".join(f"{n} {k}" for n, k in lengths.items())
                raise InputError(
                    f"{mark!r:.40}... of the chart {self.title!r} needs as many values of each "
                    f"kind, one at least; got {said}."
                )


def values_of(mark: Mark, name: str) -> FloatArray:
    """Return what stands in a field of a mark as an array of float."""
    return np.asarray(getattr(mark, name), dtype=np.float64)
