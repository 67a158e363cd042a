"""The axes of the embryo, from the names of its cells: for images, never for naming.

Along: C, D and the germ line lie behind the descendants of ABa. Around: ABpl lies to the left of
ABpr, and C lies above (dorsal of) MS. The three axes always form the same hand, because a mirror
image of an embryo is not an embryo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, FloatArray

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
