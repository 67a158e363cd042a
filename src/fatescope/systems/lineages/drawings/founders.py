"""The founders of the embryo and what becomes of them: a lineage diagram over a table of dots."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fatescope.systems.lineages.drawings.drawing import figure, founder_colour, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STEP, _LEFT, _LEVEL, _TOP, _ROW = 120.0, 190.0, 58.0, 76.0, 32.0  # px


def draw_founders(
    daughters: Mapping[str, tuple[str, str]],
    fates: Mapping[str, Mapping[str, str]],
    counts: Mapping[str, tuple[int, int]],
    rows: Sequence[str],
    *,
    title: str,
) -> str:
    """Draw the divisions that make the founders, and below each founder its tissues.

    Parameters
    ----------
    daughters : mapping of str to (str, str)
        Of each cell that divides, from ``P0`` on; what is not in it is a founder.
    fates : mapping of founder to mapping of tissue to ``main`` or ``few``
    counts : mapping of founder to (int, int)
        Cells at hatching, and cells that die.
    rows : sequence of str
        The tissues, from top to bottom.
    title : str
    """
    column = {name: i for i, name in enumerate(fates)}
    bottom = _TOP + 5 * _LEVEL
    parts = [text(20, 26, title, kind="t"), _branch("P0", daughters, column, 0, bottom)[1]]
    for i, fate in enumerate(rows):
        y = bottom + 56 + i * _ROW
        end = _LEFT + _STEP * (len(column) - 0.5)
        parts.append(f'<path class="gr" d="M{_LEFT - 70:.0f},{y:.1f}H{end:.0f}"/>')
        parts.append(text(_LEFT - 78, y + 4, fate, anchor="end"))
        for name, at in column.items():
            amount = fates[name].get(fate)
            if amount:
                radius = 10 if amount == "main" else 4.5
                words = f"{name}: {fate}" + ("" if amount == "main" else " (few cells)")
                parts.append(
                    f'<circle cx="{_LEFT + at * _STEP:.1f}" cy="{y:.1f}" r="{radius}" '
                    f'fill="{founder_colour(name)}"><title>{escape(words)}</title></circle>'
                )
    y = bottom + 56 + len(rows) * _ROW + 8
    parts.append(text(_LEFT - 78, y, "at hatching", anchor="end"))
    parts.append(text(_LEFT - 78, y + 20, "die before", anchor="end"))
    for name, at in column.items():
        for k, n in enumerate(counts[name]):
            parts.append(text(_LEFT + at * _STEP, y + 20 * k, str(n), anchor="middle"))
    parts.append(text(20, y + 52, "large dot: a main tissue of the founder; small: few cells"))
    width = _LEFT + _STEP * (len(column) - 1) + 80
    return figure("".join(parts), width=width, height=y + 70, title=title)


def _branch(
    name: str,
    daughters: Mapping[str, tuple[str, str]],
    column: Mapping[str, int],
    level: int,
    bottom: float,
) -> tuple[float, str]:
    """Draw a cell and all below it; return where it stands across."""
    y = _TOP + level * _LEVEL
    line = f'fill="none" stroke="{founder_colour(name)}" stroke-width="3"'
    if name in column:
        x = _LEFT + column[name] * _STEP
        return x, (
            f'<path d="M{x:.1f},{y:.1f}V{bottom:.1f}" {line}/>'
            + text(x, bottom + 22, name, anchor="middle", kind="t")
        )
    below = [_branch(d, daughters, column, level + 1, bottom) for d in daughters[name]]
    x = sum(b[0] for b in below) / 2
    end = y + _LEVEL
    drawn = (
        f'<path d="M{x:.1f},{y:.1f}V{end:.1f}M{below[0][0]:.1f},{end:.1f}H{below[1][0]:.1f}" '
        f"{line}/>" + text(x + 8, y + _LEVEL / 2 + 4, name)
    )
    return x, drawn + "".join(b[1] for b in below)
