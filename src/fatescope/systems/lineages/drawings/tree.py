"""The lineage tree: branch length is time, one branch per cell, coloured by what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.pages.chart import nice_ticks, number
from fatescope.pages.chart.colours import UNKNOWN, ColourScale
from fatescope.systems.lineages.drawings.drawing import figure, founder_colour, legend, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray, IntArray

Direction = Literal["right", "down"]

_MARGIN_START, _MARGIN_END = 30.0, 130.0  # pixels before and behind the time axis
_TOP, _BOTTOM = 84.0, 40.0  # pixels above and below the tree
_LETTER = 5.6  # width of a letter of a name, in pixels
_LINE, _BESIDE_RUN = 9.0, 15.0  # room that a line of names needs, and beside coloured stretches


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBranches:
    """What is drawn: one branch per cell, mothers before daughters.

    Parameters
    ----------
    name, founder, note : sequence of str, length k
        ``note`` appears under the mouse.
    start, end : ndarray of float, shape (k,)
        Along the time axis.
    across : ndarray of float, shape (k,)
        In leaves.
    mother : ndarray of int, shape (k,)
        -1 for none.
    run_cell, run_start, run_end, run_value
        Coloured stretches, shape (m,); without them the branches have their founder's colour.
    """

    name: Sequence[str]
    founder: Sequence[str]
    note: Sequence[str]
    start: FloatArray
    end: FloatArray
    across: FloatArray
    mother: IntArray
    run_cell: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    run_start: FloatArray = field(default_factory=lambda: np.zeros(0))
    run_end: FloatArray = field(default_factory=lambda: np.zeros(0))
    run_value: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStyle:
    """How it is drawn: title, unit of time, sizes in pixels, direction of time."""

    title: str
    time_label: str
    length_px: float = 1400.0
    leaf_px: float = 11.0
    direction: Direction = "right"


def draw_tree(tree: TreeBranches, style: TreeStyle, scale: ColourScale | None = None) -> str:
    """Draw a lineage tree as one ``<svg>`` element.

    Parameters
    ----------
    tree : TreeBranches
    style : TreeStyle
    scale : ColourScale, optional
        For the coloured stretches; without it branches show their founders.

    Returns
    -------
    str
        With one ``<g class="cell" data-i="...">`` per cell, which the page's script uses.
    """
    low = float(tree.start.min(initial=0.0))
    high = float(tree.end.max(initial=1.0))
    place = _Place(style, low, max(high, low + 1e-9), float(tree.across.max(initial=0.0)) + 1)
    runs: list[list[int]] = [[] for _ in tree.name]
    for i, cell in enumerate(tree.run_cell):
        runs[cell].append(i)
    daughters: list[list[int]] = [[] for _ in tree.name]
    for cell, mother in enumerate(tree.mother):
        if mother >= 0:
            daughters[mother].append(cell)
    named = _leaves_below(tree) * style.leaf_px >= (_BESIDE_RUN if len(tree.run_cell) else _LINE)
    body = [place.grid(style.time_label), _heading(tree, style, scale)]
    for cell in range(len(tree.name)):
        drawn = _cell(tree, place, cell, runs[cell], daughters[cell], scale)
        label = _label(tree, place, cell, leaf=not daughters[cell]) if named[cell] else ""
        body.append(f"{drawn}{label}</g>")
    return figure("".join(body), width=place.size[0], height=place.size[1], title=style.title)


class _Place:
    """From time and leaves to pixels, in either direction."""

    def __init__(self, style: TreeStyle, low: float, high: float, leaves: float) -> None:
        self.down = style.direction == "down"
        self.low, self.high = low, high
        self.unit = style.length_px / (high - low)
        self.leaf = style.leaf_px
        self.across_px = leaves * style.leaf_px
        along = _MARGIN_START + style.length_px + _MARGIN_END
        self.size = (
            (max(self.across_px + 100, 760.0), along + _TOP)
            if self.down
            else (along + 30, self.across_px + _TOP + _BOTTOM)
        )

    def time(self, t: float) -> float:
        return (_TOP if self.down else _MARGIN_START) + (t - self.low) * self.unit

    def side(self, leaf: float) -> float:
        return (70 if self.down else _TOP) + (leaf + 0.5) * self.leaf

    def along(self, a: float, b: float, leaf: float) -> str:
        s = self.side(leaf)
        if self.down:
            return f"M{s:.1f},{self.time(a):.1f}V{self.time(b):.1f}"
        return f"M{self.time(a):.1f},{s:.1f}H{self.time(b):.1f}"

    def bar(self, t: float, a: float, b: float) -> str:
        if self.down:
            return f"M{self.side(a):.1f},{self.time(t):.1f}H{self.side(b):.1f}"
        return f"M{self.time(t):.1f},{self.side(a):.1f}V{self.side(b):.1f}"

    def grid(self, label: str) -> str:
        parts = []
        for tick in nice_ticks(self.low, self.high, n=12):
            if not self.low <= tick <= self.high:
                continue
            t = self.time(tick)
            if self.down:
                parts.append(f'<path class="gr" d="M60,{t:.1f}H{self.size[0] - 20:.1f}"/>')
                parts.append(text(54, t + 4, number(tick), anchor="end"))
            else:
                end = self.size[1] - _BOTTOM + 6
                parts.append(f'<path class="gr" d="M{t:.1f},{_TOP - 6:.1f}V{end:.1f}"/>')
                parts.append(text(t, _TOP - 10, number(tick), anchor="middle"))
                parts.append(text(t, end + 14, number(tick), anchor="middle"))
        if self.down:
            turn = f"translate(16,{self.time((self.low + self.high) / 2):.1f}) rotate(-90)"
            parts.append(f'<text transform="{turn}" text-anchor="middle">{escape(label)}</text>')
        else:
            middle = self.time((self.low + self.high) / 2)
            parts.append(text(middle, self.size[1] - 6, label, anchor="middle"))
            parts.append(text(middle, _TOP - 26, label, anchor="middle"))
        return "".join(parts)


def _cell(
    tree: TreeBranches,
    place: _Place,
    cell: int,
    runs: list[int],
    daughters: list[int],
    scale: ColourScale | None,
) -> str:
    """Draw the branch of a cell, and leave its group open for the name."""
    start, end, leaf = (float(v[cell]) for v in (tree.start, tree.end, tree.across))
    colour = founder_colour(tree.founder[cell]) if scale is None else UNKNOWN
    paths = [place.along(start, end, leaf)]
    if daughters:
        places = [float(tree.across[d]) for d in daughters]
        paths.append(place.bar(end, min([leaf, *places]), max([leaf, *places])))
    parts = [
        f'<g class="cell" data-i="{cell}"><title>{escape(tree.note[cell])}</title>'
        f'<path class="b" d="{"".join(paths)}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
    ]
    if scale is not None:
        parts += [
            f'<path class="r" d="{place.along(tree.run_start[i], tree.run_end[i], leaf)}" '
            f'stroke="{scale.colour(float(tree.run_value[i]))}" stroke-width="5"/>'
            for i in runs
        ]
    return "".join(parts)


def _leaves_below(tree: TreeBranches) -> IntArray:
    """Return how many leaves come of each cell: where there are few, a name has no room."""
    leaves = np.bincount(tree.mother[tree.mother >= 0], minlength=len(tree.name)) == 0
    total: IntArray = leaves.astype(np.int64)
    for cell in range(len(total) - 1, -1, -1):  # mothers come before their daughters
        if tree.mother[cell] >= 0:
            total[tree.mother[cell]] += total[cell]
    return np.asarray(total)


def _label(tree: TreeBranches, place: _Place, cell: int, *, leaf: bool) -> str:
    """Write a leaf's name behind its end, a mother's above her branch where it fits."""
    name, at = tree.name[cell], place.side(float(tree.across[cell]))
    if not name:
        return ""
    if leaf:
        t = place.time(float(tree.end[cell])) + 4
        if place.down:
            turn = f"translate({at + 3.3:.1f},{t:.1f}) rotate(90)"
            return f'<text class="s" transform="{turn}">{escape(name)}</text>'
        return text(t, at + 3.4, name, kind="s")
    room = (float(tree.end[cell]) - float(tree.start[cell])) * place.unit
    if room < len(name) * _LETTER + 4:
        return ""
    t = place.time(float(tree.start[cell])) + room / 2
    if place.down:
        turn = f"translate({at + 10:.1f},{t:.1f}) rotate(90)"
        return f'<text class="s" text-anchor="middle" transform="{turn}">{escape(name)}</text>'
    return text(t, at - 3, name, anchor="middle", kind="s")


def _heading(tree: TreeBranches, style: TreeStyle, scale: ColourScale | None) -> str:
    parts = [text(20, 24, style.title, kind="t")]
    if scale is None:
        seen = list(dict.fromkeys(f for f in tree.founder if f))
        entries = [(f, founder_colour(f)) for f in seen]
        parts.append(legend(20, 46, entries, step=62))
    else:
        parts.append(colour_bar(20, 36, scale))
    return "".join(parts)


def colour_bar(left: float, top: float, scale: ColourScale) -> str:
    """Draw the colours of a scale with its ends and its label."""
    n, width = 44, 220.0
    step = width / n
    value = np.linspace(scale.low, scale.high, n)
    bars = "".join(
        f'<rect x="{left + i * step:.1f}" y="{top:.1f}" width="{step + 0.5:.2f}" height="10" '
        f'fill="{scale.colour(float(v))}"/>'
        for i, v in enumerate(value)
    )
    ends = text(left, top + 23, f"≤ {number(scale.low)}") + text(
        left + width, top + 23, f"≥ {number(scale.high)}", anchor="end"
    )
    return bars + ends + text(left + width + 12, top + 10, scale.label)
