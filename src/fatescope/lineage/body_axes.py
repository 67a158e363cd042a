"""The axes of the embryo and its hand, from the names of its cells: for images, never for naming.

Along: C, D and the germ line lie behind the descendants of ABa. Around: ABpl lies to the left of
ABpr, and C lies above (dorsal of) MS. The three axes always form the same hand, because a mirror
image of an embryo is not an embryo.

*C. elegans* has one handedness, so the division axes of a named embryo can be laid over those of
other embryos in one hand only (record 0343).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.finding import Finding
from fatescope.base.sulston import daughter_names, is_cell_name, mother_of
from fatescope.lineage.division_axes import fit_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, FloatArray
    from fatescope.lineage.division_axes import DivisionAxes

AXES = ("anterior → posterior", "ventral → dorsal", "right → left")
_LONG_ENOUGH = 0.8  # cosine between the longest axis and the line from ABa to C, D, P4


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyAxes:
    """A rotation from the recording to the body.

    Parameters
    ----------
    rotation : ndarray of float, shape (3, 3)
        Rows: posterior, dorsal, left, as directions in (x, y, z) µm of the recording.
    centre_um : ndarray of float, shape (3,)
        Mean position (x, y, z).
    from_names : bool
        False where the names do not suffice; the axes are then those of the recording.
    """

    rotation: FloatArray
    centre_um: FloatArray
    from_names: bool

    def apply(self, position_um: FloatArray) -> FloatArray:
        """Turn positions (n, 3) in z, y, x µm into posterior, dorsal, left µm about the centre."""
        return np.asarray((position_um[:, ::-1] - self.centre_um) @ self.rotation.T)


def body_axes(lineage: Lineage) -> BodyAxes:
    """Find the body axes of a named lineage whose spacing is known.

    References
    ----------
    The 58 EPIC tables: the line from ABa to C, D and P4 agrees with the longest axis (cosine 0.97
    or more) in all but the partial ones.
    """
    xyz = lineage.position_um()[:, ::-1]
    known = np.isfinite(xyz).all(axis=1)
    centre = xyz[known].mean(axis=0) if known.any() else np.zeros(3)
    name = np.array([str(n) for n in lineage.name], dtype=str)

    def mean_of(*prefixes: str) -> FloatArray | None:
        chosen: BoolArray = known & np.logical_or.reduce(
            [np.char.startswith(name, p) for p in prefixes]
        )
        return np.asarray(xyz[chosen].mean(axis=0)) if chosen.any() else None

    front, back = mean_of("ABa"), mean_of("C", "D", "P3", "P4", "Z")
    left, right = mean_of("ABpl"), mean_of("ABpr")
    above, below = mean_of("C"), mean_of("MS")
    if front is None or back is None or left is None or right is None:
        return BodyAxes(rotation=np.eye(3), centre_um=centre, from_names=False)
    posterior = _long_axis(xyz[known] - centre, back - front)
    side = _unit(_across(left - right, posterior))
    if above is not None and below is not None:
        # dorsal x posterior points to the right-hand side of the recording's axes: turned back,
        # it is a second opinion on where left is.
        side = _unit(side + _unit(np.cross(posterior, _across(above - below, posterior))))
    dorsal = np.cross(side, posterior)
    return BodyAxes(rotation=np.stack([posterior, dorsal, side]), centre_um=centre, from_names=True)


def _long_axis(centred: FloatArray, towards: FloatArray) -> FloatArray:
    """Return the longest axis if it runs along ``towards``, else ``towards`` itself."""
    along = _unit(towards)
    longest = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    cosine = float(longest @ along)
    return longest * np.sign(cosine) if abs(cosine) >= _LONG_ENOUGH else along


def _across(vector: FloatArray, axis: FloatArray) -> FloatArray:
    return np.asarray(vector - axis * (vector @ axis))


def _unit(vector: FloatArray) -> FloatArray:
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length) if length > 0 else vector


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
