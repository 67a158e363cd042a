"""What a compact name is: the first letters of many full names, drawn as a list."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fatescope.pages.chart import number
from fatescope.systems.lineages.drawings.drawing import figure, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROW, _TOP, _LETTER = 20.0, 100.0, 7.3  # a letter of the fixed-width font, in pixels
_LETTERS = 74  # of full names in one row
_MONO = "font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace"


def draw_compact_names(
    members: Mapping[str, Sequence[str]],
    rows: Mapping[str, int],
    colours: Mapping[str, str],
    *,
    length: int,
    title: str,
    note: str = "",
) -> str:
    """Draw which full names make each compact name: their first letters are set off in colour.

    Parameters
    ----------
    members : mapping of compact name to full names
        In the order in which they are listed.
    rows : mapping of compact name to int
        Rows of the table with that name.
    colours : mapping of compact name to colour
    length : int
        Letters that are kept.
    title, note : str
    """
    heads = (
        (20, "full names"),
        (40 + _LETTERS * _LETTER, "compact name"),
        (170 + _LETTERS * _LETTER, "names"),
        (240 + _LETTERS * _LETTER, "rows"),
    )
    body = [
        text(20, 26, title, kind="t"),
        text(20, 50, note),
        *(text(x, _TOP - 22, words, kind="s") for x, words in heads),
    ]
    for i, (compact, names) in enumerate(members.items()):
        y = _TOP + i * _ROW
        colour = colours[compact]
        body += [
            _row(names, y, length, colour),
            f'<path d="M{20 + _LETTERS * _LETTER - 14:.0f},{y - 4:.1f}h22m-5,-4l5,4l-5,4" '
            f'fill="none" stroke="#777"/>',
            f'<rect x="{heads[1][0]:.0f}" y="{y - 11:.1f}" width="13" height="13" '
            f'fill="{colour}"/>',
            text(heads[1][0] + 20, y, compact),
            text(heads[2][0] + 26, y, number(len(names)), anchor="end"),
            text(heads[3][0] + 44, y, number(rows[compact]), anchor="end"),
        ]
    width, height = heads[3][0] + 70, _TOP + len(members) * _ROW
    return figure("".join(body), width=width, height=height, title=title)


def _row(names: Sequence[str], y: float, length: int, colour: str) -> str:
    """Write as many full names as fit, their first letters bold and underlined in colour."""
    parts, at, shown = [], 0, 0
    for name in names:
        rest = len(names) - shown - 1
        if at + len(name) + (len(f"and {rest} more") + 2 if rest else 0) > _LETTERS - 3:
            break
        head, tail = escape(name[:length]), escape(name[length:])
        x = 20 + at * _LETTER
        parts.append(
            f'<path d="M{x:.1f},{y + 3:.1f}h{len(name[:length]) * _LETTER:.1f}" '
            f'stroke="{colour}" stroke-width="2.5"/>'
            f'<text x="{x:.1f}" y="{y:.1f}" style="{_MONO}">'
            f'<tspan style="font-weight:700">{head}</tspan><tspan fill="#777">{tail}</tspan></text>'
        )
        at += len(name) + 2
        shown += 1
    if shown < len(names):
        parts.append(text(20 + at * _LETTER, y, f"and {len(names) - shown} more", kind="s"))
    return "".join(parts)
