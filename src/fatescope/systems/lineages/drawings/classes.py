"""How many rows each name has: bars before and after sampling, and the published pie."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from fatescope.pages.chart import Axis, Bars, Chart, number
from fatescope.pages.chart.colours import UNKNOWN
from fatescope.systems.lineages.drawings.drawing import figure, founder_colour, shades, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def chart_class_bars(
    names: Sequence[str],
    before: Sequence[int],
    after: Sequence[int],
    founders: Sequence[str],
    *,
    title: str,
    caption: str = "",
) -> Chart:
    """Chart a bar per name, on a doubling scale; an outline shows the count after sampling.

    Parameters
    ----------
    names : sequence of str, length k
    before, after : sequence of int, length k
        Rows as they are, and after sampling.
    founders : sequence of str, length k
        For the colours.
    title, caption : str
    """
    places = range(len(names))
    return Chart(
        title=title,
        x=Axis(title="compact name", labels=names),
        y=Axis(title="rows", scale="log2"),
        marks=(
            Bars(name="after sampling", x=places, height=after, colour="#333333", stroke="dashed"),
            Bars(
                name="as they are",
                x=places,
                height=before,
                colour="#9a9a9a",
                colours=[founder_colour(f) for f in founders],
            ),
        ),
        caption=caption,
        height_px=320,
    )


def draw_class_pie(counts: Mapping[str, int], founders: Sequence[str], *, title: str) -> str:
    """Draw the share of every name as a pie, as published; each slice is named beside it.

    Parameters
    ----------
    counts : mapping of str to int
        Rows of each name, in the order in which they are drawn.
    founders : sequence of str
        The lineage of each name: its names are shades of one colour. Beyond ``_MOST_SLICES``
        names the rarest are gathered in one slice.
    title : str
    """
    total = sum(counts.values()) or 1
    colours = shades(list(counts), founders)
    kept = set(sorted(counts, key=lambda n: (-counts[n], n))[:_MOST_SLICES])
    parts = [(n, c, colours[n]) for n, c in counts.items() if n in kept and c]
    if rare := [c for n, c in counts.items() if n not in kept]:
        parts.append((f"{len(rare)} others", sum(rare), UNKNOWN))
    radius, height = 170.0, max(440.0, 80.0 + len(parts) * _LINE)
    cx, cy = 300.0, 30 + height / 2
    angle = _turned([c / total for _, c, _ in parts])
    body, middles = [text(20, 26, title, kind="t")], []
    for name, count, colour in parts:
        share = count / total
        hint = f"{name}: {number(count)} rows, {_percent(share)}"
        body.append(_slice(cx, cy, radius, angle, share, colour, hint))
        middles.append(angle + math.pi * share)
        angle += 2 * math.pi * share
    words = [f"{name} {_percent(count / total)}" for name, count, _ in parts]
    body.append(_around(cx, cy, radius, middles, words, room=(54.0, height + 14)))
    return figure("".join(body), width=640, height=height + 30, title=title)


_MOST_SLICES = 48  # of the pie; for the eye alone
_LINE = 13.0  # height of a line of words beside the pie, in pixels


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"


def _turned(shares: Sequence[float]) -> float:
    """Return where the pie begins so that the many small slices lie to the right."""
    x = y = at = 0.0
    for share in shares:
        middle = 2 * math.pi * (at + share / 2)
        x, y, at = x + math.cos(middle), y + math.sin(middle), at + share
    return -math.atan2(y, x)


def _around(
    cx: float,
    cy: float,
    radius: float,
    middles: Sequence[float],
    words: Sequence[str],
    *,
    room: tuple[float, float],
) -> str:
    """Write words left and right of a pie, each with a line to its slice, none over another."""
    parts = []
    for right in (True, False):
        mine = [i for i, a in enumerate(middles) if (math.cos(a) >= 0) == right]
        mine.sort(key=lambda i: math.sin(middles[i]))
        heights = _spread([cy + (radius + 12) * math.sin(middles[i]) for i in mine], *room)
        side = 1 if right else -1
        for i, y in zip(mine, heights, strict=True):
            x0, y0 = cx + radius * math.cos(middles[i]), cy + radius * math.sin(middles[i])
            x1 = cx + side * (radius + 34)
            parts.append(
                f'<path d="M{x0:.1f},{y0:.1f}L{x1 - side * 14:.1f},{y:.1f}H{x1:.1f}" fill="none" '
                'stroke="#999" stroke-width="0.7"/>'
            )
            anchor = "start" if right else "end"
            parts.append(text(x1 + side * 4, y + 4, words[i], anchor=anchor))
    return "".join(parts)


def _spread(heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Move sorted heights a line apart, as little as can be, between ``top`` and ``bottom``."""
    groups: list[list[float]] = []  # sum of wishes, number of lines
    for h in heights:
        groups.append([h, 1])
        while len(groups) > 1 and _top(groups[-1]) < _top(groups[-2]) + groups[-2][1] * _LINE:
            total, n = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += n
    out = [_top(g) + k * _LINE for g in groups for k in range(int(g[1]))]
    for i in range(len(out)):
        out[i] = max(out[i], out[i - 1] + _LINE if i else top)
    for i in reversed(range(len(out))):
        out[i] = min(out[i], out[i + 1] - _LINE if i + 1 < len(out) else bottom)
    return out


def _top(group: Sequence[float]) -> float:
    return group[0] / group[1] - (group[1] - 1) * _LINE / 2


def _slice(
    cx: float, cy: float, radius: float, start: float, share: float, colour: str, hint: str
) -> str:
    title = f"<title>{escape(hint)}</title>"
    if share >= 1:
        return f'<circle cx="{cx}" cy="{cy}" r="{radius}" fill="{colour}">{title}</circle>'
    end = start + 2 * math.pi * share
    x0, y0 = cx + radius * math.cos(start), cy + radius * math.sin(start)
    x1, y1 = cx + radius * math.cos(end), cy + radius * math.sin(end)
    large = int(share > 0.5)
    return (
        f'<path d="M{cx},{cy}L{x0:.1f},{y0:.1f}A{radius},{radius} 0 {large} 1 {x1:.1f},{y1:.1f}Z" '
        f'fill="{colour}" stroke="#fff" stroke-width="1">{title}</path>'
    )
