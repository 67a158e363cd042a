"""One panel of a figure: a scale along each side, and marks placed by their values.

Unlike the small charts of `fatescope.report.chart`, which take their colours from a page, these
figures carry their style with them, so that an SVG file stands alone in any program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.chart import nice_ticks, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fatescope.base import FloatArray

_STYLE = (
    "text{font-family:'Helvetica Neue',Arial,'Liberation Sans',sans-serif;font-size:12px;"
    "fill:#222}.t{font-size:14px;font-weight:600}.s{font-size:10px;fill:#555}"
    ".h{paint-order:stroke;stroke:#fff;stroke-width:2.5px;fill:#222}"
    ".ax{stroke:#444;stroke-width:1;fill:none}.gr{stroke:#e4e4e4;stroke-width:1;fill:none}"
)


def figure(body: str, *, width: float, height: float, title: str) -> str:
    """Return a whole ``<svg>`` element on white, with a title for screen readers."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """Return words at a place; ``kind`` is ``t`` (title), ``s`` (small), ``s h`` (on white)."""
    cls = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{cls}>{escape(words)}</text>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A rectangle of the figure with a range along x and along y.

    ``equal`` keeps one unit equally long along both sides, as maps need; the range that has room
    to spare is widened. ``y_power`` says that y values are exponents of 2 and writes 2, 4, 8;
    with ``n_y`` 0 there are no ticks along y.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_label: str = ""
    y_label: str = ""
    title: str = ""
    equal: bool = False
    y_down: bool = False
    y_power: bool = False
    n_x: int = 6
    n_y: int = 5
    _x: tuple[float, float] = field(init=False)
    _y: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        x, y = _widened(self.x_range), _widened(self.y_range)
        if self.equal:
            unit = max((x[1] - x[0]) / self.width, (y[1] - y[0]) / self.height)
            x, y = _grown(x, unit * self.width), _grown(y, unit * self.height)
        object.__setattr__(self, "_x", x)
        object.__setattr__(self, "_y", y)

    def x(self, value: float) -> float:
        """Return the place of a value along x, in pixels of the figure."""
        low, high = self._x
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Return the place of a value along y, in pixels of the figure."""
        low, high = self._y
        share = (value - low) / (high - low)
        return self.top + (share if self.y_down else 1 - share) * self.height

    def axes(self) -> str:
        """Return the frame with ticks, labels and title."""
        parts = [
            f'<rect class="ax" x="{self.left:.1f}" y="{self.top:.1f}" width="{self.width:.1f}" '
            f'height="{self.height:.1f}"/>'
        ]
        bottom = self.top + self.height
        for tick in self._ticks(self._x, self.n_x):
            at = self.x(tick)
            parts.append(f'<path class="gr" d="M{at:.1f},{self.top + 1:.1f}V{bottom - 1:.1f}"/>')
            parts.append(text(at, bottom + 15, number(tick), anchor="middle"))
        n_y = max(int(self._y[1] - self._y[0]), 1) if self.y_power else self.n_y
        for tick in self._ticks(self._y, n_y) if n_y else ():
            at = self.y(tick)
            right = self.left + self.width - 1
            parts.append(f'<path class="gr" d="M{self.left + 1:.1f},{at:.1f}H{right:.1f}"/>')
            value = 2**tick if self.y_power else tick
            parts.append(text(self.left - 6, at + 4, number(value), anchor="end"))
        middle = self.left + self.width / 2
        parts.append(text(middle, bottom + 33, self.x_label, anchor="middle"))
        turn = f"translate({self.left - 44:.1f},{self.top + self.height / 2:.1f}) rotate(-90)"
        parts.append(f'<text transform="{turn}" text-anchor="middle">{escape(self.y_label)}</text>')
        parts.append(text(self.left, self.top - 8, self.title, kind="t"))
        return "".join(parts)

    def line(
        self, x: FloatArray, y: FloatArray, colour: str, *, width: float = 1.8, opacity: float = 1.0
    ) -> str:
        """Return a line through points; NaN breaks it."""
        shape = "".join(
            "M" + "L".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in piece)
            for piece in _pieces(x, y)
        )
        faint = f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
        return (
            f'<path d="{shape}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
            f'stroke-linejoin="round"{faint}/>'
        )

    def band(
        self, x: FloatArray, low: FloatArray, high: FloatArray, colour: str, *, opacity: float = 0.2
    ) -> str:
        """Return the area between two lines."""
        there = np.isfinite(low) & np.isfinite(high)
        up = [
            f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x[there], high[there], strict=True)
        ]
        down = [
            f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(x[there], low[there], strict=True)
        ]
        points = " ".join([*up, *down[::-1]])
        return f'<polygon points="{points}" fill="{colour}" fill-opacity="{opacity:g}"/>'

    def dots(
        self,
        x: Iterable[float],
        y: Iterable[float],
        colour: str,
        *,
        radius: float = 2.2,
        opacity: float = 0.8,
        titles: Sequence[str] | None = None,
    ) -> str:
        """Return points, with a text that appears under the mouse where ``titles`` are given."""
        places = [(self.x(a), self.y(b)) for a, b in zip(x, y, strict=True)]
        hints = [f"<title>{escape(t)}</title>" for t in titles] if titles else [""] * len(places)
        inside = "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius:g}">{hint}</circle>'
            if hint
            else f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius:g}"/>'
            for (a, b), hint in zip(places, hints, strict=True)
        )
        return f'<g fill="{colour}" fill-opacity="{opacity:g}">{inside}</g>'

    def _ticks(self, ends: tuple[float, float], n: int) -> list[float]:
        slack = 1e-9 * (ends[1] - ends[0])
        return [t for t in nice_ticks(*ends, n=n) if ends[0] - slack <= t <= ends[1] + slack]


def legend(left: float, top: float, entries: Sequence[tuple[str, str]], *, step: float = 0) -> str:
    """Return colour keys in a row (or in a column where ``step`` is 0)."""
    parts = []
    for i, (name, colour) in enumerate(entries):
        x, y = (left + i * step, top) if step else (left, top + i * 18)
        parts.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="12" height="10" fill="{colour}"/>')
        parts.append(text(x + 17, y, name))
    return "".join(parts)


def _pieces(x: FloatArray, y: FloatArray) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(x, y, strict=True):
        if np.isfinite(a) and np.isfinite(b):
            pieces[-1].append((float(a), float(b)))
        elif pieces[-1]:
            pieces.append([])
    return [p for p in pieces if p]


def _widened(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = float(ends[0]), float(ends[1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _grown(ends: tuple[float, float], length: float) -> tuple[float, float]:
    middle = (ends[0] + ends[1]) / 2
    return middle - length / 2, middle + length / 2
