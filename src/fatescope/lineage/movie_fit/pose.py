"""From places and frames of a table to those of a movie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.exclusion import without_rows

if TYPE_CHECKING:
    from fatescope.base import Lineage
    from fatescope.base.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a table is laid on a movie.

    Parameters
    ----------
    transposed : bool
        Rows and columns change places, first of all.
    flip_y, flip_x : bool
    scale : float
        Pixels of the movie for one of the table.
    shift_px : tuple of 2 floats
        Added last, in pixels of the movie: y, x.
    offset : float
        Frame of the movie at frame 0 of the table (time 1 of EPIC).
    rate : float
        Frames of the movie for one of the table.
    """

    transposed: bool = False
    flip_y: bool = False
    flip_x: bool = False
    scale: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.0
    rate: float = 1.0

    @property
    def matrix(self) -> FloatArray:
        """Return what places (y, x) are multiplied by, (2, 2), without the scale."""
        signs = np.diag([-1.0 if self.flip_y else 1.0, -1.0 if self.flip_x else 1.0])
        return np.asarray(signs[:, ::-1] if self.transposed else signs)

    @property
    def is_plain(self) -> bool:
        """Return whether only frames may differ: no flip, and size and place as they stand."""
        turned = self.transposed or self.flip_y or self.flip_x
        moved = max(abs(v) for v in self.shift_px) > 8
        return not turned and abs(self.scale - 1) < 0.03 and not moved

    @property
    def frames_in_words(self) -> str:
        """Return how frames follow from the time of an EPIC table, which counts from 1."""
        shift = self.offset - self.rate
        times = "time" if self.rate == 1 else f"{self.rate:.3g} x time"
        return f"frame = {times} {'-' if shift < 0 else '+'} {abs(shift):.3g}"

    @property
    def turn_in_words(self) -> str:
        """Return orientation, size and place in words."""
        words = [
            "with x and y exchanged" if self.transposed else "",
            "with y mirrored" if self.flip_y else "",
            "with x mirrored" if self.flip_x else "",
            f"at {self.scale:.3g} pixels of the movie for one of the table"
            if abs(self.scale - 1) >= 0.03
            else "",
        ]
        said = [w for w in words if w] or ["as it stands"]
        y, x = self.shift_px
        turned = self.transposed or self.flip_y or self.flip_x
        if not turned and max(abs(y), abs(x)) > 8:
            said.append(f"moved by {y:.0f} px in y and {x:.0f} px in x")
        return ", ".join(said)

    def places(self, yx: FloatArray) -> FloatArray:
        """Return places (n, 2) of the table in pixels of the movie."""
        return np.asarray(yx @ (self.scale * self.matrix).T + np.array(self.shift_px))

    def frames(self, frame: IntArray) -> IntArray:
        """Return frames of the table as the nearest ones of the movie."""
        return np.asarray(np.rint(self.offset + self.rate * np.asarray(frame)), dtype=np.int64)

    def apply(self, lineage: Lineage, *, n_frames: int) -> Lineage:
        """Return the table on the frames and pixels of the movie; rows outside it are left out.

        Where the movie has fewer frames than the table, the first of the rows that fall on one
        frame is kept.
        """
        frame = self.frames(lineage.frame)
        kept = (frame >= 0) & (frame < n_frames)
        if self.rate < 1:
            order = np.argsort(-lineage.frame, kind="stable")
            first = dict(zip(frame[order].tolist(), lineage.frame[order].tolist(), strict=True))
            kept &= lineage.frame == np.array([first[f] for f in frame.tolist()])
        lineage = without_rows(replace(lineage, parent=_kept_ancestor(lineage, kept)), ~kept)
        position = lineage.position.copy()
        position[:, 1:] = self.places(position[:, 1:])
        return replace(
            lineage,
            frame=self.frames(lineage.frame),
            position=position,
            radius_px=lineage.radius_px * self.scale,
        )


def _kept_ancestor(lineage: Lineage, kept: BoolArray) -> IntArray:
    """Return for each row the nearest row before it, along its links, that is kept; -1 for none."""
    parent = lineage.parent.copy()
    while (gone := (parent >= 0) & ~kept[np.maximum(parent, 0)]).any():
        parent[gone] = lineage.parent[parent[gone]]
    return parent
