"""Outlines of other programs become labels again: ROIs of ImageJ, and GeoJSON as QuPath writes it.

A pixel belongs to an outline that has its middle inside, so what `encode_rois` and `write_geojson`
wrote comes back as the very labels.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import FileFormatError, Finding, Image, escape, explained, imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray

_NUMBER = re.compile(r"(?:^|_)c?(\d+)$")
"""``t001_z012_c0045``, as `encode_rois` names an outline, or a number alone."""
SUFFIXES = (".zip", ".roi", ".geojson", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutline:
    """One outline: rings of (x, y) in pixels, corner of the first pixel 0; ``None``: of all."""

    name: str
    rings: Sequence[NDArray[np.float64]]
    frame: int | None = None
    plane: int | None = None


def read_outlines(path: Path, like: Image) -> tuple[NDArray[np.uint32], tuple[Finding, ...]]:
    """Fill the outlines of a file on the grid of an image.

    Parameters
    ----------
    path : Path
        A zip of ROIs, one ROI, or GeoJSON.
    like : Image
        Its axes without C, and its size, are those of the labels.

    Returns
    -------
    labels : ndarray of uint32
        An outline whose name ends in a number has that number, any other the next that is free.
    findings : tuple of Finding
        What overlaps, or lies outside: nothing is dropped in silence.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or holds no outline.
    """
    axes = like.axes.replace("C", "")
    labels = np.zeros([like.size(a) for a in axes], dtype=np.uint32)
    outlines = list(_geojson(path) if path.suffix.lower() in (".geojson", ".json") else _rois(path))
    if not outlines:
        raise FileFormatError(f"{escape(path)}: holds no outline. Give ROIs of areas.")
    n_over, n_outside = 0, 0
    numbers = _numbers([o.name for o in outlines])
    for outline, number in zip(outlines, numbers, strict=True):
        inside, (top, left) = filled(outline.rings, labels.shape[-2:])
        if not inside.any():
            n_outside += 1
            continue
        for at in _planes(outline, axes, labels.shape):
            part = labels[at][top : top + inside.shape[0], left : left + inside.shape[1]]
            free = inside & (part == 0)
            n_over += int(np.count_nonzero(inside & (part != 0) & (part != number)))
            part[free] = number
    said = {
        f"{n_over} pixels lie in more than one outline; they stay with the first.": n_over,
        f"{n_outside} outlines hold no pixel of the image; they were left out.": n_outside,
    }
    return labels, tuple(
        Finding(file=str(path), rule="left-out", severity="warning", value=float(n), reason=reason)
        for reason, n in said.items()
        if n
    )


def _numbers(names: Sequence[str]) -> list[int]:
    """Return a number for each outline; names that end in none get those that are free."""
    said = [int(m[1]) if (m := _NUMBER.search(n)) and 0 < int(m[1]) < 2**32 else 0 for n in names]
    taken, following, numbers = set(said), 1, []
    for number in said:
        if not number:
            while following in taken:
                following += 1
            taken.add(number := following)
        numbers.append(number)
    return numbers


def _planes(outline: ReadOutline, axes: str, shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Pass the indices of the planes that an outline lies in."""
    wanted = []
    for axis, n in zip(axes[:-2], shape, strict=False):
        at = outline.frame if axis == "T" else outline.plane
        wanted.append(range(n) if at is None else range(at, at + 1) if 0 <= at < n else range(0))
    return itertools.product(*wanted)


def filled(
    rings: Sequence[NDArray[np.float64]], shape: tuple[int, int]
) -> tuple[BoolArray, tuple[int, int]]:
    """Return the pixels whose middle lies inside, by the even-odd rule, and where they begin.

    Examples
    --------
    >>> filled([np.array([[0, 0], [2, 0], [2, 1], [0, 1]])], (4, 4))[0]
    array([[ True,  True]])
    """
    points = np.concatenate([np.asarray(r, dtype=float) for r in rings])
    low = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0)), shape[::-1]).astype(int)
    wide, tall = (high - low).tolist()
    if wide <= 0 or tall <= 0:
        return np.zeros((0, 0), dtype=bool), (0, 0)
    flips = np.zeros((tall, wide + 1), dtype=bool)
    middles = low[1] + np.arange(tall) + 0.5
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            rows = np.flatnonzero((middles > min(y0, y1)) & (middles <= max(y0, y1)))
            if rows.size and y0 != y1:
                x = x0 + (middles[rows] - y0) * (x1 - x0) / (y1 - y0)
                columns = np.clip(np.ceil(x - 0.5).astype(int) - low[0], 0, wide)
                flips[rows, columns] ^= True
    inside = np.logical_xor.accumulate(flips[:, :-1], axis=1)
    return inside, (int(low[1]), int(low[0]))


def _rois(path: Path) -> Iterator[ReadOutline]:
    """Read ROIs of ImageJ; lines, points and texts enclose nothing and are none."""
    roifile = imported("roifile")
    areas = ("POLYGON", "RECT", "OVAL", "FREEHAND", "TRACED")
    with explained(
        lambda error: (
            f"{escape(path)}: holds no ROIs that can be read ({type(error).__name__}). "
            "Save them again in Fiji's ROI Manager (More > Save)."
        )
    ):
        read = roifile.roiread(str(path))
        for roi in read if isinstance(read, list) else [read]:
            if roi.roitype.name not in areas:
                continue
            rings = roi.coordinates(multi=True)
            yield ReadOutline(
                name=str(roi.name or ""),
                rings=[np.asarray(r, dtype=float) for r in rings],
                frame=int(roi.t_position) - 1 if roi.t_position > 0 else None,
                plane=int(roi.z_position) - 1 if roi.z_position > 0 else None,
            )


def _geojson(path: Path) -> Iterator[ReadOutline]:
    try:
        told = json.loads(path.read_text("utf-8"))
        features = told["features"] if isinstance(told, dict) else told
        for feature in features:
            geometry, said = feature["geometry"], feature.get("properties") or {}
            if geometry["type"] not in ("Polygon", "MultiPolygon"):
                continue
            parts = geometry["coordinates"]
            polygons = [parts] if geometry["type"] == "Polygon" else parts
            place: dict[str, Any] = geometry.get("plane") or {}
            yield ReadOutline(
                name=str(said.get("name") or ""),
                rings=[np.array(r, dtype=float)[:, :2] for polygon in polygons for r in polygon],
                frame=place.get("t"),
                plane=place.get("z"),
            )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise FileFormatError(
            f"{escape(path)}: is not GeoJSON with polygons ({type(error).__name__}). Export the "
            "objects again (File > Export objects as GeoJSON in QuPath)."
        ) from error
