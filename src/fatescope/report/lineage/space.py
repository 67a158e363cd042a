"""Where nuclei are: paths in three projections, and the territory of each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.panel import Panel, figure, legend, text
from fatescope.report.chart import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray, IntArray

VIEWS = (("from the left", 0, 1), ("from below", 0, 2), ("from the front", 2, 1))
"""Three projections: name, axis to the right, axis upwards (of posterior, dorsal, left).

With posterior to the right and left upwards one looks at the belly, not at the back."""

_BACKGROUND, _MOST_POINTS = "#d9d9d9", 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How far a group shares space with all the rest: one value per embryo, and the summary."""

    group: str
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    chance: float


def draw_paths(
    body_um: FloatArray,
    frame: IntArray,
    track: IntArray,
    track_group: Sequence[str],
    colours: Mapping[str, str],
    *,
    axis_names: Sequence[str],
    title: str,
    note: str = "",
) -> str:
    """Draw the path of every nucleus, seen from three sides; a dot marks its last place.

    Parameters
    ----------
    body_um : ndarray of float, shape (n, 3)
    frame, track : ndarray of int, shape (n,)
    track_group : sequence of str, length k
        Group of each track; a group without a colour is not drawn.
    colours : mapping of group to colour
    axis_names : sequence of 3 str
    title, note : str
    """
    order = np.lexsort((frame, track))
    ends = np.flatnonzero(np.diff(track[order], append=-1))
    starts = np.append(0, ends[:-1] + 1)
    ranges = _ranges(body_um)
    body, top = [text(20, 26, title, kind="t"), text(20, 44, note, kind="s")], 96.0
    for view, (name, right, up) in enumerate(VIEWS):
        panel = Panel(
            left=70 + view * 470,
            top=top,
            width=390,
            height=330,
            x_range=ranges[right],
            y_range=ranges[up],
            x_label=f"{axis_names[right]} (µm)",
            y_label=f"{axis_names[up]} (µm)",
            title=name,
            equal=True,
        )
        body.append(panel.axes())
        for a, b in zip(starts, ends, strict=True):
            rows = order[a : b + 1]
            colour = colours.get(track_group[track[rows[0]]])
            if colour:
                x, y = body_um[rows, right], body_um[rows, up]
                body.append(panel.line(x, y, colour, width=0.9, opacity=0.55))
                body.append(panel.dots(x[-1:], y[-1:], colour, radius=1.6))
    body.append(legend(70, top + 392, list(colours.items()), step=72))
    return figure("".join(body), width=1460, height=top + 412, title=title)


def draw_territories(
    body_um: FloatArray,
    group: np.ndarray,
    colours: Mapping[str, str],
    overlaps: Sequence[Overlap],
    *,
    axis_names: Sequence[str],
    title: str,
    note: str,
    rng: np.random.Generator,
) -> str:
    """Draw each group's nuclei before all others, from three sides, and the overlaps below.

    Parameters
    ----------
    body_um : ndarray of float, shape (n, 3)
        Nuclei of one or several embryos in common axes.
    group : ndarray of str, shape (n,)
    colours : mapping of group to colour
    overlaps : sequence of Overlap
    axis_names, title, note
    rng : numpy.random.Generator
        Chooses the nuclei that are shown where there are too many.
    """
    ranges = _ranges(body_um)
    groups = list(colours)
    side, gap, left, top = 158.0, 32.0, 96.0, 92.0
    backdrop = _sample(np.arange(len(body_um)), rng, 700)
    body = [text(20, 26, title, kind="t"), text(20, 44, note, kind="s")]
    for column, name in enumerate(groups):
        mine = _sample(np.flatnonzero(group == name), rng, _MOST_POINTS)
        for row, (view, right, up) in enumerate(VIEWS):
            panel = Panel(
                left=left + column * (side + gap),
                top=top + row * (side * 0.72 + 44),
                width=side,
                height=side * 0.72,
                x_range=ranges[right],
                y_range=ranges[up],
                title=name if row == 0 else "",
                equal=True,
                n_x=3,
                n_y=3,
            )
            body.append(panel.axes())
            body.append(
                panel.dots(body_um[backdrop, right], body_um[backdrop, up], _BACKGROUND, radius=1.1)
            )
            x, y = body_um[mine, right], body_um[mine, up]
            body.append(panel.dots(x, y, colours[name], radius=1.4, opacity=0.35))
            if column == 0:
                middle = panel.top + panel.height / 2
                turn = f"translate(22,{middle:.1f}) rotate(-90)"
                body.append(f'<text transform="{turn}" text-anchor="middle">{view}</text>')
                turn = f"translate(44,{middle:.1f}) rotate(-90)"
                words = f"{axis_names[up]} (µm)"
                body.append(
                    f'<text class="s" transform="{turn}" text-anchor="middle">{words}</text>'
                )
            if column == len(groups) // 2:
                foot = panel.top + panel.height + 30
                words = f"{axis_names[right]} (µm)"
                body.append(text(panel.left + side / 2, foot, words, anchor="middle", kind="s"))
    below = top + 3 * (side * 0.72 + 44) + 60
    width = max(left + len(groups) * (side + gap) + 20, 900.0)
    body.append(_overlap_panel(overlaps, colours, below, width - 330))
    return figure("".join(body), width=width, height=below + len(overlaps) * 26 + 70, title=title)


def _overlap_panel(
    overlaps: Sequence[Overlap], colours: Mapping[str, str], top: float, width: float
) -> str:
    """Draw one row per group: embryos as dots, mean with interval, chance as a line."""
    panel = Panel(
        left=96,
        top=top,
        width=width,
        height=max(len(overlaps), 1) * 26.0,
        x_range=(0.0, 1.0),
        y_range=(-0.5, len(overlaps) - 0.5),
        x_label="overlap with all other nuclei (0 apart, 1 spread alike)",
        title="A place of its own: dots are embryos, the bar is the mean with its 95 % interval "
        "over embryos, the line is chance",
        y_down=True,
        n_y=1,
    )
    bottom = panel.top + panel.height
    parts = [
        f'<rect class="ax" x="{panel.left}" y="{panel.top}" width="{panel.width:.1f}" '
        f'height="{panel.height:.1f}"/>'
    ]
    for i in range(6):
        at = panel.x(i / 5)
        parts.append(f'<path class="gr" d="M{at:.1f},{panel.top}V{bottom:.1f}"/>')
        parts.append(text(at, bottom + 15, number(i / 5), anchor="middle"))
    parts.append(text(panel.left + panel.width / 2, bottom + 33, panel.x_label, anchor="middle"))
    parts.append(text(panel.left, panel.top - 8, panel.title))
    for i, o in enumerate(overlaps):
        at, colour = panel.y(i), colours.get(o.group, "#444")
        parts.append(text(panel.left - 8, at + 4, o.group, anchor="end"))
        if np.isfinite(o.chance):
            x = panel.x(o.chance)
            parts.append(
                f'<path d="M{x:.1f},{at - 9:.1f}V{at + 9:.1f}" stroke="#666" '
                'stroke-width="2" stroke-dasharray="3,2"/>'
            )
        if np.isfinite(o.low):
            parts.append(
                f'<path d="M{panel.x(o.low):.1f},{at:.1f}H{panel.x(o.high):.1f}" '
                f'stroke="{colour}" stroke-width="9" stroke-opacity="0.75"/>'
            )
        there = [v for v in o.values if np.isfinite(v)]
        parts.append(panel.dots(there, [i] * len(there), "#333", radius=2.2, opacity=0.6))
        if np.isfinite(o.mean):
            words = f"{o.mean:.2f}" + (
                f" [{o.low:.2f}, {o.high:.2f}]" if np.isfinite(o.low) else ""
            )
            words += f", chance {o.chance:.2f}" if np.isfinite(o.chance) else ""
            parts.append(text(panel.left + panel.width + 8, at + 4, words))
    return "".join(parts)


def _ranges(body_um: FloatArray) -> list[tuple[float, float]]:
    low, high = np.nanmin(body_um, axis=0) - 1, np.nanmax(body_um, axis=0) + 1
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def _sample(rows: IntArray, rng: np.random.Generator, most: int) -> IntArray:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
