"""Which image stands for a run: the one to show first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.systems.nuclei.page.values import ImageSummary


def typical_image(images: Sequence[ImageSummary]) -> str | None:
    """Return the key of the image whose number and size of nuclei are nearest to the medians.

    Images that failed, or hold nothing where most hold something, are never it. Of equally
    typical ones the first is taken, so the same run gives the same page.
    """
    done = [i for i in images if not i.problem]
    some = [i for i in done if i.n_objects]
    if not some:
        return done[0].key if done else None
    values = np.log([[i.n_objects / i.n_frames, i.median_size] for i in some])
    away = np.abs(values - np.median(values, axis=0))
    spread = np.median(away, axis=0)
    far = (away / np.where(spread > 0, spread, 1)).sum(axis=1)
    return some[int(far.argmin())].key
