"""Blocks of a page that are words and numbers: text, code, tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUS, _NARROW = "−", "\u202f"
_WITH_INTERVAL, _OF_INTERVALS = " (95 %)", "95 %"
_ENDS = re.compile(r"\d(?: to |, )[-+−]?\d")
_INTERVAL = re.compile(r"[(\[][-+−]?\d\S*(?: to |, )[-+−]?\d")
"""Two ends in a cell, such as ``(0.41 to 0.52)`` or ``[0.3, 4]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Paragraphs, then links as (address, words) pairs; ``aside`` is small and grey."""

    paragraphs: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()
    tone: Literal["body", "aside"] = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text to copy: ``prose`` as a quotation, ``code`` in a fixed width.

    With ``file_name`` a link saves it under that name.
    """

    text: str
    title: str
    kind: Literal["code", "prose"] = "code"
    note: str = ""
    file_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table that is more than its text.

    ``kind`` is a severity (``error``, ``warning``, ``info``), ``code`` or empty. ``hint`` appears
    under the pointer; ``more`` unfolds below the text, one line each.
    """

    text: str
    kind: str = ""
    hint: str = ""
    more: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """Rows under columns, numbers as text, ready to read.

    A column whose cells are numbers is set to the right; of six rows or more, a click on a heading
    sorts them. Without ``columns`` the first cell of a row is its heading. A heading that ends in
    ``(95 %)`` says so only where a cell below it has an interval, and a column of intervals, whose
    heading begins with ``95 %``, is there only where it has one.
    """

    rows: Sequence[Sequence[str | Cell]]
    columns: Sequence[str] = ()
    title: str = ""
    numeric: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        if empty := {i for i, h in enumerate(self.columns) if self._lacks_intervals(i, h)}:
            rows = [[c for i, c in enumerate(row) if i not in empty] for row in self.rows]
            object.__setattr__(self, "rows", rows)
            left = tuple(h for i, h in enumerate(self.columns) if i not in empty)
            object.__setattr__(self, "columns", left)
        width = max((len(row) for row in self.rows), default=0)
        columns = [[cell_text(r[i]) for r in self.rows if i < len(r)] for i in range(width)]
        found = frozenset(i for i, cells in enumerate(columns) if _are_numbers(cells))
        object.__setattr__(self, "numeric", found if self.columns else frozenset())
        spread = {i for i, cells in enumerate(columns) if any(map(_INTERVAL.search, cells))}
        said = [
            heading if i in spread else heading.removesuffix(_WITH_INTERVAL)
            for i, heading in enumerate(self.columns)
        ]
        object.__setattr__(self, "columns", tuple(said))

    def _lacks_intervals(self, column: int, heading: str) -> bool:
        cells = (cell_text(row[column]) for row in self.rows if column < len(row))
        return heading.startswith(_OF_INTERVALS) and not any(map(_ENDS.search, cells))


def cell_text(cell: str | Cell) -> str:
    """Return the text of a cell."""
    return cell.text if isinstance(cell, Cell) else cell


def _are_numbers(cells: Sequence[str]) -> bool:
    said = [c for c in cells if c not in ("", "–")]
    return bool(said) and all(_is_number(c) for c in said)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(_MINUS, "-").replace(_NARROW, "").removesuffix("%"))
    except ValueError:
        return False
    return True
