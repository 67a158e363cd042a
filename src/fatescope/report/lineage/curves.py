"""Curves of an embryo: populations over time, and divisions against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.colours import UNKNOWN
from fatescope.report.lineage.panel import Panel, figure, legend, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray


def draw_populations(
    time: FloatArray,
    counts: Mapping[str, FloatArray],
    colours: Mapping[str, str],
    *,
    time_label: str,
    title: str,
    outside_scope: tuple[float, float] | None = None,
    note: str = "",
) -> str:
    """Draw the number of nuclei of each founder over time, on a doubling scale.

    Parameters
    ----------
    time : ndarray of float, shape (t,)
    counts : mapping of str to ndarray, shape (t,)
        The curve named ``total`` is drawn in grey; 0 is left out, a doubling scale has none.
    colours : mapping of str to colour
    time_label, title, note : str
    outside_scope : (float, float), optional
        Stretch of time in which not all nuclei are annotated; it is shaded.
    """
    top = max(float(np.nanmax(c)) for c in counts.values())
    panel = Panel(
        left=70,
        top=70,
        width=690,
        height=360,
        x_range=(float(time.min()), float(time.max())),
        y_range=(0.0, max(1.0, float(np.ceil(np.log2(max(top, 2)))))),
        x_label=time_label,
        y_label="nuclei",
        y_power=True,
        n_x=8,
    )
    body = [text(20, 26, title, kind="t"), text(20, 44, note, kind="s")]
    if outside_scope is not None:
        a, b = panel.x(outside_scope[0]), panel.x(outside_scope[1])
        body.append(
            f'<rect x="{a:.1f}" y="{panel.top}" width="{max(b - a, 1):.1f}" '
            f'height="{panel.height}" fill="#f0e6d2"/>'
        )
        body.append(text(a + 4, panel.top + 14, "not all annotated", kind="s"))
    body.append(panel.axes())
    for name, count in counts.items():
        logs = np.where(count > 0, np.log2(np.maximum(count, 1)), np.nan)
        colour = UNKNOWN if name == "total" else colours.get(name, UNKNOWN)
        body.append(panel.line(time, logs, colour, width=3.2 if name == "total" else 2))
    entries = [(n, UNKNOWN if n == "total" else colours.get(n, UNKNOWN)) for n in counts]
    body.append(legend(785, 84, entries))
    return figure("".join(body), width=870, height=480, title=title)


def draw_timing(
    reference: FloatArray,
    measured: FloatArray,
    spread: FloatArray,
    names: Sequence[str],
    groups: Sequence[str],
    colours: Mapping[str, str],
    *,
    title: str,
    note: str,
) -> str:
    """Draw when each cell divides against the reference, and below by how much it differs.

    Parameters
    ----------
    reference, measured : ndarray of float, shape (k,)
        Minutes on the reference's clock.
    spread : ndarray of float, shape (k,)
        Standard deviation of the reference, min.
    names, groups : sequence of str, length k
    colours : mapping of group to colour
    title, note : str
    """
    ends = (float(np.nanmin(reference)), float(np.nanmax(reference)))
    upper = Panel(
        left=70,
        top=70,
        width=620,
        height=330,
        x_range=ends,
        y_range=ends,
        y_label="division, this embryo (min)",
        x_label="",
    )
    away = measured - reference
    reach = max(float(np.nanpercentile(np.abs(away), 99.5)), 2 * float(np.nanmedian(spread)), 1.0)
    lower = Panel(
        left=70,
        top=440,
        width=620,
        height=170,
        x_range=ends,
        y_range=(-reach, reach),
        x_label="division in the reference (min on its clock)",
        y_label="difference (min)",
        n_y=4,
    )
    order = np.argsort(reference)
    width = np.minimum(1.96 * _smooth(spread[order]), reach)
    body = [text(20, 26, title, kind="t"), text(20, 44, note, kind="s"), upper.axes(), lower.axes()]
    both = np.array(ends)
    body.append(upper.line(both, both, "#777", width=1))
    body.append(lower.band(reference[order], -width, width, "#777", opacity=0.18))
    body.append(lower.line(both, both * 0, "#777", width=1))
    for group, colour in colours.items():
        mine = [i for i, g in enumerate(groups) if g == group]
        hints = [f"{names[i]}: {away[i]:+.1f} min" for i in mine]
        body.append(upper.dots(reference[mine], measured[mine], colour, titles=hints))
        inside = np.clip(away[mine], -reach, reach)
        body.append(lower.dots(reference[mine], inside, colour, titles=hints))
    body.append(legend(710, 84, list(colours.items())))
    body.append(
        text(710, 470, "grey: 95 % of", kind="s") + text(710, 484, "the reference", kind="s")
    )
    return figure("".join(body), width=810, height=660, title=title)


def draw_curves(
    x: FloatArray,
    curves: Mapping[str, FloatArray],
    colours: Mapping[str, str],
    *,
    x_label: str,
    y_label: str,
    title: str,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Draw several lines over one axis, such as the course of a training."""
    values = np.concatenate([np.asarray(c, dtype=float) for c in curves.values()])
    low, high = y_range or (min(0.0, float(np.nanmin(values))), float(np.nanmax(values)))
    panel = Panel(
        left=70,
        top=50,
        width=520,
        height=260,
        x_range=(float(x.min()), float(x.max())),
        y_range=(low, high),
        x_label=x_label,
        y_label=y_label,
        title=title,
    )
    body = [panel.axes()]
    body += [panel.line(x, c, colours[name], width=2.2) for name, c in curves.items()]
    body.append(legend(610, 66, [(name, colours[name]) for name in curves]))
    return figure("".join(body), width=800, height=360, title=title)


def _smooth(values: FloatArray, *, half: int = 7) -> FloatArray:
    """Return a running median, so that the band of the reference is a band."""
    filled = np.where(np.isfinite(values), values, np.nanmedian(values))
    padded = np.pad(filled, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.asarray(np.median(windows, axis=1))
