"""What can be done to a lineage, each as a small value that knows its inverse.

An action carries the old values beside the new ones. So its inverse needs nothing but itself,
and applying it to a lineage that has changed in between is refused instead of overwriting.
Rows are counted from 0 in the lineage as it is when the action is applied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from fatescope.base.errors import InputError
from fatescope.lineage.editing.rows import Plain, Spot, delete_spot, insert_spot, plain, spot_at

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage


@runtime_checkable
class Action(Protocol):
    """Something that turns a lineage into another one, and can be turned back."""

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the changed lineage; the given one stays as it is."""

    def inverse(self) -> Action:
        """Return the action that leads back."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Give rows another name: ``old`` and ``new`` hold one name for each row."""

    rows: tuple[int, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with the new names."""
        name = lineage.name.copy()
        for row, old, new in zip(self.rows, self.old, self.new, strict=True):
            _check_row(lineage, row)
            _check_same(row, "name", str(name[row]), old)
            name[row] = new
        return replace(lineage, name=name)

    def inverse(self) -> Rename:
        """Return the renaming back."""
        return Rename(self.rows, self.new, self.old)


@dataclass(frozen=True, slots=True)
class Relink:
    """Say that ``row`` came from row ``new`` and not from row ``old`` (-1: from none)."""

    row: int
    old: int
    new: int

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with the new link."""
        _check_row(lineage, self.row)
        _check_same(self.row, "parent", int(lineage.parent[self.row]), self.old)
        if self.new >= 0:
            _check_row(lineage, self.new)
            if lineage.frame[self.new] >= lineage.frame[self.row]:
                raise InputError(
                    f"row {self.row} (frame {lineage.frame[self.row]}) cannot come from row "
                    f"{self.new} (frame {lineage.frame[self.new]}): a parent lies in an earlier "
                    "frame."
                )
        parent = lineage.parent.copy()
        parent[self.row] = self.new
        return replace(lineage, parent=parent)

    def inverse(self) -> Relink:
        """Return the link back."""
        return Relink(self.row, self.new, self.old)


@dataclass(frozen=True, slots=True)
class Split:
    """Cut the track before ``row``, which was linked to ``parent``."""

    row: int
    parent: int

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage without that link."""
        return Relink(self.row, self.parent, -1).apply(lineage)

    def inverse(self) -> Join:
        """Return the joining."""
        return Join(self.row, self.parent)


@dataclass(frozen=True, slots=True)
class Join:
    """Let ``row``, which came from nowhere, continue (or divide) the track of ``parent``."""

    row: int
    parent: int

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with that link."""
        return Relink(self.row, -1, self.parent).apply(lineage)

    def inverse(self) -> Split:
        """Return the cut."""
        return Split(self.row, self.parent)


@dataclass(frozen=True, slots=True)
class Add:
    """Insert a spot as row ``row``; later rows move down by one.

    The spot's ``parent`` is counted in the lineage that holds the spot, before and after.
    """

    row: int
    spot: Spot

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with one row more."""
        return insert_spot(lineage, self.row, self.spot)

    def inverse(self) -> Remove:
        """Return the removal."""
        return Remove(self.row, self.spot)


@dataclass(frozen=True, slots=True)
class Remove:
    """Take out row ``row``, which holds ``spot`` and to which no row is linked."""

    row: int
    spot: Spot

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with one row less."""
        _check_row(lineage, self.row)
        found = spot_at(lineage, self.row)
        # repr: NaN equals NaN there, and 0.0 differs from -0.0.
        _check_same(self.row, "spot", repr(found), repr(self.spot))
        linked = np.flatnonzero(lineage.parent == self.row)
        if len(linked):
            raise InputError(
                f"row {self.row} cannot be removed: row {linked[0]} is linked to it. Relink first."
            )
        return delete_spot(lineage, self.row)

    def inverse(self) -> Add:
        """Return the insertion."""
        return Add(self.row, self.spot)


@dataclass(frozen=True, slots=True)
class Move:
    """Put the spot of ``row`` elsewhere: z, y, x in planes and pixels, and its radius."""

    row: int
    old: tuple[float, float, float, float]
    new: tuple[float, float, float, float]

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with the spot at its new place."""
        _check_row(lineage, self.row)
        found = (*map(float, lineage.position[self.row]), float(lineage.radius_px[self.row]))
        _check_same(self.row, "position", repr(found), repr(self.old))
        position, radius = lineage.position.copy(), lineage.radius_px.copy()
        position[self.row], radius[self.row] = self.new[:3], self.new[3]
        return replace(lineage, position=position, radius_px=radius)

    def inverse(self) -> Move:
        """Return the move back."""
        return Move(self.row, self.new, self.old)


@dataclass(frozen=True, slots=True)
class Fill:
    """Write other values into a column beside the fixed ones: one old, one new for each row."""

    column: str
    rows: tuple[int, ...]
    old: tuple[Plain, ...]
    new: tuple[Plain, ...]

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with the new values."""
        values = lineage.extra[self.column].copy()
        for row, old, new in zip(self.rows, self.old, self.new, strict=True):
            _check_row(lineage, row)
            found = plain(values[row])
            _check_same(row, self.column, repr(found), repr(old))  # NaN equals NaN there
            values[row] = new
        return replace(lineage, extra=lineage.extra.with_columns({self.column: values}))

    def inverse(self) -> Fill:
        """Return the values back."""
        return Fill(self.column, self.rows, self.new, self.old)


@dataclass(frozen=True, slots=True)
class SwapDaughters:
    """Exchange the names of two sisters and of all that descends from them.

    ``rows_first`` hold names that begin with ``first``, ``rows_second`` names that begin with
    ``second``; after the action it is the other way round.
    """

    first: str
    second: str
    rows_first: tuple[int, ...]
    rows_second: tuple[int, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """Those of both."""
        return *self.rows_first, *self.rows_second

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage with the two names exchanged, from the sisters down."""
        name = lineage.name.copy()
        for rows, old, new in (
            (self.rows_first, self.first, self.second),
            (self.rows_second, self.second, self.first),
        ):
            for row in rows:
                _check_row(lineage, row)
                if not str(name[row]).startswith(old):
                    _check_same(row, "name", str(name[row]), f"{old}...")
                name[row] = new + str(name[row])[len(old) :]
        return replace(lineage, name=name)

    def inverse(self) -> SwapDaughters:
        """Return the exchange back."""
        return SwapDaughters(self.second, self.first, self.rows_first, self.rows_second)


@dataclass(frozen=True, slots=True)
class Group:
    """Several actions that are one for the user: done, and undone, together."""

    actions: tuple[Action, ...]
    label: str = ""

    def apply(self, lineage: Lineage) -> Lineage:
        """Return the lineage after all actions, first to last."""
        for action in self.actions:
            lineage = action.apply(lineage)
        return lineage

    def inverse(self) -> Group:
        """Return the inverses, last to first."""
        return Group(tuple(a.inverse() for a in reversed(self.actions)), self.label)


def _check_row(lineage: Lineage, row: int) -> None:
    if not 0 <= row < len(lineage):
        raise InputError(f"there is no row {row} in a lineage of {len(lineage)} rows.")


def _check_same(row: int, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise InputError(
            f"the {what} of row {row} is {found}, but the action expects {expected}: the "
            "lineage has changed since the action was made. Make the action again."
        )
