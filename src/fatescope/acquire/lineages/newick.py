"""Newick and NHX trees: who descends from whom, and for how long; no positions.

A cell is a node, its life in frames the length of its branch, as in ``(ABal:12,ABar:12)ABa:10;``.
NHX comments ``[&&NHX:first=4:last=9]`` give first and last frame, from 0; without them a cell
starts in the frame after its mother's last. A forest is one tree a line. Names with special
characters are quoted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.result import FRAME_LIMIT, ReadLineage, SpotColumns, assemble
from fatescope.acquire.lineages.text import text_lines
from fatescope.base.errors import FileFormatError
from fatescope.numeric import tracks_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fatescope.base.lineage import Lineage

ROW_LIMIT = 20_000_000
"""Frames of all lives together; more is a damaged branch length."""
_TOKEN = re.compile(
    r"\s*(?:(?P<sign>[(),:;])|'(?P<quoted>(?:[^']|'')*)'|\[(?P<note>[^\]]*)\]|(?P<plain>[^\s(),:;\[\]']+))"
)
_SPECIAL = re.compile(r"[\s(),:;\[\]'.]")


@dataclass(slots=True)
class _Node:
    mother: int
    name: str = ""
    length: float | None = None
    first: int | None = None
    last: int | None = None
    daughters: list[int] = field(default_factory=list)


def read_newick(path: Path) -> ReadLineage:
    """Read a tree or a forest; every cell gets one spot per frame, without position.

    Raises
    ------
    FileFormatError
        If brackets do not match, a length is no number, or lives are absurdly long.
    """
    nodes = _parse("".join(text_lines(path)), path)
    _set_lives(nodes, path)
    frames: list[int] = []
    parents: list[int] = []
    names: list[str] = []
    last_row: dict[int, int] = {}
    for number in _mothers_first(nodes):
        node = nodes[number]
        if node.first is None or node.last is None:
            continue
        before = last_row.get(node.mother, -1)
        for frame in range(node.first, node.last + 1):
            parents.append(before)
            before = len(frames)
            frames.append(frame)
            names.append(node.name)
        last_row[number] = before
    n = len(frames)
    name = np.empty(n, dtype=object)
    name[:] = names
    return assemble(
        SpotColumns(
            frame=np.asarray(frames, dtype=np.int64),
            position=np.full((n, 3), np.nan),
            parent=np.asarray(parents, dtype=np.int64),
            name=name,
            radius_px=np.full(n, np.nan),
        ),
        file=path.name,
        format="newick",
    )


def _tokens(text: str, path: Path) -> Iterator[tuple[str, str]]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise FileFormatError(
                f"{path}: is not a Newick tree near character {at + 1} ({text[at : at + 20]!r})."
            )
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


def _parse(text: str, path: Path) -> list[_Node]:
    """Return the nodes; a mother stands after or before her daughters, links are by number."""
    nodes = [_Node(mother=-1)]
    here = 0
    wants_length = False
    closed = False
    for kind, value in _tokens(text, path):
        if closed:
            nodes.append(_Node(mother=-1))
            here, closed = len(nodes) - 1, False
        if kind == "sign" and value in "(,":
            mother = here if value == "(" else nodes[here].mother
            if value == "," and mother < 0:
                raise FileFormatError(f"{path}: a comma stands outside brackets.")
            nodes.append(_Node(mother=mother))
            here = len(nodes) - 1
            nodes[mother].daughters.append(here)
        elif kind == "sign" and value == ")":
            here = nodes[here].mother
            if here < 0:
                raise FileFormatError(f"{path}: closes a bracket that was not opened.")
        elif kind == "sign" and value == ";":
            if nodes[here].mother >= 0:
                raise FileFormatError(f"{path}: ends a tree before its brackets are closed.")
            closed = True
        elif kind == "note":
            _read_note(value, nodes[here])
        elif kind != "sign" and wants_length:
            nodes[here].length = _length(value, path)
        elif kind != "sign":
            nodes[here].name = value.replace("''", "'") if kind == "quoted" else value
        wants_length = kind == "sign" and value == ":"
    if not closed:
        raise FileFormatError(f"{path}: the tree does not end with a semicolon; it is cut short.")
    return nodes


def _length(text: str, path: Path) -> float:
    try:
        length = float(text)
    except ValueError:
        length = math.nan
    if not (math.isfinite(length) and 0 <= length <= FRAME_LIMIT):
        raise FileFormatError(f"{path}: a branch length is {text[:30]!r}; lives are in frames.")
    return length


def _read_note(note: str, node: _Node) -> None:
    for key, value in re.findall(r"(first|last)=(-?\d{1,9})(?=:|$)", note):
        setattr(node, key, int(value))


def _mothers_first(nodes: list[_Node]) -> Iterator[int]:
    waiting = [i for i in range(len(nodes) - 1, -1, -1) if nodes[i].mother < 0]
    while waiting:
        number = waiting.pop()
        yield number
        waiting.extend(reversed(nodes[number].daughters))


def _set_lives(nodes: list[_Node], path: Path) -> None:
    """Fill in first and last frames that the file does not give."""
    total = 0
    for number in _mothers_first(nodes):
        node = nodes[number]
        mother = nodes[node.mother] if node.mother >= 0 else None
        start = 0 if mother is None or mother.last is None else mother.last + 1
        node.first = start if node.first is None else node.first
        if node.last is None:
            node.last = node.first + max(round(node.length or 1), 1) - 1
        total += node.last - node.first + 1
        if node.last < node.first or total > ROW_LIMIT:
            raise FileFormatError(
                f"{path}: {node.name or 'a cell'} lives from frame {node.first} to {node.last}; "
                "the lives in this tree are impossible."
            )


def format_newick(lineage: Lineage) -> str:
    """Return the forest of a lineage with lives as branch lengths and NHX first and last."""
    tracks = tracks_of(lineage)
    daughters = tracks.daughters()
    trees = []
    for root in np.flatnonzero(tracks.mother < 0).tolist():
        parts: list[str] = []
        waiting: list[tuple[int, str]] = [(root, "open")]
        while waiting:
            track, step = waiting.pop()
            if step == "open" and daughters[track]:
                parts.append("(")
                waiting.append((track, "close"))
                for place, daughter in enumerate(reversed(daughters[track])):
                    waiting += [(-1, "comma")] if place else []
                    waiting.append((daughter, "open"))
            elif step == "comma":
                parts.append(",")
            else:
                first, last = int(tracks.first[track]), int(tracks.last[track])
                parts.append(")" if step == "close" else "")
                parts.append(f"{_label(str(tracks.name[track]))}:{last - first + 1}")
                parts.append(f"[&&NHX:first={first}:last={last}]")
        trees.append("".join(parts) + ";\n")
    return "".join(trees)


def _label(name: str) -> str:
    return "'" + name.replace("'", "''") + "'" if _SPECIAL.search(name) else name
