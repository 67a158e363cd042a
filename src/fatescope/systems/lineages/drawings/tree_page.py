"""The tree as one page that needs no network: zoom, find a cell, walk along it, change colours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart.colours import UNKNOWN, ColourScale
from fatescope.pages.page.write import asset as page_asset
from fatescope.systems.lineages.drawings.drawing import founder_colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray
    from fatescope.systems.lineages.drawings.tree import Direction, TreeBranches

_HINT = (
    "Click a cell, or type its name. Arrow keys: mother, daughter, sisters. "
    "Ctrl + wheel or + and - zoom, 0 shows all; Esc lets go."
)


@dataclass(frozen=True, slots=True)
class CellColumn:
    """One quantity per cell, shape (k,), with the scale that shows it; NaN is unknown."""

    value: FloatArray
    scale: ColourScale


def tree_page(
    svg: str,
    tree: TreeBranches,
    columns: Mapping[str, CellColumn],
    *,
    title: str,
    direction: Direction = "right",
    drawn: str = "",
) -> str:
    """Return a self-contained page around a drawn tree.

    Parameters
    ----------
    svg : str
        From `draw_tree`, of the same branches.
    tree : TreeBranches
    columns : mapping of str to CellColumn
        What the reader may colour the branches by, beside the lineages.
    title : str
    direction : ``right`` or ``down``
        Where time runs in ``svg``.
    drawn : str
        The column that the coloured stretches of ``svg`` show, if there are any.

    Notes
    -----
    The page's script draws the branches again, with a scale of their own for time and for leaves:
    so the whole tree fills any window, and words have the same size at any zoom. Without script
    the drawn tree is seen as it is.
    """
    data = {
        "name": list(tree.name),
        "note": list(tree.note),
        "mother": [int(m) for m in tree.mother],
        "start": short(tree.start, digits=7),
        "end": short(tree.end, digits=7),
        "across": short(tree.across, digits=7),
        "runs": _runs(tree),
        "down": direction == "down",
        "founder": [founder_colour(f) for f in tree.founder],
        "unknown": UNKNOWN,
        "drawn": drawn,
        "hint": _HINT,
        "columns": {name: _column(c) for name, c in columns.items()},
    }
    choices = f'<option value="">{escape(drawn)}, minute by minute</option>' if drawn else ""
    choices += '<option value="lineage">lineage</option>'
    choices += "".join(
        f'<option value="{escape(c)}">{escape(c)}, mean of each cell</option>' for c in columns
    )
    found = "".join(f'<option value="{escape(n)}">' for n in _once(tree.name))
    legend = "".join(
        f'<span><i style="background:{founder_colour(f)}"></i>{escape(f)}</span>'
        for f in _once(tree.founder)
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width"><style>{text_in("tree.css")}</style></head><body>
<header><h1>{escape(title)}</h1>
<label>Find <input id="find" list="names" size="14" placeholder="ABpla"></label>
<datalist id="names">{found}</datalist>
<label>Colour <select id="colour">{choices}</select></label>
<span id="scale"><b></b><i></i><em></em></span>
<span><button id="out" aria-label="smaller">−</button>
<button id="in" aria-label="larger">+</button>
<button id="all">whole tree</button> <button id="read">read names</button></span>
<span id="legend">{legend}</span></header>
<main id="tree" tabindex="0" aria-label="lineage tree">{svg}</main>
<div id="about" role="status"></div>
<script type="application/json" id="data">{to_json(data)}</script>
<script>{page_asset("linked.js")}{text_in("tree.js")}</script></body></html>
"""


def text_in(name: str) -> str:
    """Return the text of a style sheet or script that ships with this folder."""
    return (
        files("fatescope.systems.lineages.drawings")
        .joinpath("assets", name)
        .read_text(encoding="utf-8")
    )


def to_json(data: Any) -> str:
    """Return JSON that is safe inside a ``<script>`` element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def short(values: FloatArray, *, digits: int = 4) -> list[float | None]:
    """Return numbers with few digits, ``None`` where they are not finite."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values]


def _runs(tree: TreeBranches) -> list[list[tuple[float | None, float | None]]]:
    """Return start and end of the coloured stretches of each cell, as they stand in the tree."""
    runs: list[list[tuple[float | None, float | None]]] = [[] for _ in tree.name]
    start, end = short(tree.run_start, digits=7), short(tree.run_end, digits=7)
    for i, cell in enumerate(tree.run_cell):
        runs[cell].append((start[i], end[i]))
    return runs


def _column(column: CellColumn) -> dict[str, Any]:
    ends = short(np.array([column.scale.low, column.scale.high]))
    return {
        "value": short(column.value),
        "low": ends[0],
        "high": ends[1],
        "stops": column.scale.stops,
    }


def _once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(n for n in names if n))
