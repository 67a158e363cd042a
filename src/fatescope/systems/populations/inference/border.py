"""Whether the border of the frames cuts into the embryo, so that nuclei are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray

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

    Parameters
    ----------
    levels : sequence of ndarray of float, shape (Y, X)
        Some frames all along the movie, from `level_frame`: an embryo of a few cells shows where
        its body is only later. A neighbour that does not touch it does not count.

    Returns
    -------
    float
        Length of the body on one edge of the frame, beside its length along that edge; of the
        four edges the highest.
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
