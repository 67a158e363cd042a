"""Slices of membranes as they were prepared in 2020 and 2021, for the reproduction only."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import LabelImage

FIRST, LAST, OF = 9, 58, 70
"""Of 70 planes those from 9 to 57 were kept; other volumes keep the same share."""
_KERNEL_PX = 5
_QUALITY = 95
"""Ours: see `mask_of_2020`."""


def runs_of_planes(n_labels: int, n_planes: int) -> list[list[int]]:
    """Divide label planes into one run for each plane of the volume, by rounded steps of counting.

    As published: the physical position of planes is not asked for.

    Examples
    --------
    >>> runs_of_planes(5, 3)
    [[0, 1], [2], [3, 4]]
    """
    ends = [round(i * n_labels / n_planes) for i in range(n_planes + 1)]
    return [list(range(a, max(b, a + 1))) for a, b in pairwise(ends)]


def kept_planes(n_planes: int) -> range:
    """Return the planes that were kept."""
    return range(n_planes * FIRST // OF, max(n_planes * LAST // OF, n_planes * FIRST // OF + 1))


def published_rows(labels: LabelImage, n_planes: int) -> list[tuple[int, int]]:
    """Return the rows of the table of 2021: a plane of the volume, and a label plane of its run."""
    runs = runs_of_planes(len(labels), n_planes)
    return [(z, k) for z in kept_planes(n_planes) for k in runs[z] if k < len(labels)]


def image_of_2020(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey plane, shape (Y, X), as it was after JPEG."""
    from PIL import Image as PillowImage

    stream = io.BytesIO()
    PillowImage.fromarray(plane).save(stream, format="JPEG", quality=_QUALITY)
    return np.asarray(PillowImage.open(stream))


def mask_of_2020(labels: LabelImage) -> NDArray[np.uint8]:
    """Return a mask of 0 and 255 as it was after JPEG, closing and opening.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Written as 8-bit grey values into a JPEG: whatever is not 0 afterwards is foreground.

    Notes
    -----
    Ringing of JPEG fills a third of the wall pixels of 3DMMS labels; closing mends ragged edges and
    fills the walls, of which 0.5 to 4 % are left; opening widens these. The sizes of the operations
    are not stated in the notes of 2021 and are ours: squares of 5 pixels, quality 95.
    """
    from PIL import Image as PillowImage
    from scipy.ndimage import binary_closing, binary_opening

    stream = io.BytesIO()
    grey = PillowImage.fromarray((labels % 256).astype(np.uint8))
    grey.save(stream, format="JPEG", quality=_QUALITY)
    read = np.asarray(PillowImage.open(stream))
    square = np.ones((_KERNEL_PX, _KERNEL_PX), bool)
    mended = binary_opening(binary_closing(read > 0, square), square)
    return np.asarray(mended * 255, np.uint8)


def mask_of_2021(labels: LabelImage) -> NDArray[np.uint8]:
    """Return a mask of 0 and 255 from lossless labels; it is eroded after the augmentation."""
    return ((labels > 0) * 255).astype(np.uint8)


def squeezed(image: NDArray[Any], shape: int | tuple[int, int]) -> NDArray[Any]:
    """Bring an image to another size by the nearest pixel; a number is the side of a square."""
    sides = (shape, shape) if isinstance(shape, int) else shape
    rows, columns = (np.arange(m) * n // m for m, n in zip(sides, image.shape, strict=True))
    return np.ascontiguousarray(image[np.ix_(rows, columns)])
