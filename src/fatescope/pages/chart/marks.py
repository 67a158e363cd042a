"""Each mark of a chart as SVG, in pixels of its plot."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart.colours import ColourScale
from fatescope.pages.chart.scales import stairs
from fatescope.pages.chart.values import Band, Bars, Guide, HeatMap, Line, Points, Rug, values_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fatescope.pages.chart.scales import Scale
    from fatescope.pages.chart.values import Mark

_RUG_PX = 9  # length of a stroke


def draw_mark(mark: Mark, x: Scale, y: Scale, size: tuple[float, float], colour: str) -> str:
    """Return the SVG of a mark.

    Parameters
    ----------
    mark : Mark
    x, y : Scale
    size : (float, float)
        Width and height of the plot, in pixels.
    colour : str
        Of its name, for marks without a colour of their own.
    """
    if isinstance(mark, Line):
        a, b = values_of(mark, "x"), values_of(mark, "y")
        corners = _corners(*(stairs(a, b) if mark.shape == "steps" else (a, b)), x, y, size)
        dash = ' stroke-dasharray="6 4"' if mark.stroke == "dashed" else ""
        return (
            f'<path class="line" d="{_path(corners)}" stroke="{colour}" '
            f'stroke-width="{mark.width:g}"{dash}/>'
        )
    if isinstance(mark, Band):
        return _band(mark, x, y, size, colour)
    if isinstance(mark, Points):
        return _points(mark, x, y, size, colour)
    if isinstance(mark, Rug):
        foot = f",{size[1] - _RUG_PX:.1f}v{_RUG_PX}"
        strokes = "".join(f"M{v:.1f}{foot}" for v in (x.shares(mark.x) * size[0]).tolist())
        return f'<path class="rug" d="{strokes}" stroke="{colour}"/>'
    if isinstance(mark, Bars):
        return _bars(mark, x, y, size, colour)
    if isinstance(mark, HeatMap):
        return _heat_map(mark, x, y, size)
    return _guide(mark, x, y, size)


def mark_name(mark: Mark) -> str:
    """Return the name of a mark; a guide's is what it says."""
    return mark.words if isinstance(mark, Guide) else mark.name


def point_places(
    mark: Line | Points, x: Scale, y: Scale, size: tuple[float, float]
) -> list[tuple[float, float] | None]:
    """Return where each point lies in the plot, ``None`` for those that lie nowhere."""
    corners = _corners(mark.x, mark.y, x, y, size)
    return [(a, b) if a == a and b == b else None for a, b in corners.tolist()]


def colour_scale(mark: HeatMap) -> ColourScale:
    """Return the colours of a heat map: between its ends, else its smallest and largest value."""
    values = values_of(mark, "values")
    known = values[np.isfinite(values)]
    low, high = mark.ends or (float(known.min(initial=np.inf)), float(known.max(initial=-np.inf)))
    if mark.ends is None and mark.kind == "signed" and len(known):
        high = max(abs(low), abs(high))
        low = -high
    if not low < high:
        middle = low if np.isfinite(low) else 0.0
        low, high = middle - 0.5, middle + 0.5
    label = f"{mark.name} ({mark.unit})" if mark.unit else mark.name
    return ColourScale(kind=mark.kind, low=low, high=high, label=label)


def _corners(
    a: ArrayLike, b: ArrayLike, x: Scale, y: Scale, size: tuple[float, float]
) -> NDArray[np.float64]:
    return np.stack([x.shares(a) * size[0], (1 - y.shares(b)) * size[1]], axis=-1)


def _path(corners: NDArray[np.float64]) -> str:
    """Return the commands of a path through corners; where one is NaN, the line breaks."""
    known = [a == a and b == b for a, b in corners.tolist()]
    parts, was_known = [], False
    for (a, b), is_known in zip(corners.tolist(), known, strict=True):
        if is_known:
            parts.append(f"{'L' if was_known else 'M'}{a:.1f},{b:.1f}")
        was_known = is_known
    return "".join(parts)


def _band(mark: Band, x: Scale, y: Scale, size: tuple[float, float], colour: str) -> str:
    a, low, high = (values_of(mark, n) for n in ("x", "low", "high"))
    known = np.isfinite(a) & np.isfinite(low) & np.isfinite(high)
    rows = np.flatnonzero(known)
    parts = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        edges = [(a[run], low[run]), (a[run], high[run])]
        if mark.shape == "steps":
            edges = [stairs(*edge) for edge in edges]
        down, up = (_corners(*edge, x, y, size) for edge in edges)
        if len(run):
            parts.append(_path(np.concatenate([up, down[::-1]])) + "Z")
    return f'<path class="band" d="{"".join(parts)}" fill="{colour}"/>'


def _points(mark: Points, x: Scale, y: Scale, size: tuple[float, float], colour: str) -> str:
    whiskers = ""
    if len(values_of(mark, "low")):
        low, high = (_corners(mark.x, values_of(mark, n), x, y, size) for n in ("low", "high"))
        whiskers = "".join(
            f"M{a:.1f},{b:.1f}V{d:.1f}"
            for (a, b), (_, d) in zip(low.tolist(), high.tolist(), strict=True)
            if b == b and d == d
        )
        whiskers = f'<path class="line" d="{whiskers}" stroke="{colour}" stroke-width="1.4"/>'
    places = point_places(mark, x, y, size)
    # Lines without length: their round ends are dots that no zoom makes larger.
    dots = [f"M{p[0]:.1f},{p[1]:.1f}h0" if p else "" for p in places]
    style = f'stroke="{colour}" stroke-width="{mark.size_px:g}"'
    if not mark.words:
        return f'{whiskers}<path class="dots" d="{"".join(dots)}" {style}/>'
    each = "".join(
        f'<path d="{dot}"><title>{escape(words)}</title></path>'
        for dot, words in zip(dots, mark.words, strict=True)
        if dot
    )
    return f'{whiskers}<g class="dots" {style}>{each}</g>'


def _bars(mark: Bars, x: Scale, y: Scale, size: tuple[float, float], colour: str) -> str:
    middle, height = values_of(mark, "x"), values_of(mark, "height")
    left, right = (x.shares(middle + s * mark.width / 2) * size[0] for s in (-1, 1))
    zero = 0.0 if y.axis.scale != "linear" else min(max(float(y.shares(0.0)), 0.0), 1.0)
    foot = (1 - zero) * size[1]
    tops = (1 - y.shares(height)) * size[1]
    fills = mark.colours or [colour] * len(middle)
    parts = []
    for a, b, top, fill in zip(left.tolist(), right.tolist(), tops.tolist(), fills, strict=True):
        if top != top:
            continue
        shape = (
            f'x="{a:.1f}" y="{min(top, foot):.1f}" width="{max(b - a, 0.5):.1f}" '
            f'height="{abs(foot - top):.1f}"'
        )
        dashed = f'fill="none" stroke="{colour}" stroke-dasharray="3 2"'
        style = dashed if mark.stroke == "dashed" else f'fill="{fill}"'
        parts.append(f"<rect {shape} {style}/>")
    return f'<g class="bars">{"".join(parts)}</g>'


def _heat_map(mark: HeatMap, x: Scale, y: Scale, size: tuple[float, float]) -> str:
    """Return one image of a pixel for each value: a plate over time stays small."""
    from fatescope.pages.images import png_uri

    values = values_of(mark, "values")
    scale = colour_scale(mark)
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in scale.stops], dtype=float)
    share = np.clip((values - scale.low) / (scale.high - scale.low), 0, 1) * (len(stops) - 1)
    known = np.isfinite(share)
    at = np.where(known, share, 0.0)
    below = np.minimum(at.astype(int), len(stops) - 2)
    rgb = stops[below] + (stops[below + 1] - stops[below]) * (at - below)[..., None]
    rgba = np.dstack([np.rint(rgb), 255 * known]).astype(np.uint8)
    rows, columns = values.shape
    left, right = (float(x.shares(v)) * size[0] for v in (-0.5, columns - 0.5))
    top, bottom = (float(1 - y.shares(v)) * size[1] for v in (-0.5, rows - 0.5))
    return (
        f'<image x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}" preserveAspectRatio="none" href="{png_uri(rgba)}"/>'
    )


def _guide(mark: Guide, x: Scale, y: Scale, size: tuple[float, float]) -> str:
    scale = x if mark.axis == "x" else y
    ends = sorted(
        float(scale.shares(v)) for v in (mark.at, mark.at if mark.to is None else mark.to)
    )
    low, high = (min(max(e, -0.01), 1.01) for e in ends)
    if mark.to is None and mark.axis == "x":
        return f'<path class="guide" d="M{low * size[0]:.1f},0v{size[1]:.1f}"/>'
    if mark.to is None:
        return f'<path class="guide" d="M0,{(1 - low) * size[1]:.1f}h{size[0]:.1f}"/>'
    if mark.axis == "x":
        box = low * size[0], 0.0, (high - low) * size[0], size[1]
    else:
        box = 0.0, (1 - high) * size[1], size[0], (high - low) * size[1]
    a, b, width, height = (f"{v:.1f}" for v in box)
    return f'<rect class="stretch" x="{a}" y="{b}" width="{width}" height="{height}"/>'
