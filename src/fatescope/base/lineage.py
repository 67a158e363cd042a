"""Nuclei through time: where each is, who its mother was, what it is called."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.spacing import Spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.base.finding import Finding
    from fatescope.base.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """One row (spot) per nucleus and frame, with a link to the row it came from.

    Positions are pixels and planes of the recording, 0-based, centres at whole numbers; frames
    are 0-based as far as the table allows (a table may hold earlier, negative ones). Arrays have
    one entry per spot, in file order.

    Parameters
    ----------
    frame : ndarray of int, shape (n,)
    position : ndarray of float, shape (n, 3)
        z, y, x.
    parent : ndarray of int, shape (n,)
        Row of the same nucleus, or of its mother, in an earlier frame; -1 where there is none.
    name : ndarray of str (object), shape (n,)
        Sulston name, or ``""`` where unnamed.
    radius_px : ndarray of float, shape (n,)
        NaN where unknown.
    spacing : Spacing
        T in minutes; Z, Y, X in µm; absent where unknown.
    extra : Table
        Columns that the file carried beside these, row by row (expression, weights).
    metadata : dict
        What is known of the whole: source, species, pose, scope; plain values.
    findings : tuple of Finding
        What was wrong with the file that it was read from, as `read_lineage` returns it.
    """

    frame: IntArray
    position: FloatArray
    parent: IntArray
    name: np.ndarray
    radius_px: FloatArray
    spacing: Spacing = field(default_factory=Spacing)
    extra: Table = field(default_factory=Table)
    metadata: dict[str, object] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.frame)
        shapes = {
            "position": (self.position.shape, (n, 3)),
            "parent": (self.parent.shape, (n,)),
            "name": (self.name.shape, (n,)),
            "radius_px": (self.radius_px.shape, (n,)),
        }
        for what, (got, wanted) in shapes.items():
            if got != wanted:
                raise InputError(f"`{what}` of a lineage of {n} spots must be {wanted}; got {got}.")
        if n and (self.parent.min() < -1 or self.parent.max() >= n):
            raise InputError("`parent` of a lineage points outside its rows.")
        linked = self.parent >= 0
        if n and (self.frame[self.parent[linked]] >= self.frame[linked]).any():
            raise InputError(
                "a parent of a lineage lies in the same or a later frame; cycles are not lineages."
            )

    def __len__(self) -> int:
        return len(self.frame)

    def reordered(self, order: IntArray) -> Lineage:
        """Return the same lineage with its rows in another order, a permutation of them."""
        new = np.empty(len(order), dtype=np.int64)
        new[order] = np.arange(len(order))
        return replace(
            self,
            frame=self.frame[order],
            position=self.position[order],
            parent=np.where(self.parent >= 0, new[self.parent], -1)[order],
            name=self.name[order],
            radius_px=self.radius_px[order],
            extra=self.extra.rows(order),
        )

    def position_um(self) -> FloatArray:
        """Return positions in µm (z, y, x); raise `InputError` where the spacing is unknown."""
        steps = self.spacing.um("ZYX")
        if steps is None:
            raise InputError(
                "the spacing of this lineage is unknown. Give it with --spacing-um Z,Y,X."
            )
        return np.asarray(self.position * np.asarray(steps), dtype=np.float64)
