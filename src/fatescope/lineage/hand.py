"""The hand of an embryo: whether its coordinates are those of an embryo or of a mirror image.

*C. elegans* has one handedness, so the division axes of a named embryo can be laid over those of
other embryos in one hand only (record 0343).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.finding import Finding
from fatescope.base.sulston import daughter_names, is_cell_name, mother_of
from fatescope.lineage.division_axes import fit_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray
    from fatescope.lineage.division_axes import DivisionAxes

MirrorAxis = Literal["x", "y", "z"]

MIRROR = (1.0, 1.0, -1.0)
"""Turns places x, y, z, or directions, into those of a mirror image."""
_FEWEST = 8
_CLEAR, _GOOD = 0.05, 0.7
"""What the mean cosine must gain, and reach, in the other hand. Of 42 embryos, from 8 divisions on,
the right hand gains 0.10 or more and reaches 0.81."""


def is_mirrored(axes: Mapping[str, FloatArray], reference: DivisionAxes) -> bool:
    """Say whether division axes are clearly those of a mirror image.

    Parameters
    ----------
    axes : mapping of str to ndarray, shape (3,)
        As from `division_axes`; fewer than eight that the reference has tell nothing.
    reference : DivisionAxes
    """
    stored = fit_axes(axes, reference, fewest=_FEWEST)
    turned = {mother: axis * np.array(MIRROR) for mother, axis in axes.items()}
    other = fit_axes(turned, reference, fewest=_FEWEST)
    if stored is None or other is None:
        return False
    return other.mean_cosine >= max(stored.mean_cosine + _CLEAR, _GOOD)


def birth_axes(name: np.ndarray, place: FloatArray) -> dict[str, FloatArray]:
    """Return the unit vector between sisters where they are born, by mother.

    Parameters
    ----------
    name : ndarray of str, shape (n,)
    place : ndarray of float, shape (n, 3)
        Of each cell in its first frame, in µm.
    """
    where = {str(n): p for n, p in zip(name, place, strict=True) if np.isfinite(p).all()}
    axes = {}
    for mother in {m for n in where if is_cell_name(n) and (m := mother_of(n))}:
        first, second = (where.get(d) for d in daughter_names(mother))
        if first is not None and second is not None and (second != first).any():
            axes[mother] = (second - first) / np.linalg.norm(second - first)
    return axes


def mirror_image(lineage: Lineage, axis: MirrorAxis = "z") -> Lineage:
    """Return the mirror image: one axis turned about the middle of its range over all rows.

    The range stays what it was, so planes stay planes of the movie if the table spans all of it.

    Raises
    ------
    InputError
        If no row has a position.
    """
    position, column = lineage.position.copy(), "zyx".index(axis)
    along = position[:, column]
    finite = np.isfinite(along)
    if not finite.any():
        raise InputError(f"no row has a position, so there is no {axis} to turn.")
    position[:, column] = along[finite].min() + along[finite].max() - along
    return replace(lineage, position=position)


def mirrored(file: str, used: str) -> Finding:
    """Say that only the mirror image fits, how it was ``used`` and what it may mean."""
    return Finding(
        file=file,
        rule="mirrored",
        severity="warning",
        reason=f"only the mirror image of these coordinates is a C. elegans embryo; it was {used}. "
        "Most often planes are counted from the other side, or y upwards: `fatescope lineage "
        "convert --mirror z` writes the table turned. If the coordinates are right, the embryo "
        "itself has its left and right exchanged (as after gpa-16 or chilling).",
    )
