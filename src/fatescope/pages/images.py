"""Small images for a page: windows, shrinking, encoding."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, LabelImage


_ENOUGH_PX = 2**20
"""Of a larger image every second, third, ... row and column tells how bright it is."""


def display_limits(image: NDArray[Any]) -> tuple[float, float]:
    """Return the values to show as black and as white: the 0.5 and 99.8 percentiles.

    NaN and infinity are left out; a constant image gets limits that show it grey.
    """
    step = max(1, math.isqrt(image.size // _ENOUGH_PX))
    values = np.asarray(image[(slice(None, None, step),) * image.ndim], dtype=np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, [0.5, 99.8]))
    if low == high:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def to_grey(image: NDArray[Any], *, limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return ``image`` as grey values from 0 (``limits[0]``) to 255, linear; NaN is black."""
    low, high = limits
    scaled = (np.asarray(image, dtype=np.float64) - low) * (255 / (high - low))
    finite = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.rint(np.clip(finite, 0, 255)), dtype=np.uint8)


def shrink_mean(image: NDArray[Any], *, step: int) -> FloatArray:
    """Average blocks of ``step`` x ``step`` pixels; a part block at the end counts what it has.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
    step : int

    Returns
    -------
    ndarray of float, shape (ceil(Y / step), ceil(X / step))
    """
    if step < 1:
        raise InputError(f"`step` must be 1 or more; got {step}.")
    if step == 1:
        return np.asarray(image, dtype=np.float64)
    rows, columns = (np.arange(0, n, step) for n in image.shape)
    if image.dtype.kind in "iu" and image.dtype.itemsize <= 4:  # exact in any order
        sums: NDArray[Any] = _sums_of_steps(_sums_of_steps(image, step).T, step).T
    else:
        values = np.asarray(image, dtype=np.float64)
        sums = np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1)
    heights, widths = (
        np.diff(np.append(r, n)) for r, n in zip((rows, columns), image.shape, strict=True)
    )
    return np.asarray(sums / (heights[:, None] * widths[None, :]))


def _sums_of_steps(values: NDArray[Any], step: int) -> NDArray[np.int64]:
    """Add up each ``step`` rows; of the last rows those that are there."""
    sums = values[::step].astype(np.int64)
    for k in range(1, step):
        part = values[k::step]
        sums[: len(part)] += part
    return sums


def shrink_labels(labels: LabelImage, *, step: int) -> LabelImage:
    """Take the label at the centre of each block; numbers are never mixed."""
    half = [min(step // 2, n - 1) for n in labels.shape]
    taken = labels[half[0] :: step, half[1] :: step]
    wanted = [-(-n // step) for n in labels.shape]
    missing = [(0, w - t) for w, t in zip(wanted, taken.shape, strict=True)]
    return np.pad(taken, missing, mode="edge")


def jpeg_uri(grey: NDArray[np.uint8], *, quality: int) -> str:
    """Encode a grey image as the data URI of a JPEG."""
    return "data:image/jpeg;base64," + _encoded(grey, format="JPEG", quality=quality, optimize=True)


def png_uri(image: NDArray[np.uint8]) -> str:
    """Encode a grey or RGB image as the data URI of a PNG, without loss."""
    # Noise does not compress: level 3 makes thumbnails smaller than level 9, at half the cost.
    return "data:image/png;base64," + _encoded(image, format="PNG", compress_level=3)


def _encoded(image: NDArray[np.uint8], **options: Any) -> str:
    from PIL import Image as PillowImage

    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, **options)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a grey or RGB image; folders are made, and the file appears whole or not at all."""
    from PIL import Image as PillowImage

    path.parent.mkdir(parents=True, exist_ok=True)
    with write_beside(path) as part:
        PillowImage.fromarray(image).save(part, format="PNG")


def read_side_by_side(path: Path, n: int, *, gap: int) -> list[NDArray[np.uint8]]:
    """Return the ``n`` images of one width that a PNG holds beside each other, ``gap`` px apart."""
    from PIL import Image

    with Image.open(path) as file:
        pixels = np.asarray(file.convert("RGB"))
    width = (pixels.shape[1] - (n - 1) * gap) // n
    return [pixels[:, k * (width + gap) : k * (width + gap) + width] for k in range(n)]


def read_uri(path: Path) -> tuple[str, int, int]:
    """Return a PNG file as its data URI, and its height and width."""
    data = path.read_bytes()
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii"), height, width
