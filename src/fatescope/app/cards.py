"""Cards of models as values for a page: headings, paragraphs, lists and tables of Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_RULE = re.compile(r"\|[\s:|-]+\|")

Piece = tuple[bool, str]
"""Whether it is code, and its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardBlock:
    """One block of a card; ``rows`` of a table begin with its head, of a list hold one cell."""

    kind: Literal["heading", "text", "table", "list"]
    rows: tuple[tuple[tuple[Piece, ...], ...], ...]


def blocks_of(markdown: str) -> list[CardBlock]:
    r"""Return the blocks of a card, its title left out.

    Links become their words. What is no heading, list or table is a paragraph, so nothing is lost.

    Examples
    --------
    >>> [block.kind for block in blocks_of("# a\n\nb `c`\n\n| d |\n|--|\n| e |")]
    ['text', 'table']
    """
    blocks: list[CardBlock] = []
    for part in re.split(r"\n\s*\n", markdown.strip()):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        while lines and lines[0].startswith("#"):
            level, _, title = lines.pop(0).partition(" ")
            if len(level) > 1:
                blocks.append(CardBlock(kind="heading", rows=((pieces_of(title),),)))
        if not lines:
            continue
        if all(line.startswith("|") for line in lines):
            rows = [_cells(line) for line in lines if not _RULE.fullmatch(line)]
            blocks.append(CardBlock(kind="table", rows=tuple(rows)))
        elif all(line.startswith(("- ", "* ")) for line in lines):
            items = tuple((pieces_of(line[2:]),) for line in lines)
            blocks.append(CardBlock(kind="list", rows=items))
        else:
            blocks.append(CardBlock(kind="text", rows=((pieces_of(" ".join(lines)),),)))
    return blocks


def _cells(line: str) -> tuple[tuple[Piece, ...], ...]:
    return tuple(pieces_of(cell.strip()) for cell in line.strip("|").split("|"))


def pieces_of(text: str) -> tuple[Piece, ...]:
    """Return text and code in turns.

    Examples
    --------
    >>> pieces_of("see `a` and [b](c.md)")
    ((False, 'see '), (True, 'a'), (False, ' and b'))
    """
    parts = _CODE.split(_LINK.sub(r"\1", text).replace("**", ""))
    return tuple((n % 2 == 1, part) for n, part in enumerate(parts) if part)
