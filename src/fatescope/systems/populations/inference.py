"""What a network sees of one frame of a movie, and what it says: how many cells there are.

The frame is made small and level, and the network gives the chance of each number of cells. What
the frames of a movie say together is inferred in `fatescope.lineage.growth`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage as ndi

from fatescope.base import setting
from fatescope.models.outputs import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.lineage.growth import FrameErrors

LONGER_PX = 184
"""About the longer side of a small frame: nuclei of 350 cells are then eight pixels wide."""
DIVISOR = 16
"""Rows and columns of what the network takes are multiples of this."""
_LEVEL_PERCENTILES = 25.0, 99.5
_DIMMEST = 10 / 255
"""What is called bright at least, as a share of white: noise alone is not stretched to nuclei."""


def reduction(shape: tuple[int, int]) -> int:
    """Return how many pixels along each axis become one.

    ``shape``: rows and columns of the movie.
    """
    return max(1, round(max(shape) / LONGER_PX))


def shrink_frame(plane: NDArray[np.generic], times: int) -> FloatArray:
    """Return block means, float32; rows and columns that fill no block are left out.

    ``plane`` (Y, X); ``times``: from `reduction`.
    """
    rows, columns = (n // times for n in plane.shape)
    part = plane[: rows * times, : columns * times].astype(np.float32, copy=False)
    # Along rows first: whole lines are added, which is quicker than means of small blocks.
    lines = np.add.reduce(part.reshape(rows, times, columns * times), axis=1)
    small = lines.reshape(rows, columns, times).sum(axis=2, dtype=np.float32)
    return np.asarray(small / np.float32(times * times))


def level_frame(small: FloatArray, *, white: float) -> FloatArray:
    """Return a small frame with 0 as its background and 1 as its bright nuclei, float32.

    ``small`` (Y, X): from `shrink_frame`. NaN and infinite values count as background; ``white``:
    the value that the movie shows as white; 255 for 8 bits.
    """
    values = np.nan_to_num(small.astype(np.float32), posinf=0, neginf=0)
    low, high = np.percentile(values, _LEVEL_PERCENTILES)
    span = max(float(high - low), _DIMMEST * white)
    return np.asarray(np.clip((values - low) / span, 0, 2), dtype=np.float32)


def pad_frame(level: FloatArray) -> FloatArray:
    """Return a frame with background below and on the right, up to multiples of `DIVISOR`."""
    rows, columns = (-n % DIVISOR for n in level.shape)
    return np.pad(level, ((0, rows), (0, columns)))


CUT, LOST = 0.45, 0.78
"""Of 16 whole embryos, 7 of them with a neighbour, the highest is 0.29; cut by a tenth of their
length, 63 of 64 are above. The recorded embryo is counted as well as ever where 5 or 10 % of its
length are cut off (0.74 at most), and by half too few cells where 20 % are (0.83 and more)."""
_BLUR_PX = 3.0
"""Wide enough to join the nuclei of one embryo, in small pixels."""
_BODY = 0.2
"""Of the light of its bright parts, what belongs to the body."""
_INSIDE = 1
"""Row from the edge that is looked at; the outermost may be black."""


def border_share(levels: Sequence[FloatArray]) -> float:
    """Return how much of a side of the embryo lies on the border: 0 if all of it is in the field.

    ``levels`` (Y, X): some frames all along the movie, from `level_frame`: an embryo of a few cells
    shows where its body is only later. A neighbour that does not touch it does not count.

    The result: length of the body on one edge of the frame, beside its length along that edge; of
    the four edges the highest.
    """
    if not levels:
        return 0.0
    light = ndi.gaussian_filter(np.mean(levels, axis=0), _BLUR_PX)
    parts, n = ndi.label(light > _BODY * float(np.quantile(light, 0.95)))
    if not n:
        return 0.0
    body = parts == int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    along = [int(np.count_nonzero(body.any(axis=axis))) for axis in (0, 1)]
    rows = [body[at].sum() / along[0] for at in (_INSIDE, -1 - _INSIDE)]
    columns = [body[:, at].sum() / along[1] for at in (_INSIDE, -1 - _INSIDE)]
    return float(max(*rows, *columns))


N_BINS = 91  # ten steps to each of nine doublings, and the first (record 0262)


def cells_of_bins() -> FloatArray:
    """Return the number of cells that each bin stands for: 1 to 512, even steps of its logarithm.

    A step is 7 %; the last bins are beyond what lineage tables reach.
    """
    return np.asarray(2 ** np.linspace(0, 9, N_BINS))


class CountChances(Output):
    """Logits of the numbers of cells of `cells_of_bins`, and at the end that of a neighbour."""

    kind: Literal["count-chances"] = setting("count-chances", "what is given")
    form: Literal["values"] = setting("values", "one vector for each frame")
    channels: tuple[str, ...] = setting(
        (
            *(f"cells_{c:.0f}_{i}" for i, c in enumerate(cells_of_bins())),
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

    ``logits`` (frames, bins).
    """
    away = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(away / away.sum(axis=1, keepdims=True))
