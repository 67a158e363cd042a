"""Whether pixels are labels of instances or brightness, by how each value lies in the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import FatescopeError, Finding, InputError, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Image

LEAST_RUN_PX = 2.0
"""Mean length of a run of one value: shorter ones are noise or single pixels."""
MOST_RUNS = 1.7
"""Runs of a value in a row or column that has it, on average: an object has about one."""
_MOST_DECODED = 300_000_000
"""Bytes that are decoded at once, at most, only to tell what an image is."""
_WINDOW_PX = 1024
_FEW_VALUES = 8
"""A class map or mask has so few values at most; no image that we measured has (record 0220)."""


def looks_like_labels(pixels: NDArray[Any]) -> bool:
    """Say whether whole numbers are labels: each value lies in one piece of several pixels.

    Parameters
    ----------
    pixels : ndarray of int, shape (..., Y, X)
        Zero is background. Without any other value the answer is no.

    Notes
    -----
    Rows and columns are read as runs of one value. A label has long runs, and one in each row
    that it touches; a brightness comes back again and again. Class maps and masks of many objects
    come back too, so they are no labels. Of many values the most common does not count: it may
    be the background of a negative. Limits: record 0220.

    Examples
    --------
    >>> looks_like_labels(np.repeat([[0, 1, 0, 2, 0]], 4, axis=1))
    True
    >>> looks_like_labels(np.arange(60).reshape(3, 20) % 7)
    False
    """
    both = [p.reshape(-1, p.shape[-1]) for p in (pixels, np.swapaxes(pixels, -1, -2))]
    begins = [_begins(rows) for rows in both]
    n_runs = sum(int(np.count_nonzero(b)) for b in begins)
    if n_runs == 0 or 2 * np.count_nonzero(pixels) < LEAST_RUN_PX * n_runs:
        return False
    n_values = sum(_count_values(rows, b) for rows, b in zip(both, begins, strict=True))
    return n_runs <= MOST_RUNS * n_values and _others_are_long(pixels, both, begins)


def _others_are_long(
    pixels: NDArray[Any], both: Sequence[NDArray[Any]], begins: Sequence[NDArray[np.bool_]]
) -> bool:
    """Say whether runs are long without those of the value that most pixels have; few may not."""
    values, counts = np.unique(pixels[pixels != 0], return_counts=True)
    if len(values) <= _FEW_VALUES:
        return True
    most = values[counts.argmax()]
    n_runs = sum(
        int(np.count_nonzero(b & (rows != most))) for rows, b in zip(both, begins, strict=True)
    )
    return 2 * int(counts.sum() - counts.max()) >= LEAST_RUN_PX * n_runs


def mask_findings(labels: Image) -> list[Finding]:
    """Say that a label image is a mask: one number in several pieces, in its first frame."""
    import cc3d

    plane = labels.read(T=0)
    values = np.unique(plane[plane != 0])
    if len(values) != 1:
        return []
    n = int(cc3d.connected_components(plane != 0).max())
    if n < 2:
        return []
    reason = (
        f"All {n} separate pieces have the number {int(values[0])}: this is a mask, taken as one "
        "object. Label its pieces first, for example in Fiji by Analyze Particles."
    )
    return [Finding(file=labels.name, rule="label-image", severity="warning", reason=reason)]


def refuse_brightness(labels: NDArray[Any], path: Path) -> None:
    """Raise `InputError` where an image was given for a label image."""
    if np.unique(labels).size > _FEW_VALUES and not looks_like_labels(labels):
        raise InputError(
            f"{escape(path)}: looks like an image, not like labels: its values come back all over "
            "it, or change from pixel to pixel. Give the label image that belongs to it."
        )


def shows_labels(image: Image) -> bool:
    """Say whether an image is a label image: whole numbers, background, and `looks_like_labels`.

    The middle plane is read, or another one where that is empty; of a large plane its middle, or
    the whole where that is empty. An image that cannot be read is none, nor one of which a part
    can only be had by decoding `_MOST_DECODED` bytes and more: by its name it may still be.
    """
    if image.dtype.kind not in "ui" or ("C" in image.axes and image.size("C") > 1):
        return False
    if getattr(image.pixels, "at_once", 0) >= _MOST_DECODED:
        return False
    try:
        plane = next((p for p in _some_planes(image) if p.any()), None)
    except (FatescopeError, OSError):
        return False
    return plane is not None and bool((plane == 0).any()) and looks_like_labels(plane)


def _some_planes(image: Image) -> Iterator[NDArray[Any]]:
    window = {a: _middle(image.size(a)) for a in "YX"}
    planes = [{a: image.size(a) * k // 4 for a in image.axes if a in "TZ"} for k in (2, 1, 3)]
    for at in planes[: 3 if planes[0] else 1]:
        yield image.read(**at, **window)
    yield image.read(**planes[0])


def _middle(length: int) -> slice:
    first = max(0, (length - _WINDOW_PX) // 2)
    return slice(first, min(first + _WINDOW_PX, length))


def _begins(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a run of one value begins, background left out."""
    begins = np.asarray(rows != 0)
    begins[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    return begins


def _count_values(rows: NDArray[Any], begins: NDArray[np.bool_]) -> int:
    """Count the values of each row, and add them up."""
    row, column = np.nonzero(begins)
    value = rows[row, column]
    order = np.lexsort((value, row))
    row, value = row[order], value[order]
    return 1 + int(np.count_nonzero((row[1:] != row[:-1]) | (value[1:] != value[:-1])))
