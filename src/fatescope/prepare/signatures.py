"""What the leak audit keeps of an image: a few kilobytes, whatever the image's size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray

THUMB_PX = 32  # and twice that (record 0034)
WINDOW_PX = 8  # record 0034
_ANCHOR_SHARE = 64  # of so many windows about one is kept
_MOST_ANCHORS = 2000  # of an image, of 24 bytes each


@dataclass(frozen=True, slots=True)
class Signature:
    """One image, as far as leaks are concerned."""

    digest: bytes
    shape: tuple[int, int]
    coarse: FloatArray  # (THUMB_PX ** 2,), unit length, no coarse brightness
    fine: FloatArray  # (4 * THUMB_PX ** 2,)
    borders: tuple[FloatArray, FloatArray, FloatArray, FloatArray]  # first, last row; column
    anchors: NDArray[np.uint64]  # (n, 3): hash of a window, row, column


def sign_image(plane: NDArray[Any]) -> Signature:
    """Reduce an image, shape (Y, X), any real dtype, to its signature."""
    exact = np.ascontiguousarray(plane)
    lines = plane[0], plane[-1], plane[:, 0], plane[:, -1]
    first_row, last_row, first_column, last_column = (_profile(line) for line in lines)
    return Signature(
        digest=hashlib.sha256(f"{exact.shape}{exact.dtype}".encode() + exact.tobytes()).digest(),
        shape=(plane.shape[0], plane.shape[1]),
        coarse=_thumbnail(plane, THUMB_PX),
        fine=_thumbnail(plane, 2 * THUMB_PX),
        borders=(first_row, last_row, first_column, last_column),
        anchors=_anchors(plane),
    )


def unit_vector(values: FloatArray) -> FloatArray:
    """Return values less their mean, scaled to length 1; zeros where they do not vary."""
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length > 1e-9 else np.zeros_like(centred))


def poses(thumb: FloatArray) -> list[FloatArray]:
    """Return the eight turns and mirror images of a square thumbnail, flat, in a fixed order."""
    side = round(len(thumb) ** 0.5)
    rotated = [np.rot90(thumb.reshape(side, side), k) for k in range(4)]
    return [p.ravel() for t in rotated for p in (t, t[:, ::-1])]


def _thumbnail(plane: NDArray[Any], side: int) -> FloatArray:
    """Return means of ``side`` x ``side`` parts, without what is coarser than a quarter."""
    from scipy import ndimage as ndi

    rows, columns = (np.linspace(0, n, side + 1).astype(int) for n in plane.shape)
    counts = np.maximum(np.diff(rows), 1)[:, None] * np.maximum(np.diff(columns), 1)
    sums = np.add.reduceat(
        np.add.reduceat(plane.astype(np.float64), np.minimum(rows[:-1], plane.shape[0] - 1), 0),
        np.minimum(columns[:-1], plane.shape[1] - 1),
        1,
    )
    thumb = _compressed(sums / counts)
    return unit_vector((thumb - ndi.gaussian_filter(thumb, side / 4)).ravel())


def _profile(line: NDArray[Any]) -> FloatArray:
    from scipy import ndimage as ndi

    values = _compressed(line.astype(np.float64))
    return unit_vector(values - ndi.gaussian_filter1d(values, 20, mode="nearest"))


def _compressed(values: FloatArray) -> FloatArray:
    """Return square roots, so that one bright nucleus does not outweigh all the others."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(np.sqrt(np.clip(finite, 0, None)))


def _anchors(plane: NDArray[Any]) -> NDArray[np.uint64]:
    """Choose windows by a hash of their content: two images choose the same ones they share."""
    from scipy import ndimage as ndi

    if min(plane.shape) < 2 * WINDOW_PX:
        return np.zeros((0, 3), np.uint64)
    with np.errstate(over="ignore"):
        rows = _rolling(_as_integers(plane) + np.uint64(1), np.uint64(0x9E3779B97F4A7C15), 1)
        mixed = _rolling(rows, np.uint64(0xC2B2AE3D27D4EB4F), 0)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> np.uint64(29)
    # Flat windows look alike everywhere: only those with structure may speak.
    seen = _compressed(plane.astype(np.float64))
    span = ndi.maximum_filter(seen, WINDOW_PX) - ndi.minimum_filter(seen, WINDOW_PX)
    span = span[WINDOW_PX // 2 :, WINDOW_PX // 2 :][: mixed.shape[0], : mixed.shape[1]]
    chosen = (mixed % np.uint64(_ANCHOR_SHARE) == 0) & (span > np.median(span)) & (span > 0)
    y, x = np.nonzero(chosen)
    found = np.stack([mixed[y, x], y.astype(np.uint64), x.astype(np.uint64)], axis=1)
    return found[np.argsort(found[:, 0], kind="stable")][:_MOST_ANCHORS]


def _as_integers(plane: NDArray[Any]) -> NDArray[np.uint64]:
    if plane.dtype.kind == "f":
        return np.ascontiguousarray(plane, dtype=np.float32).view(np.uint32).astype(np.uint64)
    return plane.astype(np.int64).astype(np.uint64)


def _rolling(values: NDArray[np.uint64], factor: np.uint64, axis: int) -> NDArray[np.uint64]:
    """Return a polynomial of each run of ``WINDOW_PX`` values along ``axis``, modulo 2**64."""
    moved = np.moveaxis(values, axis, 0)
    n = moved.shape[0] - WINDOW_PX + 1
    total = np.zeros((n, *moved.shape[1:]), np.uint64)
    for k in range(WINDOW_PX):
        total = total * factor + moved[k : k + n]
    return np.moveaxis(total, 0, axis)
