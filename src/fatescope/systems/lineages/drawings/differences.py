"""How much cells differ: one dot per cell with how sure that is, and every embryo behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Guide, Points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray

_MOST_NAMED = 20
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_APART = 0.16
"""Distance of the two groups from the middle of a cell's row, so that no point hides another."""


def chart_differences(
    difference: FloatArray,
    q: FloatArray,
    names: Sequence[str],
    groups: Sequence[str],
    colours: Mapping[str, str],
    *,
    limit: float,
    x: Axis,
    title: str,
) -> Chart:
    """Chart difference against false discovery rate; the surest cells beyond the limit are named.

    Parameters
    ----------
    difference, q : ndarray of float, shape (k,)
    names, groups : sequence of str, length k
    colours : mapping of group to colour
    limit : float
        The false discovery rate that counts as found.
    x : Axis
    title : str
    """
    sure = -np.log10(np.maximum(q, 1e-12))
    known = np.isfinite(difference) & np.isfinite(sure)
    surest = np.argsort(np.where(known, q, np.inf))[:_MOST_NAMED]
    named = {int(i) for i in surest if known[i] and q[i] < limit}
    points = [
        Points(
            name=group,
            x=difference[mine],
            y=sure[mine],
            colour=colour,
            words=[f"{names[i]}: {difference[i]:+.2f}, q {q[i]:.2g}" for i in mine.tolist()],
            written=[names[i] if i in named else "" for i in mine.tolist()],
        )
        for group, colour in colours.items()
        if len(mine := np.flatnonzero(known & (np.array(groups) == group)))
    ]
    top = max(float(np.max(sure[known], initial=0.0)) * 1.08, 2.0)
    found = Guide(words=f"found: q below {limit:g}", axis="y", at=-float(np.log10(limit)))
    return Chart(
        title=title,
        x=x if points else Axis(title=x.title, unit=x.unit, ends=(-1.0, 1.0)),
        y=Axis(title="−log10 of the false discovery rate", ends=(0.0, top)),
        marks=(found, *points),
        height_px=340,
    )


def chart_embryos(
    z: FloatArray,
    cells: Sequence[str],
    embryos: Sequence[str],
    n_reference: int,
    *,
    groups: tuple[str, str],
    title: str,
) -> Chart:
    """Chart one row per cell, and in it one point per embryo.

    Parameters
    ----------
    z : ndarray of float, shape (embryos, cells)
        Standard deviations from the mean of the reference; NaN where an embryo lacks a cell.
    cells, embryos : sequence of str
    n_reference : int
        So many of the embryos, the first ones, are the reference.
    groups : tuple of str
        What the reference and the others are called.
    title : str
    """
    marks = []
    for words, rows, colour, shift in (
        (groups[0], range(n_reference), _BLUE, -_APART),
        (groups[1], range(n_reference, len(embryos)), _ORANGE, _APART),
    ):
        seen = [(e, c) for e in rows for c in range(len(cells)) if np.isfinite(z[e, c])]
        if seen:
            marks.append(
                Points(
                    name=f"{words} ({len(rows)})",
                    x=[z[e, c] for e, c in seen],
                    y=[c + shift for _, c in seen],
                    colour=colour,
                    words=[f"{embryos[e]}, {cells[c]}: {z[e, c]:+.2f}" for e, c in seen],
                    size_px=7.0,
                )
            )
    return Chart(
        title=title,
        x=Axis(title="from the mean of the reference", unit="standard deviations of one embryo"),
        y=Axis(title="cell", labels=cells),
        marks=marks,
    )
