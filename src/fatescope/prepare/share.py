"""A part of the samples that stands for all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.prepare.store import Sample


def spread_share(samples: Sequence[Sample], *, share: float, seed: int) -> list[Sample]:
    """Return a share of the samples, spread over all units, frames and planes.

    Samples in the order of unit, frame and plane are cut into as many equal runs as there are to
    be chosen, and one is drawn from each: so every frame with at least ``1 / share`` planes lends
    some, and not always the same planes.

    Parameters
    ----------
    samples : sequence of Sample
    share : float
        Above 0, to 1; at least one sample is chosen.
    seed : int

    Returns
    -------
    list of Sample
        In the order of unit, frame and plane.
    """
    ordered = sorted(samples, key=_place)
    # 0.1 * 70 is a little more than 7
    n_chosen = min(len(ordered), math.ceil(round(share * len(ordered), 9)))
    edges = np.linspace(0, len(ordered), n_chosen + 1)
    drawn = edges[:-1] + np.random.default_rng(seed).random(n_chosen) * np.diff(edges)
    return [ordered[int(i)] for i in drawn]


def _place(sample: Sample) -> tuple[str, int, int, str]:
    frame, plane = (-1 if n is None else n for n in (sample.frame, sample.plane))
    return sample.unit, frame, plane, str(sample.image)
