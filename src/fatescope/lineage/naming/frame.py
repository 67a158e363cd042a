"""Name one frame of unknown time and pose: a cloud of nuclei against the atlas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.naming.confidence import doubtful_cost, frame_certainty
from fatescope.lineage.naming.frame_fit import AGAIN, FINE, FrameFit, fit_frame
from fatescope.lineage.naming.starts import FramePose, find_poses, poses_around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

_N_POSES = 5  # fitted
_N_AROUND = 2  # beside the best, in each round
_ROUNDS = 2
_N_FINISHED = 3
_LATER = (1.7, 1.4, 1.2, 1.0, 1.0)  # tolerances of `fit_frame` at another time
_BESIDE = (1.4, 1.2, 1.0, 1.0)  # and from a pose beside the best
_SHIFTS_MIN = (-6.0, -3.0, 3.0, 6.0)  # times were 5 to 10 minutes off, poses few degrees
_LEAST_GAIN = 0.005  # for each nucleus; else no further round
"""The search of record 0160, measured there as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFrame:
    """Names of the nuclei of one frame.

    ``minute`` is the time in the atlas; ``cost`` the mean negative log-likelihood of a nucleus.
    """

    name: IntArray
    second: IntArray
    confidence: FloatArray
    minute: float
    matrix: FloatArray
    cost: float
    reasons: list[str] = field(default_factory=list)


def name_frame(atlas: Atlas, *, xyz_um: FloatArray) -> NamedFrame:
    """Name the nuclei of one frame.

    The number of nuclei gives a first time. The best of many poses are fitted with assignment of
    all nuclei at once; from the best of them, other times and poses nearby are tried until none is
    better; the three best are finished so that no cell occurs beside its mother. Poses and times
    are compared by the likelihood of the whole frame, missing nuclei included.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (n, 3)
    """
    return _result(find_hypotheses(atlas, xyz_um))


def find_hypotheses(atlas: Atlas, xyz_um: FloatArray) -> list[FrameFit]:
    """Return finished fits of the frame, the best first."""
    minutes, curve = atlas.count_curve
    minute = float(np.interp(np.log(len(xyz_um)), np.log(curve), minutes))

    def fit(at: float, pose: FramePose | FrameFit, tolerances: tuple[float, ...]) -> FrameFit:
        return fit_frame(
            atlas,
            xyz_um=xyz_um,
            minute=at,
            matrix=pose.matrix,
            shift=pose.shift,
            tolerances=tolerances,
        )

    tried = [fit(minute, p, FINE) for p in find_poses(atlas, xyz_um, minute, most=_N_POSES)]
    best = min(tried, key=_cost)
    for _ in range(_ROUNDS):
        here = FramePose(best.total, best.matrix, best.shift)
        near = poses_around(atlas, xyz_um, best.minute, here, most=_N_AROUND)
        tried += [fit(best.minute, p, _BESIDE) for p in near]
        tried += [fit(best.minute + s, best, _LATER) for s in _SHIFTS_MIN]
        before, best = best, min(tried, key=_cost)
        if best.total > before.total - _LEAST_GAIN:
            break
    chosen = _different(sorted(tried, key=_cost), _N_FINISHED)
    finished = [
        fit_frame(
            atlas,
            xyz_um=xyz_um,
            minute=f.minute,
            matrix=f.matrix,
            shift=f.shift,
            tolerances=AGAIN,
            exact=True,
        )
        for f in chosen
    ]
    return sorted(finished, key=_cost)


def _cost(fit: FrameFit) -> float:
    return fit.total


def _different(fits: Sequence[FrameFit], most: int) -> list[FrameFit]:
    """Return the first fits that do not give the same names."""
    kept: list[FrameFit] = []
    for fit in fits:
        names = fit.names()
        if all(np.mean(names == k.names()) < 0.98 for k in kept):
            kept.append(fit)
        if len(kept) == most:
            break
    return kept


def _result(fits: Sequence[FrameFit]) -> NamedFrame:
    best = fits[0]
    sure = frame_certainty(fits)
    reasons = []
    limit = doubtful_cost(len(best.cost))
    if best.total > limit:
        reasons.append(
            f"the whole alignment is doubtful: the frame fits the atlas at {best.total:.2f} per "
            f"nucleus (limit {limit:.2f})"
        )
    return NamedFrame(
        name=best.names(),
        second=sure.second,
        confidence=sure.confidence,
        minute=best.minute,
        matrix=best.matrix,
        cost=best.total,
        reasons=reasons,
    )
