"""What the network says of a frame: the chance of each number of cells, and of a neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base import setting
from fatescope.models.outputs import Output

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray

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
        0.1,
        "how much a frame counts beside an independent one: neighbours in time err alike",
        gt=0,
        le=1,
    )
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


def log_chances(logits: FloatArray, *, floor: float) -> FloatArray:
    """Return the logarithm of the chance of each bin; none is less than its share of ``floor``."""
    away = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    chance = away / away.sum(axis=1, keepdims=True)
    return np.asarray(np.log((1 - floor) * chance + floor / logits.shape[1]))
