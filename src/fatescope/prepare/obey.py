"""Samples that an exclusion takes out of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import excluded_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Exclusion
    from fatescope.prepare.store import Sample


def obey_exclusions(samples: Sequence[Sample], exclusions: Sequence[Exclusion]) -> list[Sample]:
    """Return the samples without those for training and validation that are excluded.

    Test samples stay: leaving out the hard ones would make a score look better than it is. An image
    without a frame is excluded with the whole file, and with its frame 0.

    Parameters
    ----------
    samples : sequence of Sample
    exclusions : sequence of Exclusion
        With objects, they concern parts of an image, and leave its sample alone.
    """
    whole = [e for e in exclusions if not e.objects]
    nameless = np.array([""], dtype=object)

    def is_out(sample: Sample) -> bool:
        frame = np.array([sample.frame or 0])
        names = {str(sample.image), sample.image.as_posix(), str(sample.image.resolve())}
        return any(excluded_rows(whole, name, frame, nameless)[0] for name in names)

    return [s for s in samples if s.split not in ("train", "validation") or not is_out(s)]
