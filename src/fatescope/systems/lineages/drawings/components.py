"""Rows along two principal components: one small panel for each name, before all the others."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import number
from fatescope.systems.lineages.drawings.drawing import figure, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base import FloatArray, IntArray

_SIDE, _GAP, _LEFT, _TOP, _COLUMNS = 140.0, 12.0, 20.0, 88.0, 8
_MOST_BEHIND, _MOST_EACH = 1500, 400


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
