"""How single cells move: a point for each frame, and the time beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, Points, category_colours, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray, IntArray
    from fatescope.pages.chart import Mark

_WIDTH = 1040


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
