"""Drawings that are no charts: their style, and words in them.

They carry their style with them, so that an SVG file stands alone in any program.

Lineages take the colours of Okabe and Ito. These are eight, so two of the four AB lineages have
colours of their own, chosen to differ in lightness from all others: every two lineages stay apart
for every kind of colour vision (decision 0210).
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fatescope.pages.chart.colours import UNKNOWN, blend

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = (
    ".drawn text{font-family:'Helvetica Neue',Arial,'Liberation Sans',sans-serif;font-size:12px;"
    "fill:#222}.drawn .t{font-size:14px;font-weight:600}.drawn .s{font-size:10px;fill:#555}"
    ".drawn .h{paint-order:stroke;stroke:#fff;stroke-width:2.5px;fill:#222}"
    ".drawn .ax{stroke:#444;stroke-width:1;fill:none}"
    ".drawn .gr{stroke:#e4e4e4;stroke-width:1;fill:none}"
)
"""Of drawings alone: within a page, a rule for all ``text`` would reach its scale bars, too."""


def figure(body: str, *, width: float, height: float, title: str) -> str:
    """Return a whole ``<svg>`` element on white, with a title for screen readers."""
    return (
        f'<svg class="drawn" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """Return words at a place; ``kind`` is ``t`` (title), ``s`` (small), ``s h`` (on white)."""
    cls = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{cls}>{escape(words)}</text>'


def legend(left: float, top: float, entries: Sequence[tuple[str, str]], *, step: float = 0) -> str:
    """Return colour keys in a row (or in a column where ``step`` is 0)."""
    parts = []
    for i, (name, colour) in enumerate(entries):
        x, y = (left + i * step, top) if step else (left, top + i * 18)
        parts.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="12" height="10" fill="{colour}"/>')
        parts.append(text(x + 17, y, name))
    return "".join(parts)


_EARLY = "#6b6b6b"

FOUNDER_COLOURS: dict[str, str] = {
    "AB": "#0072B2",
    "ABal": "#330099",
    "ABar": "#0072B2",
    "ABpl": "#56B4E9",
    "ABpr": "#0e494e",
    "MS": "#E69F00",
    "E": "#009E73",
    "C": "#D55E00",
    "D": "#CC79A7",
    "P4": "#000000",
    "early": _EARLY,
    "EMS": _EARLY,
    "P0": _EARLY,
    "P1": _EARLY,
    "P2": _EARLY,
    "P3": _EARLY,
}
"""A lineage keeps its colour in every figure; cells before the lineages part share grey."""


def founder_colour(founder: str) -> str:
    """Return the colour of a founder; grey for what is none."""
    return FOUNDER_COLOURS.get(founder, UNKNOWN)


def shades(names: Sequence[str], founders: Sequence[str]) -> dict[str, str]:
    """Return a colour of its own for each name: a shade, dark to light, of its lineage's colour.

    Examples
    --------
    >>> shades(["E", "Ea", "D"], ["E", "E", "D"])
    {'E': '#00674b', 'Ea': '#99d8c7', 'D': '#cc79a7'}
    """
    members: dict[str, list[str]] = {}
    for name, founder in zip(names, founders, strict=True):
        members.setdefault(founder_colour(founder), []).append(name)
    out = {}
    for colour, mine in members.items():
        scale = ["#000000", colour, "#ffffff"]
        for i, name in enumerate(mine):
            share = 0.5 if len(mine) == 1 else 0.325 + 0.475 * i / (len(mine) - 1)
            out[name] = blend(scale, share)
    return {name: out[name] for name in names}
