"""How the numbers that a network says of the frames of one movie err, and err together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

_LEAST_SHARE = 0.01
"""Of the variance of the strongest common error: weaker ones are counted as scatter."""
MOST_AWAY = 3.0
"""Of what a frame says it may err by: one that is further away says nothing, and costs no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameErrors:
    """Errors of the logarithm of the count, in units of what each frame says it may err by.

    Three parts: one that a movie keeps from its first frame to its last (its look), one that
    changes with the stage, and one of single frames.

    Parameters
    ----------
    steady : float
        Standard deviation of the part that a movie keeps.
    drift : float
        Of the part that changes with the stage.
    drift_range : float
        How far that part reaches, in the (natural) logarithm of the count.
    scatter : float
        Standard deviation of the part of single frames.
    memory : float
        Frames over which the last part is alike.
    trust : float
        How much the evidence of a movie counts beside what these errors alone would allow: the
        recorded embryos are others than the one in the movie.
    """

    steady: float = 0.2
    drift: float = 0.4
    drift_range: float = 0.8
    scatter: float = 0.5
    memory: float = 4.0
    trust: float = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some frames of a movie say, ready to be compared with many growth curves.

    Parameters
    ----------
    said : ndarray of float, shape (n,)
        Mean logarithm of the count, beside ``spread``.
    inverse : ndarray of float, shape (n,)
        One by what each frame says it may err by.
    common : ndarray of float, shape (n, r)
        From residuals to the strength of the errors that frames share, whitened.
    variance : float
        Of what is left in single frames.
    usual : float
        What a frame that fits as well as frames do adds to the distance.
    """

    said: FloatArray
    inverse: FloatArray
    common: FloatArray
    variance: float
    usual: float

    def away(self, expected: FloatArray) -> FloatArray:
        """Return the squared distance of the movie from each of some growth curves.

        Parameters
        ----------
        expected : ndarray of float, shape (h, n)
            Logarithm of the count in each frame; NaN where it is not known, which costs as much as
            a frame that fits as well as frames do.
        """
        rest = self.said - expected * self.inverse
        unknown = np.isnan(rest)
        rest[unknown] = 0
        nonsense = np.abs(rest) > MOST_AWAY
        rest[nonsense] = 0
        alone = np.einsum("hn,hn->h", rest, rest) + MOST_AWAY**2 * nonsense.sum(axis=1)
        shared = rest @ self.common
        usual = self.usual * unknown.sum(axis=1)
        return np.asarray(alone / self.variance - np.einsum("hr,hr->h", shared, shared) + usual)


def evidence_of(
    mean: FloatArray, spread: FloatArray, frames: IntArray, errors: FrameErrors
) -> Evidence:
    """Gather what frames say, and how they err together.

    ``mean``, ``spread`` (n,): of the natural logarithm of the count, as each frame says it;
    ``frames`` (n,): ascending.
    """
    apart = float(np.median(np.diff(frames))) if len(frames) > 1 else 1.0
    alike = np.exp(-apart / errors.memory)
    variance = errors.scatter**2 * (1 + alike) / (1 - alike)
    values, vectors = np.linalg.eigh(common_errors(rising(mean), errors))
    strong = values > _LEAST_SHARE * values[-1]
    modes = vectors[:, strong] * np.sqrt(values[strong])
    inner = np.eye(modes.shape[1]) + modes.T @ modes / variance
    common = np.linalg.solve(np.linalg.cholesky(inner), modes.T).T / variance
    return Evidence(
        said=(mean / spread).astype(np.float32),
        inverse=(1 / spread).astype(np.float32),
        common=common.astype(np.float32),
        variance=float(variance),
        usual=float(errors.scatter**2 / variance),
    )


def common_errors(stage: FloatArray, errors: FrameErrors) -> FloatArray:
    """Return the covariance of the errors that frames share, (n, n), by their stages."""
    away = (stage[:, None] - stage[None]) / errors.drift_range
    return np.asarray(errors.steady**2 + errors.drift**2 * np.exp(-0.5 * away**2))


def rising(mean: FloatArray) -> FloatArray:
    """Return numbers that never fall, half-way between the highest before and the lowest after."""
    before = np.maximum.accumulate(mean)
    after = np.minimum.accumulate(mean[::-1])[::-1]
    return np.asarray((before + after) / 2)
