"""Scores of membranes in planes: interiors by pixels, as published; walls within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, LabelImage

TOLERANCE_PX = 2.0
"""A pixel of a wall is right where a true wall lies within this: 0.36 µm in 3DMMS volumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneScores:
    """Sums over pixels, of one plane or of many: they add up."""

    shared_px: int = 0  # interior in truth and prediction
    only_found_px: int = 0
    only_true_px: int = 0
    wall_found_px: int = 0
    wall_found_right_px: int = 0
    wall_true_px: int = 0
    wall_true_found_px: int = 0

    def __add__(self, other: Self) -> MembraneScores:
        """Return the sums over both."""
        return MembraneScores(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    @property
    def iou(self) -> float:
        """Pixel IoU of interiors: the published measure. 1 where there is none on either side."""
        return _ratio(self.shared_px, self.shared_px + self.only_found_px + self.only_true_px)

    @property
    def dice(self) -> float:
        """Dice coefficient of interiors."""
        both = 2 * self.shared_px
        return _ratio(both, both + self.only_found_px + self.only_true_px)

    @property
    def precision(self) -> float:
        """Share of the interior found that is true."""
        return _ratio(self.shared_px, self.shared_px + self.only_found_px)

    @property
    def recall(self) -> float:
        """Share of the true interior that is found."""
        return _ratio(self.shared_px, self.shared_px + self.only_true_px)

    @property
    def wall_f1(self) -> float:
        """F1 of walls: the harmonic mean of how many are right and how many are found."""
        right = _ratio(self.wall_found_right_px, self.wall_found_px)
        found = _ratio(self.wall_true_found_px, self.wall_true_px)
        return 2 * right * found / (right + found) if right + found else 0.0

    def as_sums(self) -> list[int]:
        """Return the sums in the order of the fields: what `value_of_sums` takes."""
        return [getattr(self, f.name) for f in fields(self)]

    def as_row(self) -> dict[str, float]:
        """Return the five scores by name."""
        return {name: getattr(self, name) for name in MEMBRANE_SCORES}


MEMBRANE_SCORES = {
    "iou": "pixel IoU of interiors",
    "dice": "Dice of interiors",
    "precision": "precision of interiors",
    "recall": "recall of interiors",
    "wall_f1": "F1 of walls at 2 px",
}


def value_of_sums(sums: FloatArray, name: str) -> FloatArray:
    """Return a score of each row of sums, (n, 7), by its name in `MEMBRANE_SCORES`.

    The same as the properties of `MembraneScores`, for many draws of a bootstrap at once.
    """
    shared, found, true, n_found, right, n_true, back = np.asarray(sums, float).T
    if name == "wall_f1":
        precision, recall = _shares(right, n_found), _shares(back, n_true)
        both = precision + recall
        return np.where(both > 0, 2 * precision * recall / np.maximum(both, 1e-12), 0.0)
    parts = {
        "iou": (shared, shared + found + true),
        "dice": (2 * shared, 2 * shared + found + true),
        "precision": (shared, shared + found),
        "recall": (shared, shared + true),
    }
    return _shares(*parts[name])


def _shares(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.where(whole > 0, part / np.maximum(whole, 1e-12), 1.0)


def score_membranes(
    interior: NDArray[np.bool_],
    walls: NDArray[np.bool_],
    *,
    true_interior: NDArray[np.bool_],
    true_walls: NDArray[np.bool_],
    tolerance_px: float = TOLERANCE_PX,
) -> MembraneScores:
    """Score one plane.

    Parameters
    ----------
    interior, true_interior : ndarray of bool, shape (Y, X)
    walls, true_walls : ndarray of bool, shape (Y, X)
        Lines one pixel wide.
    tolerance_px : float
    """
    right, back = _near(walls, true_walls, tolerance_px), _near(true_walls, walls, tolerance_px)
    return MembraneScores(
        shared_px=int((interior & true_interior).sum()),
        only_found_px=int((interior & ~true_interior).sum()),
        only_true_px=int((true_interior & ~interior).sum()),
        wall_found_px=int(walls.sum()),
        wall_found_right_px=right,
        wall_true_px=int(true_walls.sum()),
        wall_true_found_px=back,
    )


def pool_membranes(scores: Iterable[MembraneScores]) -> MembraneScores:
    """Return the sums over planes."""
    return sum(scores, MembraneScores())


def published_interior(labels: LabelImage) -> NDArray[np.bool_]:
    """Return the interior as it was scored in 2021: all labels, eroded by 2 x 2 pixels."""
    from scipy.ndimage import binary_erosion

    return np.asarray(binary_erosion(labels > 0, np.ones((2, 2), bool)))


def borders_of(cells: LabelImage, *, inner: bool = False) -> NDArray[np.bool_]:
    """Return the pixels whose lower or right neighbour is of another cell, or of none.

    With ``inner``, only those between two cells: the outer surface is left out.
    """
    border = np.zeros(cells.shape, dtype=bool)
    for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        one, other = cells[here], cells[there]
        apart = one != other
        border[here] |= apart & (one > 0) & (other > 0) if inner else apart
    return border


def _near(lines: NDArray[np.bool_], others: NDArray[np.bool_], tolerance: float) -> int:
    """Count the pixels of lines that have one of the others within the tolerance."""
    import edt

    if not lines.any() or not others.any():
        return 0
    return int((edt.edt(np.ascontiguousarray(~others))[lines] <= tolerance).sum())


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 1.0
