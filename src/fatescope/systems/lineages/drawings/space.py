"""Where nuclei are: paths in three projections, and the territory of each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, Points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray, IntArray
    from fatescope.pages.chart import Mark

VIEWS = (("from the left", 0, 1), ("from below", 0, 2), ("from the front", 2, 1))
"""Three projections: name, axis to the right, axis upwards (of posterior, dorsal, left).

With posterior to the right and left upwards one looks at the belly, not at the back."""

_BACKGROUND, _MOST_BEHIND, _MOST_POINTS = "#d9d9d9", 700, 900
_PX_PER_UM = 12  # of the charts


@dataclass(frozen=True, slots=True, kw_only=True)
class TerritoryOverlap:
    """How far a group shares space with all the rest: one value per embryo, and the summary."""

    group: str
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    chance: float


def chart_paths(
    body_um: FloatArray,
    frame: IntArray,
    track: IntArray,
    track_group: Sequence[str],
    colours: Mapping[str, str],
    *,
    axis_names: Sequence[str],
    title: str,
) -> list[Chart]:
    """Chart the path of every nucleus, seen from three sides; a dot marks its last place.

    Parameters
    ----------
    body_um : ndarray of float, shape (n, 3)
    frame, track : ndarray of int, shape (n,)
    track_group : sequence of str, length k
        Group of each track; a group without a colour is not drawn.
    colours : mapping of group to colour
    axis_names : sequence of 3 str
    title : str
    """
    order = np.lexsort((frame, track))
    ends = np.flatnonzero(np.diff(track[order], append=-1))
    group = np.array(track_group, dtype=object)[track]
    low, high = np.nanmin(body_um, axis=0) - 1, np.nanmax(body_um, axis=0) + 1
    charts = []
    for name, right, up in VIEWS:
        sides = body_um[:, [right, up]]
        marks: list[Mark] = []
        for g, colour in colours.items():
            mine = order[group[order] == g]
            if not len(mine):
                continue
            new = np.flatnonzero(np.diff(track[mine])) + 1  # a break between two tracks
            x, y = np.insert(sides[mine], new, np.nan, axis=0).T
            marks.append(Line(name=g or "unnamed", x=x, y=y, colour=colour, width=0.9))
            last = sides[order[ends][group[order[ends]] == g]]
            marks.append(
                Points(name=g or "unnamed", x=last[:, 0], y=last[:, 1], colour=colour, size_px=3.2)
            )
        x_axis, y_axis = (
            Axis(title=axis_names[i], unit="µm", ends=(float(low[i]), float(high[i])))
            for i in (right, up)
        )
        charts.append(
            Chart(
                title=f"{title}, {name}",
                x=x_axis,
                y=y_axis,
                marks=marks,
                proportion="equal",
                width_px=80 + round(_PX_PER_UM * (high[right] - low[right])),
            )
        )
    return charts


def chart_territories(
    body_um: FloatArray,
    group: np.ndarray,
    colours: Mapping[str, str],
    *,
    axis_names: Sequence[str],
    rng: np.random.Generator,
) -> list[Chart]:
    """Chart each group's nuclei before all others: a chart per group, for each of three sides.

    Parameters
    ----------
    body_um : ndarray of float, shape (n, 3)
        Nuclei of one or several embryos in common axes.
    group : ndarray of str, shape (n,)
    colours : mapping of group to colour
    axis_names : sequence of 3 str
    rng : numpy.random.Generator
        Chooses the nuclei that are shown where there are too many.
    """
    behind = _sample(np.arange(len(body_um)), rng, _MOST_BEHIND)
    shown = {g: _sample(np.flatnonzero(group == g), rng, _MOST_POINTS) for g in colours}
    ends = [
        (float(a) - 1, float(b) + 1)
        for a, b in zip(np.nanmin(body_um, axis=0), np.nanmax(body_um, axis=0), strict=True)
    ]
    charts = []
    for name, right, up in VIEWS:
        x, y = (Axis(title=axis_names[i], unit="µm", ends=ends[i]) for i in (right, up))
        for g, colour in colours.items():
            marks = [
                Points(
                    name=words,
                    x=body_um[rows, right],
                    y=body_um[rows, up],
                    colour=fill,
                    size_px=size,
                )
                for words, rows, fill, size in (
                    ("all groups", behind, _BACKGROUND, 2.2),
                    (g, shown[g], colour, 2.6),
                )
                if len(rows)
            ]
            charts.append(
                Chart(title=f"{g}, {name}", x=x, y=y, marks=marks, proportion="equal", width_px=250)
            )
    return charts


def chart_overlaps(overlaps: Sequence[TerritoryOverlap], colours: Mapping[str, str]) -> Chart:
    """Chart a row per group: embryos as points, mean with interval, chance."""
    at = np.arange(len(overlaps))
    rows = [(i, v) for i, o in enumerate(overlaps) for v in o.values if np.isfinite(v)]
    marks = [
        Line(
            name="mean and 95 % interval over embryos",
            x=[o.low, o.high],
            y=[i, i],
            colour=colours.get(o.group, "#444444"),
            width=9.0,
        )
        for i, o in enumerate(overlaps)
        if np.isfinite(o.low)
    ]
    points = [
        Points(name="chance", x=[o.chance for o in overlaps], y=at, colour="#999999", size_px=8.0),
        Points(name="mean", x=[o.mean for o in overlaps], y=at, colour="#000000", size_px=7.0),
    ]
    if rows:
        x, y = zip(*((v, i) for i, v in rows), strict=True)
        points.append(Points(name="embryo", x=x, y=y, colour="#333333", size_px=4.0))
    return Chart(
        title="A place of its own",
        x=Axis(title="overlap with all other nuclei (0 apart, 1 spread alike)", ends=(0.0, 1.0)),
        y=Axis(title="group", labels=[o.group for o in overlaps]),
        marks=(*marks, *points),
        caption="The bar is the 95 % interval of the mean over embryos.",
    )


def _sample(rows: IntArray, rng: np.random.Generator, most: int) -> IntArray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
