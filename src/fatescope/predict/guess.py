"""A first guess of the size of nuclei, without the network: how deep bright areas are.

Twice the radius of discs, from the distance of each bright pixel to the nearest dark one: over a
disc, the mean square of that distance over its mean is half of the radius. Clusters count by
their necks, specks hardly at all. A guess is never believed; it says where to look first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.classical import smoothed
from fatescope.predict.looks import window
from fatescope.predict.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.predict.looks import SamplePlane

_SIDE_PX = 512


def guess_diameter(samples: Sequence[SamplePlane], stretch: tuple[float, float]) -> float | None:
    """Return a diameter in input pixels, or ``None`` where nothing is bright.

    Parameters
    ----------
    samples : sequence of SamplePlane
    stretch : tuple of float
        Factors that make pixels square.
    """
    import edt

    depth, square = 0.0, 0.0
    for sample in samples:
        values = smoothed(
            normalise(window(sample.pixels, stretch, _SIDE_PX), sample.statistics), times=2
        )
        bright = (values > sample.threshold).astype(np.uint8)
        distance = edt.edt(bright, anisotropy=stretch, black_border=False, parallel=1)
        depth += float(distance.sum(dtype=np.float64))
        square += float(np.square(distance, dtype=np.float64).sum())
    return 4 * square / depth if depth > 0 and np.isfinite(square) else None
