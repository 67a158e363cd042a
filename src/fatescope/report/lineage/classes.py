"""How many rows each name has: bars before and after sampling, and the published pie."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from fatescope.report.lineage.colours import category_colours, founder_colour
from fatescope.report.lineage.panel import Panel, figure, legend, text
from fatescope.report.svg import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def draw_class_bars(
    names: Sequence[str],
    before: Sequence[int],
    after: Sequence[int] | None,
    founders: Sequence[str],
    *,
    title: str,
    note: str = "",
) -> str:
    """Draw a bar per name; an outline shows the count after sampling.

    Parameters
    ----------
    names : sequence of str, length k
    before, after : sequence of int, length k
        Rows as they are, and after sampling (``None`` draws none).
    founders : sequence of str, length k
        For the colours.
    title, note : str
    """
    most = max([*before, *(after or []), 1])
    panel = Panel(
        left=90,
        top=70,
        width=max(24.0 * len(names), 400.0),
        height=320,
        x_range=(-0.6, len(names) - 0.4),
        y_range=(0.0, math.ceil(math.log2(most + 1))),
        y_label="rows",
        y_power=True,
        n_x=1,
    )
    zero, bottom = panel.y(0), panel.top + panel.height
    body = [text(20, 26, title, kind="t"), text(20, 44, note, kind="s")]
    for power in range(0, int(panel.y_range[1]) + 1, 2):
        at = panel.y(power)
        body.append(f'<path class="gr" d="M{panel.left},{at:.1f}H{panel.left + panel.width:.1f}"/>')
        body.append(text(panel.left - 6, at + 4, number(2**power), anchor="end"))
    for i, (name, count) in enumerate(zip(names, before, strict=True)):
        x = panel.x(i - 0.36)
        width = panel.x(i + 0.36) - x
        if after is not None:
            y = panel.y(math.log2(after[i])) if after[i] else zero
            body.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{zero - y:.1f}" '
                'fill="#fff" stroke="#333" stroke-dasharray="2,2"/>'
            )
        y = panel.y(math.log2(count)) if count else zero
        body.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{zero - y:.1f}" '
            f'fill="{founder_colour(founders[i])}">'
            f"<title>{escape(name)}: {number(count)} rows</title></rect>"
        )
        turn = f"translate({panel.x(i) + 4:.1f},{bottom + 10:.1f}) rotate(90)"
        body.append(f'<text transform="{turn}">{escape(name)}</text>')
    body.append(
        f'<path class="ax" d="M{panel.left},{panel.top}V{bottom}H{panel.left + panel.width}"/>'
    )
    turn = f"translate(24,{panel.top + panel.height / 2}) rotate(-90)"
    body.append(f'<text transform="{turn}" text-anchor="middle">rows (doubling scale)</text>')
    if after is not None:
        body.append(
            text(panel.left, bottom + 84, "solid: as they are; dashed: after sampling", kind="s")
        )
    return figure(
        "".join(body), width=panel.left + panel.width + 30, height=bottom + 96, title=title
    )


def draw_class_pie(counts: Mapping[str, int], *, title: str, least_share: float = 0.01) -> str:
    """Draw the shares as a pie, as published; names below ``least_share`` are gathered."""
    total = sum(counts.values()) or 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    large = [(n, c) for n, c in ordered if c / total >= least_share]
    small = [(n, c) for n, c in ordered if c / total < least_share]
    parts = [*large, (f"{len(small)} others", sum(c for _, c in small))] if small else large
    colours = category_colours([n for n, _ in large]) | {f"{len(small)} others": "#cfcfcf"}
    cx, cy, radius, angle = 190.0, 220.0, 150.0, -math.pi / 2
    body = [text(20, 26, title, kind="t")]
    for name, count in parts:
        share = count / total
        body.append(
            _slice(cx, cy, radius, angle, share, colours[name], f"{name}: {100 * share:.1f} %")
        )
        angle += 2 * math.pi * share
    entries = [(f"{n}  {100 * (c / total):.1f} %", colours[n]) for n, c in parts]
    half = (len(entries) + 1) // 2
    body.append(legend(380, 80, entries[:half]) + legend(500, 80, entries[half:]))
    return figure("".join(body), width=640, height=max(400, 90 + half * 18), title=title)


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
