"""Every embryo as a point, cell by cell: what a mean and an interval stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.panel import Panel, figure, legend, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray

_COLOURS = ("#0072B2", "#D55E00")
_ROW_PX = 22
_APART = 0.16
"""Distance of the two groups from the middle of a cell's row, so that no point hides another."""


def draw_embryo_points(
    z: FloatArray,
    cells: Sequence[str],
    embryos: Sequence[str],
    n_reference: int,
    *,
    groups: tuple[str, str],
    title: str,
) -> str:
    """Draw one row per cell, and in it one point per embryo.

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
    known = z[np.isfinite(z)]
    low, high = float(known.min(initial=-1.0)), float(known.max(initial=1.0))
    margin = 0.05 * (high - low)
    panel = Panel(
        left=110,
        top=50,
        width=520,
        height=_ROW_PX * len(cells),
        x_range=(low - margin, high + margin),
        y_range=(-0.5, len(cells) - 0.5),
        x_label="standard deviations of one embryo from the mean of the reference",
        title=title,
        y_down=True,
        n_y=0,
    )
    body = [panel.axes()]
    for row, cell in enumerate(cells):
        body.append(text(panel.left - 6, panel.y(row) + 4, cell, anchor="end"))
    for part, colour, shift in (
        (range(n_reference), _COLOURS[0], -_APART),
        (range(n_reference, len(embryos)), _COLOURS[1], _APART),
    ):
        seen = [(e, c) for e in part for c in range(len(cells)) if np.isfinite(z[e, c])]
        body.append(
            panel.dots(
                [z[e, c] for e, c in seen],
                [c + shift for _, c in seen],
                colour,
                radius=3.6,
                opacity=0.75,
                titles=[f"{embryos[e]}, {cells[c]}: {z[e, c]:+.2f}" for e, c in seen],
            )
        )
    keys = [
        (f"{groups[0]} ({n_reference})", _COLOURS[0]),
        (f"{groups[1]} ({len(embryos) - n_reference})", _COLOURS[1]),
    ]
    body.append(legend(panel.left + panel.width + 24, 66, keys))
    return figure("".join(body), width=860, height=panel.height + 100, title=title)
