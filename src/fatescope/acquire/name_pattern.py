"""Names with placeholders, such as ``{well}_{field}.tif``, matched in time linear in their length.

A user's text is never made into a regular expression: six placeholders in a row and a name that
fits none of them took minutes. Here the places from which the rest of a pattern fits are found from
the right, all at once, as the bits of a whole number; then the name is read from the left, and no
step is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "digits", "any"]
"""One character or more without a slash, digits alone, or any characters without a slash, none."""
_DIGITS = re.compile(r"\d+")
_PLACEHOLDER = re.compile(r"(\{[a-z_]+\}|\*)")


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern in its parts.

    Parameters
    ----------
    literals : tuple of str
        What stands before, between and behind the placeholders: one more than there are of them.
    names : tuple of str
    kinds : tuple of str
    greedy : bool
        Whether text takes as much as it can, from the left; digits always do.
    """

    literals: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    greedy: bool = False

    @classmethod
    def of(
        cls, pattern: str, kinds: Mapping[str, Kind], *, greedy: bool = False, only: bool = False
    ) -> NamePattern:
        """Take a pattern apart.

        Parameters
        ----------
        pattern : str
        kinds : dict of str to str
            By placeholder; of another one it is text. ``*`` is one where it is named here.
        greedy : bool
        only : bool
            Whether a placeholder that ``kinds`` does not name is no placeholder.
        """
        literals, names = [""], []
        for part in _PLACEHOLDER.split(pattern):
            name = part[1:-1] if len(part) > 2 and _PLACEHOLDER.fullmatch(part) else part
            known = name in kinds and (name != part or name == "*")
            if known or (name != part and not only):
                names.append(name)
                literals.append("")
            else:
                literals[-1] += part
        return cls(
            tuple(literals), tuple(names), tuple(kinds.get(n, "text") for n in names), greedy
        )

    def read(self, name: str) -> dict[str, str] | None:
        """Return what each placeholder stands for in a name, or ``None`` where it does not fit.

        Examples
        --------
        >>> NamePattern.of("{well}_{frame}.tif", {"frame": "digits"}).read("B02_s1_007.tif")
        {'well': 'B02_s1', 'frame': '007'}
        """
        first, last = self.literals[0], self.literals[-1]
        if not (name.startswith(first) and name.endswith(last)):
            return None
        ends, able = [], 1 << (len(name) - len(last))
        for kind, literal in zip(reversed(self.kinds), reversed(self.literals[:-1]), strict=True):
            ends.append(able)
            starts = _starts(name, able, kind)
            able = _before(name, literal, starts)
        if not self.names or not able & 1:
            return {} if not self.names and name == first else None
        values: dict[str, str] = {}
        at = len(first)
        for i, places in enumerate(reversed(ends)):
            end = self._end(name, at, places, self.kinds[i])
            values[self.names[i]] = name[at:end]
            at = end + len(self.literals[i + 1])
        return values

    def _end(self, name: str, at: int, ends: int, kind: Kind) -> int:
        """Return where a placeholder that begins at ``at`` ends."""
        run = _run(name, at, kind)
        behind = at if kind == "any" else at + 1
        able = ends >> behind << behind & (2 << run) - 1
        if kind == "text" and not self.greedy:
            return (able & -able).bit_length() - 1
        return able.bit_length() - 1


def _run(name: str, at: int, kind: Kind) -> int:
    """Return the farthest place to which a placeholder that begins at ``at`` can reach."""
    if kind == "digits":
        match = _DIGITS.match(name, at)
        return match.end() if match else at
    slash = name.find("/", at)
    return len(name) if slash < 0 else slash


def _starts(name: str, ends: int, kind: Kind) -> int:
    """Return the places at which a placeholder may begin that may end at ``ends``."""
    starts = 0
    for first, stop in _runs(name, kind):
        able = ends & (2 << stop) - 1
        last = able.bit_length() - (0 if kind == "any" else 1)
        if last > first:
            starts |= (1 << last) - (1 << first)
    return starts


def _runs(name: str, kind: Kind) -> Sequence[tuple[int, int]]:
    if kind == "digits":
        return [m.span() for m in _DIGITS.finditer(name)]
    slashes = [i for i, c in enumerate(name) if c == "/"]
    return list(zip([0, *(i + 1 for i in slashes)], [*slashes, len(name)], strict=True))


def _before(name: str, literal: str, starts: int) -> int:
    """Return the places at which a literal begins that ends where the rest fits."""
    if not literal:
        return starts
    found, at = 0, name.find(literal)
    while at >= 0:
        found |= (starts >> (at + len(literal)) & 1) << at
        at = name.find(literal, at + 1)
    return found
