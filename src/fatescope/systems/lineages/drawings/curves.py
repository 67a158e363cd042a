"""Curves of an embryo: populations over time, and divisions against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Band, Chart, Guide, Line, Points
from fatescope.pages.chart.colours import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray
    from fatescope.pages.chart import Mark

_GREY = "#777777"


def chart_populations(
    time: FloatArray,
    counts: Mapping[str, FloatArray],
    colours: Mapping[str, str],
    *,
    time_axis: Axis,
    title: str,
    outside_scope: tuple[float, float] | None = None,
    caption: str = "",
) -> Chart:
    """Chart the number of nuclei of each founder over time, on a doubling scale.

    Parameters
    ----------
    time : ndarray of float, shape (t,)
    counts : mapping of str to ndarray, shape (t,)
        The curve named ``total`` is drawn in grey; 0 is left out, a doubling scale has none.
    colours : mapping of str to colour
    time_axis : Axis
    title, caption : str
    outside_scope : (float, float), optional
        Stretch of time in which not all nuclei are annotated; it is shaded.
    """
    marks: list[Mark] = [
        Line(
            name=name,
            x=time,
            y=count,
            colour=UNKNOWN if name == "total" else colours.get(name, UNKNOWN),
            width=3.2 if name == "total" else 2.0,
        )
        for name, count in counts.items()
    ]
    if outside_scope is not None:
        low, high = outside_scope
        marks.insert(0, Guide(words="not all annotated", axis="x", at=low, to=high))
    return Chart(
        title=title,
        x=time_axis,
        y=Axis(title="nuclei", scale="log2"),
        marks=marks,
        caption=caption,
        height_px=360,
    )


def chart_timing(
    reference: FloatArray,
    measured: FloatArray,
    spread: FloatArray,
    names: Sequence[str],
    groups: Sequence[str],
    colours: Mapping[str, str],
    *,
    title: str,
    caption: str,
) -> tuple[Chart, Chart]:
    """Chart when each cell divides against the reference, and by how much it differs.

    Parameters
    ----------
    reference, measured : ndarray of float, shape (k,)
        Minutes on the reference's clock.
    spread : ndarray of float, shape (k,)
        Standard deviation of the reference, min.
    names, groups : sequence of str, length k
    colours : mapping of group to colour
    title, caption : str
    """
    away = measured - reference
    reach = max(float(np.nanpercentile(np.abs(away), 99.5)), 2 * float(np.nanmedian(spread)), 1.0)
    ends = np.array([np.nanmin(reference), np.nanmax(reference)])
    order = np.argsort(reference)
    width = np.minimum(1.96 * _smooth(spread[order]), reach)
    upper: list[Mark] = [Line(name="equal", x=ends, y=ends, colour=_GREY, width=1.0)]
    lower: list[Mark] = [
        Band(name="95 % of the reference", x=reference[order], low=-width, high=width, colour=_GREY)
    ]
    for group, colour in colours.items():
        mine = np.flatnonzero(np.array(groups) == group)
        said = [f"{names[i]}: {away[i]:+.1f} min" for i in mine.tolist()]
        inside = np.clip(away[mine], -reach, reach)
        for marks, y in ((upper, measured[mine]), (lower, inside)):
            marks.append(Points(name=group, x=reference[mine], y=y, colour=colour, words=said))
    x = Axis(title="division in the reference", unit="min on its clock")
    return (
        Chart(
            title=title,
            x=x,
            y=Axis(title="division, this embryo", unit="min"),
            marks=upper,
            caption=caption,
            height_px=330,
        ),
        Chart(
            title="How much later each cell divides",
            x=x,
            y=Axis(title="difference", unit="min", ends=(-reach, reach)),
            marks=lower,
            caption=f"Cells beyond {reach:.0f} min are drawn at the edge.",
        ),
    )


def _smooth(values: FloatArray) -> FloatArray:
    """Return a running median, so that the band of the reference is a band."""
    filled = np.where(np.isfinite(values), values, np.nanmedian(values))
    padded = np.pad(filled, 7, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 15)
    return np.asarray(np.median(windows, axis=1))
