"""How the errors of frames are estimated from whole validation movies, by maximum likelihood."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.growth import FrameErrors
from fatescope.lineage.growth.errors import MOST_AWAY, common_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray

_LEARNT = ("steady", "drift", "drift_range", "scatter", "memory")
_RANGES = ((0.05, 1.5), (0.05, 1.5), (0.3, 2.0), (0.1, 1.5), (1.0, 20.0))
"""What is believed; a few movies alike could say anything."""
_FRAMES = 70
"""Of a movie, evenly taken: the rest says little more."""
_EVALUATIONS = 300
_WHITE = 0.02
"""Share of the variance of single frames that is never alike, so that matrices can be solved."""


def fit_errors(movies: Sequence[tuple[FloatArray, FloatArray, IntArray]]) -> FrameErrors:
    """Return how the errors of frames of one movie hang together.

    ``movies``: errors of the logarithm of the count in units of what each frame says, true
    logarithms, and frame numbers; each of shape (n,).

    The result: with the most likely parts, and the default ``trust``.
    """
    from scipy.optimize import minimize

    kept = []
    for error, stage, frame in movies:
        near = np.flatnonzero(np.abs(error) <= MOST_AWAY)
        near = near[:: max(1, len(near) // _FRAMES)]
        if len(near) > 2:
            kept.append((error[near], stage[near], frame[near]))
    if not kept:
        return FrameErrors()
    low, high = np.log(np.array(_RANGES)).T

    def cost(logs: FloatArray) -> float:
        inside = np.clip(logs, low, high)
        beyond = float(((logs - inside) ** 2).sum())
        return sum(_surprise(*m, _errors(inside)) for m in kept) + 100 * beyond

    first = np.log([getattr(FrameErrors(), name) for name in _LEARNT])
    found = minimize(
        cost,
        first,
        method="Nelder-Mead",
        options={"maxfev": _EVALUATIONS, "fatol": 0.3, "xatol": 0.02},
    )
    return _errors(np.clip(found.x, low, high))


def _errors(logs: FloatArray) -> FrameErrors:
    said = dict(zip(_LEARNT, np.round(np.exp(logs), 3).tolist(), strict=True))
    return replace(FrameErrors(), **said)


def _surprise(error: FloatArray, stage: FloatArray, frame: IntArray, errors: FrameErrors) -> float:
    """Return minus the logarithm of the likelihood of the errors of one movie."""
    from scipy.linalg import cho_factor, cho_solve

    apart = np.abs(frame[:, None] - frame[None])
    single = np.exp(-apart / errors.memory) + _WHITE * np.eye(len(frame))
    factor = cho_factor(common_errors(stage, errors) + errors.scatter**2 * single, lower=True)
    size = 2 * float(np.log(np.diag(factor[0])).sum())
    return 0.5 * (size + float(error @ cho_solve(factor, error)))
