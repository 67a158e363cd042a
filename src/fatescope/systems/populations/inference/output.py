"""What the network says of a frame: the chance of each number of cells, and of a neighbour."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base import setting
from fatescope.models.outputs import Output

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.lineage.growth import FrameErrors

N_BINS = 91
_LAST_LOG2 = 9.0


def cells_of_bins() -> FloatArray:
    """Return the number of cells that each bin stands for: 1 to 512, even steps of its logarithm.

    A step is 7 %; the last bins are beyond what lineage tables reach.
    """
    return np.asarray(2 ** np.linspace(0, _LAST_LOG2, N_BINS))


class CountChances(Output):
    """Logits of the numbers of cells of `cells_of_bins`, and at the end that of a neighbour."""

    kind: Literal["count-chances"] = setting("count-chances", "what is given")
    form: Literal["values"] = setting("values", "one vector for each frame")
    channels: tuple[str, ...] = setting(
        (
            *(f"cells_{c:.0f}_{i}" for i, c in enumerate(2 ** np.linspace(0, 9, N_BINS))),
            "neighbour",
        ),
        "what the values are, in order",
        min_length=2,
    )
    trust: float = setting(
        0.5,
        "how much the evidence of a movie counts beside what the errors of its frames allow",
        gt=0,
        le=1,
    )
    steady: float = setting(
        0.2, "error that a movie keeps, in units of what its frames say they err by", gt=0
    )
    drift: float = setting(0.4, "error that changes with the stage, in the same units", gt=0)
    drift_range: float = setting(
        0.8, "how far that error reaches, in the natural logarithm of the count", gt=0
    )
    scatter: float = setting(0.5, "error of single frames, in the same units", gt=0)
    memory: float = setting(4.0, "frames over which that error is alike", unit="frames", gt=0)
    floor: float = setting(
        0.02, "chance that a frame says nothing: no single frame rules a number out", gt=0, lt=1
    )
    neighbour: float = setting(
        0.5, "mean chance of a neighbour above which there is a finding", gt=0, lt=1
    )
    least_fit: float = setting(
        -6.0, "mean logarithm of the chance below which a movie is unlike the training data"
    )
    counts_up_to: int = setting(380, "the highest number of cells that is reported", ge=1)

    def frame_errors(self) -> FrameErrors:
        """Return how the frames of a movie err, and err together."""
        from fatescope.lineage.growth import FrameErrors

        return FrameErrors(**{f.name: getattr(self, f.name) for f in fields(FrameErrors)})


def frame_chances(logits: FloatArray) -> FloatArray:
    """Return the chance of each bin, (frames, bins); the sum of a frame is 1.

    Parameters
    ----------
    logits : ndarray of float, shape (frames, bins)
    """
    away = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(away / away.sum(axis=1, keepdims=True))
