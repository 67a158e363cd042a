"""Charts of the exploration published in 2020: movement, compact names, components."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, Points, category_colours, number
from fatescope.systems.lineages.drawings.drawing import figure, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray, IntArray
    from fatescope.pages.chart import Mark

_WIDTH = 1040  # px


def chart_movement(
    place: FloatArray,
    time: FloatArray,
    cell: IntArray,
    names: Sequence[str],
    *,
    axes: tuple[Axis, Axis],
    time_label: str,
    title: str,
    caption: str = "",
) -> Chart:
    """Chart the way of each cell in one plane, with the time at each point.

    Parameters
    ----------
    place : ndarray of float, shape (n, 2)
        To the right and upwards, one row per nucleus and frame.
    time : ndarray of float, shape (n,)
    cell : ndarray of int, shape (n,)
        Place in ``names``.
    names : sequence of str
        The cells, in the order of the legend.
    axes : (Axis, Axis)
    time_label, title : str
    caption : str
        Said beside what the numbers are.
    """
    known = np.isfinite(place).all(axis=1)
    colours = list(category_colours([str(i) for i in range(len(names))]).values())
    marks: list[Mark] = []
    for i, name in enumerate(names):
        mine = np.flatnonzero(known & (cell == i))
        mine = mine[np.argsort(time[mine], kind="stable")]
        if not len(mine):
            continue
        times = [number(float(t)) for t in time[mine]]
        x, y = place[mine].T
        style = {"name": name, "x": x, "y": y, "colour": colours[i]}
        marks.append(
            Line(**style, width=1.6, stroke="solid" if i < len(set(colours)) else "dashed")
        )
        words = [f"{name}, {time_label} {t}" for t in times]
        marks.append(Points(**style, words=words, written=times, size_px=8.0))
    said = f"Numbers: {time_label}; those without room appear when you zoom in."
    return Chart(
        title=title,
        x=axes[0],
        y=axes[1],
        marks=marks,
        caption=f"{said} {caption}".strip(),
        proportion="equal",
        width_px=_WIDTH,
    )


_ROW, _ABOVE, _LETTER = 20.0, 100.0, 7.3  # a letter of the fixed-width font, in pixels
_LETTERS = 74  # of full names in one row
_MONO = "font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace"


def draw_compact_names(
    members: Mapping[str, Sequence[str]],
    rows: Mapping[str, int],
    colours: Mapping[str, str],
    *,
    length: int,
    title: str,
    note: str = "",
) -> str:
    """Draw which full names make each compact name: their first letters are set off in colour.

    Parameters
    ----------
    members : mapping of compact name to full names
        In the order in which they are listed.
    rows : mapping of compact name to int
        Rows of the table with that name.
    colours : mapping of compact name to colour
    length : int
        Letters that are kept.
    title, note : str
    """
    heads = (
        (20, "full names"),
        (40 + _LETTERS * _LETTER, "compact name"),
        (170 + _LETTERS * _LETTER, "names"),
        (240 + _LETTERS * _LETTER, "rows"),
    )
    body = [
        text(20, 26, title, kind="t"),
        text(20, 50, note),
        *(text(x, _ABOVE - 22, words, kind="s") for x, words in heads),
    ]
    for i, (compact, names) in enumerate(members.items()):
        y = _ABOVE + i * _ROW
        colour = colours[compact]
        body += [
            _row(names, y, length, colour),
            f'<path d="M{20 + _LETTERS * _LETTER - 14:.0f},{y - 4:.1f}h22m-5,-4l5,4l-5,4" '
            f'fill="none" stroke="#777"/>',
            f'<rect x="{heads[1][0]:.0f}" y="{y - 11:.1f}" width="13" height="13" '
            f'fill="{colour}"/>',
            text(heads[1][0] + 20, y, compact),
            text(heads[2][0] + 26, y, number(len(names)), anchor="end"),
            text(heads[3][0] + 44, y, number(rows[compact]), anchor="end"),
        ]
    width, height = heads[3][0] + 70, _ABOVE + len(members) * _ROW
    return figure("".join(body), width=width, height=height, title=title)


def _row(names: Sequence[str], y: float, length: int, colour: str) -> str:
    """Write as many full names as fit, their first letters bold and underlined in colour."""
    parts, at, shown = [], 0, 0
    for name in names:
        rest = len(names) - shown - 1
        if at + len(name) + (len(f"and {rest} more") + 2 if rest else 0) > _LETTERS - 3:
            break
        head, tail = escape(name[:length]), escape(name[length:])
        x = 20 + at * _LETTER
        parts.append(
            f'<path d="M{x:.1f},{y + 3:.1f}h{len(name[:length]) * _LETTER:.1f}" '
            f'stroke="{colour}" stroke-width="2.5"/>'
            f'<text x="{x:.1f}" y="{y:.1f}" style="{_MONO}">'
            f'<tspan style="font-weight:700">{head}</tspan><tspan fill="#777">{tail}</tspan></text>'
        )
        at += len(name) + 2
        shown += 1
    if shown < len(names):
        parts.append(text(20 + at * _LETTER, y, f"and {len(names) - shown} more", kind="s"))
    return "".join(parts)


_SIDE, _GAP, _LEFT, _TOP, _COLUMNS = 140.0, 12.0, 20.0, 88.0, 8  # px; panels of a row
_MOST_BEHIND, _MOST_EACH = 1500, 400  # dots of a panel: of all groups, of its own


def draw_components(
    score: FloatArray,
    group: np.ndarray,
    colours: Mapping[str, str],
    *,
    axis_labels: tuple[str, str],
    title: str,
    note: str,
    rng: np.random.Generator,
) -> str:
    """Draw each group's rows along two components, before the rows of all groups in grey.

    Parameters
    ----------
    score : ndarray of float, shape (n, 2)
    group : ndarray of str, shape (n,)
    colours : mapping of group to colour
        One panel for each, in this order.
    axis_labels : (str, str)
    title, note : str
    rng : numpy.random.Generator
        Chooses the rows that are shown where there are too many.
    """
    known = np.flatnonzero(np.isfinite(score).all(axis=1))
    low, high = score[known].min(axis=0), score[known].max(axis=0)
    unit = (_SIDE - 12) / np.maximum(high - low, 1e-9)
    places = 6 + (score - low) * unit
    places[:, 1] = _SIDE - places[:, 1]
    behind = _dots(places[_sample(known, _MOST_BEHIND, rng)])
    body = [
        text(20, 26, title, kind="t"),
        text(20, 46, note, kind="s"),
        f'<defs><path id="all" d="{behind}" stroke="#cfcfcf" stroke-width="1.6" '
        'stroke-linecap="round"/></defs>',
    ]
    n_rows = -(-len(colours) // _COLUMNS)
    for i, (name, colour) in enumerate(colours.items()):
        x = _LEFT + (i % _COLUMNS) * (_SIDE + _GAP)
        y = _TOP + (i // _COLUMNS) * (_SIDE + _GAP + 18)
        mine = known[group[known] == name]
        shown = _dots(places[_sample(mine, _MOST_EACH, rng)])
        body.append(
            f'<g transform="translate({x:.0f},{y:.0f})"><title>{escape(name)}: '
            f'{number(len(mine))} rows</title><rect class="ax" width="{_SIDE:.0f}" '
            f'height="{_SIDE:.0f}"/><use href="#all"/><path d="{shown}" stroke="{colour}" '
            f'stroke-width="2.4" stroke-linecap="round"/>{text(0, -4, name)}'
            f"{text(_SIDE, -4, number(len(mine)), anchor='end', kind='s')}</g>"
        )
    bottom = _TOP + n_rows * (_SIDE + _GAP + 18)
    width = _LEFT + min(len(colours), _COLUMNS) * (_SIDE + _GAP) + 10
    body += [
        text(_LEFT, bottom + 6 + 20 * i, f"{side}: {words}")
        for i, (side, words) in enumerate(
            zip(("to the right", "upwards"), axis_labels, strict=True)
        )
    ]
    return figure("".join(body), width=max(width, 620.0), height=bottom + 44, title=title)


def _dots(places: FloatArray) -> str:
    """Return dots as one path of points without length, which round ends make visible."""
    return "".join(f"M{x:.1f},{y:.1f}h0" for x, y in places)


def _sample(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
