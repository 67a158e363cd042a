"""Small figures as inline SVG: ticks, a line with its points, a histogram with its points.

Colours and fonts come from the style sheet of the page (classes ``axis``, ``line``, ``bar`` ...),
so that a figure follows the light or dark scheme and prints in black.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray

_WIDTH, _HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 18, 20, 52
_N_POINTS = 400


def nice_ticks(low: float, high: float, *, n: int) -> list[float]:
    """Return about ``n`` round numbers from at most ``low`` to at least ``high``.

    Parameters
    ----------
    low, high : float
        Finite; where they are equal the range is widened.
    n : int
        Wanted number of steps.

    Returns
    -------
    list of float
        Multiples of 1, 2 or 5 times a power of ten.

    Raises
    ------
    InputError
        If the range is not finite or turned around.

    Examples
    --------
    >>> nice_ticks(3, 97, n=5)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InputError(f"an axis needs two finite numbers in rising order; got {low} and {high}.")
    if low == high:
        low, high = low - max(abs(low) * 0.1, 0.5), high + max(abs(high) * 0.1, 0.5)
    step = nice_step((high - low) / n)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Rounded to the digits of the step: 3 * 0.1 is 0.30000000000000004.
    digits = max(0, -math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]


def nice_step(at_least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below ``at_least``."""
    power = 10.0 ** math.floor(math.log10(at_least))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= at_least * (1 - 1e-9))


def number(value: float) -> str:
    """Write a number for a reader: three digits that count, thousands set apart.

    Examples
    --------
    >>> number(12345), number(0.04567), number(31.0)
    ('12 345', '0.0457', '31')
    """
    if not math.isfinite(value):
        return "–"
    if value == round(value) or abs(value) >= 1000:
        # A narrow space that does not break, as the SI brochure asks.
        return f"{round(value):,}".replace(",", "\u202f").replace("-", "−")
    return f"{value:#.3g}".rstrip("0").rstrip(".").replace("-", "−")


def line_chart(
    x: Sequence[float], y: Sequence[float], *, x_label: str, y_label: str, title: str
) -> str:
    """Draw a line through points, every point shown.

    Parameters
    ----------
    x, y : sequence of float, length n
        ``x`` rising; the y axis begins at 0 where no value is negative.
    x_label, y_label : str
        With units, such as ``"time (min)"``.
    title : str
        What a screen reader says.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    if len(x) != len(y) or not len(x):
        raise InputError(f"a line needs as many x as y, one at least; got {len(x)} and {len(y)}.")
    frame = _Frame(nice_ticks(min(x), max(x), n=6), nice_ticks(min(0.0, *y), max(*y, 1.0), n=4))
    points = [(frame.x(a), frame.y(b)) for a, b in zip(x, y, strict=True)]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    radius = 3 if len(points) <= 60 else 1.8
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}"><title>{escape(x_label)} {number(p)}: '
        f"{number(q)}</title></circle>"
        for (a, b), p, q in zip(points, x, y, strict=True)
    )
    body = f'<polyline class="line" points="{line}"/><g class="dots">{dots}</g>'
    return frame.draw(body, x_label=x_label, y_label=y_label, title=title)


def histogram(values: FloatArray, *, x_label: str, y_label: str, title: str) -> str:
    """Draw how often sizes occur, the single values below, and the median as a line.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        All finite, one at least. Every value lies in a bar; nothing is cut off.
    x_label, y_label, title : str
        As for `line_chart`.

    Returns
    -------
    str
        One ``<svg>`` element. Of more than 400 values every k-th in order of size is shown as
        a point, which keeps the shape.
    """
    if not len(values) or not np.isfinite(values).all():
        raise InputError("a histogram needs one finite value at least.")
    edges = _bin_edges(values)
    counts = np.histogram(values, edges)[0]
    x_ticks = nice_ticks(float(edges[0]), float(edges[-1]), n=6)
    frame = _Frame(x_ticks, nice_ticks(0, float(counts.max()), n=4), rug=26)
    bars = "".join(
        f'<rect x="{frame.x(a) + 0.5:.1f}" y="{frame.y(c):.1f}" '
        f'width="{max(frame.x(b) - frame.x(a) - 1, 1):.1f}" height="{frame.y(0) - frame.y(c):.1f}">'
        f"<title>{number(a)} to {number(b)}: {number(c)}</title></rect>"
        for a, b, c in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        if c
    )
    ordered = np.sort(values)
    shown = ordered[:: -(-len(ordered) // _N_POINTS)]
    # A fixed pattern of heights instead of random jitter: the page never varies.
    rug = "".join(
        f'<circle cx="{frame.x(v):.1f}" cy="{frame.y(0) + 6 + i * 0.618034 % 1 * 15:.1f}" r="1.6"/>'
        for i, v in enumerate(shown.tolist())
    )
    median = float(np.median(values))
    at = frame.x(median)
    side, shift = ("end", -6) if at > _WIDTH * 0.7 else ("start", 6)
    body = (
        f'<g class="bars">{bars}</g><g class="dots faint">{rug}</g>'
        f'<line class="median" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 8}" y2="{frame.y(0):.1f}"/>'
        f'<text class="median-label" x="{at + shift:.1f}" y="{_TOP}" text-anchor="{side}">'
        f"median {number(median)}</text>"
    )
    return frame.draw(body, x_label=x_label, y_label=y_label, title=title)


def strip_chart(values: Sequence[float], *, y_label: str, x_label: str, title: str) -> str:
    """Draw one point for each image, in rising order of the value."""
    ordered = sorted(values)
    return line_chart(
        list(range(1, len(ordered) + 1)), ordered, x_label=x_label, y_label=y_label, title=title
    )


def _bin_edges(values: FloatArray) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - max(abs(low) * 0.1, 0.5), high + max(abs(high) * 0.1, 0.5)
    quarter, three = np.percentile(values, [25, 75])
    # Freedman and Diaconis, Z. Wahrscheinlichkeitstheorie 57, 453 (1981), between 5 and 48 bars.
    width = 2 * (three - quarter) / len(values) ** (1 / 3)
    n = 12 if width <= 0 else int(np.clip((high - low) / width, 5, 48))
    step = nice_step((high - low) / n)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return np.arange(first, last + 1) * step


class _Frame:
    """Axes of a figure: data to image coordinates, ticks, labels."""

    def __init__(self, x_ticks: list[float], y_ticks: list[float], *, rug: int = 0) -> None:
        self.x_ticks, self.y_ticks, self.rug = x_ticks, y_ticks, rug

    def x(self, value: float) -> float:
        low, high = self.x_ticks[0], self.x_ticks[-1]
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)

    def draw(self, body: str, *, x_label: str, y_label: str, title: str) -> str:
        bottom, right = _HEIGHT - _BOTTOM + self.rug, _WIDTH - _RIGHT
        grid = "".join(
            f'<line class="grid" x1="{_LEFT}" x2="{right}" '
            f'y1="{self.y(t):.1f}" y2="{self.y(t):.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{self.y(t) + 4:.1f}" text-anchor="end">{number(t)}</text>'
            for t in self.y_ticks
        )
        ticks = "".join(
            f'<line class="tick" x1="{self.x(t):.1f}" x2="{self.x(t):.1f}" '
            f'y1="{bottom}" y2="{bottom + 5}"/>'
            f'<text x="{self.x(t):.1f}" y="{bottom + 19}" text-anchor="middle">{number(t)}</text>'
            for t in self.x_ticks
        )
        middle_x, middle_y = (_LEFT + right) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
        return (
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT + self.rug}" role="img" '
            f'aria-label="{escape(title)}"><g class="axis">{grid}'
            f'<line class="base" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>{ticks}'
            f'<text class="axis-label" x="{middle_x:.1f}" y="{bottom + 42}" text-anchor="middle">'
            f"{escape(x_label)}</text>"
            f'<text class="axis-label" transform="translate(16 {middle_y:.1f}) rotate(-90)" '
            f'text-anchor="middle">{escape(y_label)}</text></g>{body}</svg>'
        )
