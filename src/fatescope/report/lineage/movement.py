"""How single cells move: a mark at each point of time, and the time beside it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.colours import category_colours
from fatescope.report.lineage.labels import place_labels
from fatescope.report.lineage.panel import Panel, figure, text
from fatescope.report.chart import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray, IntArray

_MARKS = ("circle", "square", "triangle", "diamond")
_RADIUS = 4.2
_MANY = 250  # points beyond which times need a larger panel


def draw_movement(
    place: FloatArray,
    time: FloatArray,
    cell: IntArray,
    names: Sequence[str],
    *,
    axis_labels: tuple[str, str],
    time_label: str,
    title: str,
    note: str = "",
) -> str:
    """Draw the way of each cell in one plane: its own colour and mark, and the time at each point.

    Parameters
    ----------
    place : ndarray of float, shape (n, 2)
        To the right and upwards, one row per nucleus and frame.
    time : ndarray of float, shape (n,)
    cell : ndarray of int, shape (n,)
        Place in ``names``.
    names : sequence of str
        The cells, in the order of the key.
    axis_labels : (str, str)
    time_label, title : str
    note : str
        Said beside what the numbers are.
    """
    known = np.isfinite(place).all(axis=1)
    (left, low), (right, high) = place[known].min(axis=0), place[known].max(axis=0)
    reach = np.maximum([right - left, high - low], 1e-9)
    pad = 0.04 * reach.max()
    longest = 1000.0 if known.sum() <= _MANY else 1240.0
    width, height = np.maximum(longest * (reach + 2 * pad) / (reach.max() + 2 * pad), 320.0)
    height, width = min(height, 900.0), max(width, 520.0)
    panel = Panel(
        left=70,
        top=70,
        width=float(width),
        height=float(height),
        x_range=(float(left - pad), float(right + pad)),
        y_range=(float(low - pad), float(high + pad)),
        x_label=axis_labels[0],
        y_label=axis_labels[1],
        equal=True,
        n_x=10,
        n_y=8,
    )
    colours = list(category_colours([str(i) for i in range(len(names))]).values())
    body, points, words = [], [], []
    for i, name in enumerate(names):
        mine = np.flatnonzero(known & (cell == i))
        mine = mine[np.argsort(time[mine], kind="stable")]
        body.append(panel.line(place[mine, 0], place[mine, 1], colours[i], width=1.6))
        for row in mine.tolist():
            x, y = panel.x(float(place[row, 0])), panel.y(float(place[row, 1]))
            hint = f"{name}, {time_label} {number(float(time[row]))}"
            body.append(_mark(x, y, i, colours[i], hint))
            points.append((x, y))
            words.append(number(float(time[row])))
    r = _RADIUS - 1.0
    labels = place_labels(
        points,
        words,
        within=(panel.left, panel.top, panel.left + panel.width, panel.top + panel.height),
        taken=[(x - r, y - r, x + r, y + r) for x, y in points],
    )
    left_out = len(points) - len(labels)
    hidden = f"{left_out} without room are left out, and appear under the mouse"
    said = [f"numbers: {time_label}", *([hidden] if left_out else []), *([note] if note else [])]
    key = []
    for i, name in enumerate(names):
        x, y = panel.left + panel.width + 26, panel.top + 12 + 20 * i
        key += [_mark(x, y, i, colours[i], ""), text(x + 12, y + 4, name)]
    head = text(20, 26, title, kind="t") + text(20, 44, "; ".join(said), kind="s")
    drawn = [head, panel.axes(), *body, *(label.draw() for label in labels), *key]
    width = panel.left + panel.width + 50 + 8 * max(len(n) for n in names)
    height = panel.top + max(panel.height, 20.0 * len(names)) + 50
    return figure("".join(drawn), width=width, height=height, title=title)


def _mark(x: float, y: float, i: int, colour: str, words: str) -> str:
    """Draw the mark of the ``i``-th cell: colours come again after twelve, with another shape."""
    shape, r = _MARKS[(i + i // 12) % len(_MARKS)], _RADIUS
    hint = f"<title>{escape(words)}</title>" if words else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}">{hint}</circle>'
    corners = {
        "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
        "triangle": ((0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
        "diamond": ((0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)),
    }[shape]
    points = " ".join(f"{x + a * r:.1f},{y + b * r:.1f}" for a, b in corners)
    return f'<polygon points="{points}" fill="{colour}">{hint}</polygon>'
