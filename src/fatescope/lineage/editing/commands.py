"""The short language of ``fatescope lineage edit``: one line, one action.

| line | what happens |
|--|--|
| ``rename ABal@12- ABar`` | rows of ABal from frame 12 on are called ABar |
| ``swap ABala ABalp`` | the two cells exchange names, and so does all that descends from them |
| ``exchange ABala ABalp @40`` | from frame 40 on the two tracks change places: links and names |
| ``relink ABar@12 ABala@11`` | that nucleus came from the other one (``none``: from nowhere) |
| ``split ABala@40`` | the track is cut before frame 40 |
| ``join ABala@39 ABalx@40`` | the second continues, or is a daughter of, the first |
| ``move ABala@40 z=12 y=200 x=310`` | another place; ``radius=`` too |
| ``add ABala@41 z=12 y=201 x=310 from ABala@40`` | a nucleus that was missed |
| ``accept ABala@40`` | the link and the division of that row are right: their chances become 1 |
| ``remove ABala@40-44`` | nuclei that are none; what was linked to them is linked across the gap |

A name that a person gives has no confidence of the naming: of such rows ``confidence`` and
``second`` become empty, and ``compact`` and ``abstained`` follow the name.

Actions divided by ``;`` are one step. Names with blanks are put in quotes. Frames are 0-based;
``#417`` means row 417 of the table, and ``#417-`` that row and what continues it.
"""

from __future__ import annotations

import itertools
import math
import shlex
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.lineage.editing.actions import (
    Action,
    Add,
    Fill,
    Group,
    Join,
    Move,
    Relink,
    Remove,
    Rename,
    Split,
    SwapDaughters,
)
from fatescope.lineage.editing.rows import Plain, Spot, plain, select, spot_at, subtree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.lineage import Lineage


_SCORES = ("link_score", "division_score")
_OF_NAMING = ("compact", "confidence", "second", "abstained")


def parse_command(text: str, lineage: Lineage) -> Action:
    """Return the action that one line means for this lineage; of several, each sees the last.

    Raises
    ------
    InputError
        If the verb is unknown, words are missing, or the rows named do not exist.

    Examples
    --------
    >>> parse_command("split ABala@40", lineage)  # doctest: +SKIP
    Split(row=812, parent=811)
    """
    reader = shlex.shlex(text, posix=True, punctuation_chars=";")
    reader.whitespace_split, reader.commenters = True, ""
    try:
        words = list(reader)
    except ValueError as error:
        raise InputError(f"{text!r} cannot be read: {error}. Close the quotes.") from error
    actions: list[Action] = []
    for is_end, part in itertools.groupby(words or [""], lambda word: word == ";"):
        if not is_end:
            if actions:
                lineage = actions[-1].apply(lineage)
            actions.append(_parsed(list(part), lineage, text))
    return actions[0] if len(actions) == 1 else Group(tuple(actions), label=text)


def _parsed(words: Sequence[str], lineage: Lineage, text: str) -> Action:
    verb = words[0]
    if verb not in _VERBS:
        raise InputError(f"{text!r}: {verb!r} is no action; known are {', '.join(_VERBS)}.")
    usage, build = _VERBS[verb]
    try:
        return build(lineage, words[1:])
    except _WordsError:
        raise InputError(f"{text!r} cannot be read. Write it like this: {usage}") from None


class _WordsError(Exception):
    """Too many, too few or odd words; the caller shows how it should be."""


def _take(words: Sequence[str], n: int) -> Sequence[str]:
    if len(words) != n:
        raise _WordsError
    return words


def _rename(lineage: Lineage, words: Sequence[str]) -> Action:
    which, new = _take(words, 2)
    rows = select(lineage, which).rows
    named = Rename(rows, tuple(str(lineage.name[r]) for r in rows), (new,) * len(rows))
    return _with_what_depends(lineage, named, rows, label=f"rename {which} {new}")


def _swap(lineage: Lineage, words: Sequence[str]) -> Action:
    first, second = _take(words, 2)
    a = subtree(lineage, select(lineage, first).rows)
    b = subtree(lineage, select(lineage, second).rows)
    names = _exchange_names(lineage, first, second, a, b)
    return _with_what_depends(lineage, names, names.rows, label=f"swap {first} {second}")


def _exchange(lineage: Lineage, words: Sequence[str]) -> Action:
    first, second, at = _take(words, 3)
    if not at.startswith("@"):
        raise _WordsError
    row_a, row_b = select(lineage, first + at).one, select(lineage, second + at).one
    old_a, old_b = int(lineage.parent[row_a]), int(lineage.parent[row_b])
    links = (Relink(row_a, old_a, old_b), Relink(row_b, old_b, old_a))
    a, b = (subtree(lineage, (row,)) for row in (row_a, row_b))
    names = _exchange_names(lineage, first, second, a, b)
    label = f"exchange {first} {second} {at}"
    return _with_what_depends(lineage, Group((*links, names), label), names.rows, label=label)


def _exchange_names(
    lineage: Lineage, first: str, second: str, a: tuple[int, ...], b: tuple[int, ...]
) -> SwapDaughters:
    both = set(a) & set(b)
    if both:
        raise InputError(f"{first} and {second} cannot be exchanged: one descends from the other.")
    for rows, name in ((a, first), (b, second)):
        for row in rows:
            found = str(lineage.name[row])
            if found and not found.startswith(name):
                raise InputError(
                    f"{first} and {second} cannot be exchanged: {found} (row {row}) descends from "
                    f"{name} but does not begin with its name. Rename it first."
                )
    named = [tuple(r for r in rows if lineage.name[r]) for rows in (a, b)]
    return SwapDaughters(first, second, *named)


def _with_what_depends(
    lineage: Lineage, action: Action, rows: Sequence[int], *, label: str
) -> Action:
    """Return the action with what stands beside the names of these rows."""
    named = action.apply(lineage).name[list(rows)].tolist()
    fills = []
    for column in _beside_names(lineage):
        old = tuple(plain(v) for v in lineage.extra[column][list(rows)])
        fills.append(
            Fill(column, tuple(rows), old, tuple(_beside(lineage, column, n) for n in named))
        )
    return Group((action, *fills), label=label) if fills else action


def _beside_names(lineage: Lineage) -> Sequence[str]:
    """Return the columns of ``lineage name``; where one is missing, at most a confidence is one."""
    is_named = all(c in lineage.extra for c in _OF_NAMING)
    return _OF_NAMING if is_named else [c for c in ("confidence",) if c in lineage.extra]


def _beside(lineage: Lineage, column: str, name: str) -> Plain:
    """Return what stands in a column beside a name that a person gave, or in a row added."""
    follows: dict[str, Plain] = {"compact": name[:3], "abstained": int(not name)}
    if column in follows and column in _beside_names(lineage):
        return follows[column]
    return math.nan if lineage.extra[column].dtype.kind == "f" else None


def _relink(lineage: Lineage, words: Sequence[str]) -> Action:
    which, parent = _take(words, 2)
    row = select(lineage, which).one
    new = -1 if parent == "none" else select(lineage, parent).one
    return Relink(row, int(lineage.parent[row]), new)


def _split(lineage: Lineage, words: Sequence[str]) -> Action:
    row = select(lineage, _take(words, 1)[0]).one
    parent = int(lineage.parent[row])
    if parent < 0:
        raise InputError(f"{words[0]} is the first of its track already; there is nothing to cut.")
    return Split(row, parent)


def _join(lineage: Lineage, words: Sequence[str]) -> Action:
    parent, row = (select(lineage, w).one for w in _take(words, 2))
    if lineage.parent[row] >= 0:
        raise InputError(
            f"{words[1]} is linked to row {lineage.parent[row]} already. Use relink to change that."
        )
    return Join(row, parent)


def _move(lineage: Lineage, words: Sequence[str]) -> Action:
    if len(words) < 2:
        raise _WordsError
    row = select(lineage, words[0]).one
    values = _values(words[1:])
    z, y, x = (float(v) for v in lineage.position[row])
    old = (z, y, x, float(lineage.radius_px[row]))
    new = tuple(values.get(k, v) for k, v in zip(("z", "y", "x", "radius"), old, strict=True))
    return Move(row, old, (new[0], new[1], new[2], new[3]))


def _add(lineage: Lineage, words: Sequence[str]) -> Action:
    parent = -1
    if len(words) > 2 and words[-2] == "from":
        parent = select(lineage, words[-1]).one
        words = words[:-2]
    if len(words) < 4:
        raise _WordsError
    name, at, frame = words[0].rpartition("@")
    values = _values(words[1:])
    if not at or not frame.lstrip("-").isdigit() or not {"z", "y", "x"} <= set(values):
        raise _WordsError
    if name and np.any((lineage.name == name) & (lineage.frame == int(frame))):
        raise InputError(f"{words[0]} exists already. Use move to put it elsewhere.")
    spot = Spot(
        frame=int(frame),
        position=(values["z"], values["y"], values["x"]),
        parent=parent,
        name=name,
        radius_px=values.get("radius", math.nan),
        extra=tuple((c, _beside(lineage, c, name)) for c in lineage.extra),
    )
    return Add(len(lineage), spot)


def _accept(lineage: Lineage, words: Sequence[str]) -> Action:
    row = select(lineage, _take(words, 1)[0]).one
    scores = [c for c in _SCORES if c in lineage.extra]
    if not scores:
        raise InputError(
            f"{words[0]} cannot be accepted: this table holds no chances of links and divisions "
            f"({', '.join(_SCORES)}), as `predict lineage` and `lineage link` write them."
        )
    values = dict(spot_at(lineage, row).extra)
    fills = (Fill(c, (row,), (values[c],), (1.0,)) for c in scores)
    return Group(tuple(fills), label=f"accept {words[0]}")


def _remove(lineage: Lineage, words: Sequence[str]) -> Action:
    """Link what follows across the gap, then take the rows out, last row first."""
    rows = select(lineage, _take(words, 1)[0]).rows
    actions: list[Action] = []
    for row in rows[::-1]:
        for child in np.flatnonzero(lineage.parent == row):
            link = Relink(int(child), row, int(lineage.parent[row]))
            actions.append(link)
            lineage = link.apply(lineage)
    for row in sorted(rows, reverse=True):
        take = Remove(row, spot_at(lineage, row))
        actions.append(take)
        lineage = take.apply(lineage)
    return Group(tuple(actions), label=f"remove {words[0]}")


def _values(words: Sequence[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for word in words:
        key, equals, number = word.partition("=")
        try:
            values[key] = float(number)
        except ValueError:
            raise _WordsError from None
        if not equals or key not in ("z", "y", "x", "radius") or not math.isfinite(values[key]):
            raise _WordsError
    return values


_VERBS: dict[str, tuple[str, Callable[[Lineage, Sequence[str]], Action]]] = {
    "rename": ("rename ABal@12- ABar", _rename),
    "swap": ("swap ABala ABalp", _swap),
    "exchange": ("exchange ABala ABalp @40", _exchange),
    "relink": ("relink ABar@12 ABala@11 (or none)", _relink),
    "split": ("split ABala@40", _split),
    "join": ("join ABala@39 ABalx@40", _join),
    "move": ("move ABala@40 z=12 y=200 x=310", _move),
    "add": ("add ABala@41 z=12 y=201 x=310 radius=18 from ABala@40", _add),
    "accept": ("accept ABala@40", _accept),
    "remove": ("remove ABala@40-44", _remove),
}
