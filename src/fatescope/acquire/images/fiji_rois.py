"""Outlines of labels as ROIs for ImageJ and Fiji: one for each object and plane, in a zip.

An outline runs along the sides of pixels, so filling it gives back the very pixels, also where
objects touch. An object in several pieces, or with a hole, is one composite ROI.

References
----------
The layout is that of ``ij.io.RoiDecoder`` (ImageJ 1.54).
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.base.types import BoolArray

Polygon = list[tuple[int, int]]

_VERSION, _RECTANGLE, _TRACED = 228, 1, 8
_HEADER, _HEADER2 = 64, 64
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
_TIME = (1980, 1, 1, 0, 0, 0)
"""The same labels give the same bytes."""


def encode_rois(labels: Image) -> bytes:
    """Return a zip with an ROI for each object in each frame and plane.

    Parameters
    ----------
    labels : Image
        Whole numbers, 0 for background; axes out of ``TZYX``.

    Returns
    -------
    bytes
        Names are ``t001_z012_c0045``: frame and plane counted from 1 as in Fiji, where the labels
        have these axes, and the label.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for t in range(labels.size("T")):
            for z in range(labels.size("Z")):
                plane = labels.read(T=t, Z=z)
                place = (t + 1 if "T" in labels.axes else 0, z + 1 if "Z" in labels.axes else 0)
                for label, roi in _rois(plane, *place):
                    archive.writestr(zipfile.ZipInfo(f"{label}.roi", _TIME), roi)
    return stream.getvalue()


def _rois(plane: NDArray[np.integer], frame: int, depth: int) -> Iterator[tuple[str, bytes]]:
    number = plane.astype(np.int64)
    for label, box in enumerate(ndi.find_objects(number), start=1):
        if box is None:
            continue
        y, x = box[0].start, box[1].start
        outlines = [
            [(px + x, py + y) for px, py in polygon]
            for polygon in trace_outlines(number[box] == label)
        ]
        name = f"c{label:04d}"
        if depth:
            name = f"z{depth:03d}_{name}"
        if frame:
            name = f"t{frame:03d}_{name}"
        yield name, encode_roi(outlines, name=name, frame=frame, plane=depth)


def trace_outlines(inside: BoolArray) -> list[Polygon]:
    """Return the corners of all outlines of a region, as (x, y) of corners of pixels.

    Outer ones run clockwise on the screen, holes the other way; pixels that meet at a corner
    alone are apart.

    Examples
    --------
    >>> trace_outlines(np.array([[True, True]]))
    [[(0, 0), (2, 0), (2, 1), (0, 1)]]
    """
    padded = np.pad(inside, 1)
    steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # the side of a pixel, walked with the pixel on the right: right, down, left, up
    for dx, dy, beyond, (cx, cy) in (
        (1, 0, padded[:-2, 1:-1], (0, 0)),
        (0, 1, padded[1:-1, 2:], (1, 0)),
        (-1, 0, padded[2:, 1:-1], (1, 1)),
        (0, -1, padded[1:-1, :-2], (0, 1)),
    ):
        for y, x in np.argwhere(inside & ~beyond).tolist():
            steps.setdefault((x + cx, y + cy), []).append((dx, dy))
    found = []
    for begin in sorted(steps, key=lambda p: (p[1], p[0])):
        while steps[begin]:
            found.append(_walk(steps, begin))
    return found


def _walk(steps: dict[tuple[int, int], list[tuple[int, int]]], begin: tuple[int, int]) -> Polygon:
    """Follow sides from a corner back to it, taking them away; keep the corners where it turns."""
    at, first = begin, steps[begin].pop(0)
    way, polygon = first, [begin]
    while True:
        at = at[0] + way[0], at[1] + way[1]
        right = -way[1], way[0]  # stays with the pixel where two meet at a corner
        there = [*steps.get(at, ()), *([first] if at == begin else ())]
        following = next(w for w in (right, way, (way[1], -way[0])) if w in there)
        if at == begin and following == first:
            return polygon
        steps[at].remove(following)
        if following != way:
            polygon.append(at)
        way = following


def encode_roi(outlines: list[Polygon], *, name: str, frame: int = 0, plane: int = 0) -> bytes:
    """Return one ROI as ImageJ stores it.

    Parameters
    ----------
    outlines : list of list of (int, int)
        Of one object; one polygon, or several that become a composite.
    name : str
    frame, plane : int
        From 1; 0: of all.
    """
    points = np.array([p for outline in outlines for p in outline], dtype=np.int64)
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    simple = len(outlines) == 1
    body = _integers(points, left, top) if simple else _path(outlines)
    head = bytearray(_HEADER)
    head[:4] = b"Iout"
    struct.pack_into(">hB", head, 4, _VERSION, _TRACED if simple else _RECTANGLE)
    struct.pack_into(">HHHHH", head, 8, top, left, bottom, right, len(points) if simple else 0)
    struct.pack_into(">i", head, 36, 0 if simple else len(body) // 4)
    struct.pack_into(">i", head, 60, _HEADER + len(body))
    second = bytearray(_HEADER2)
    struct.pack_into(">iii", second, 4, 0, plane, frame)
    struct.pack_into(">ii", second, 16, _HEADER + len(body) + _HEADER2, len(name))
    return bytes(head) + body + bytes(second) + name.encode("utf-16-be")


def _integers(points: NDArray[np.int64], left: int, top: int) -> bytes:
    """Return x and then y of all corners, from the upper left one of the box."""
    return (points - (left, top)).T.astype(">u2").tobytes()


def _path(outlines: list[Polygon]) -> bytes:
    """Return the segments of a composite: begin, lines, end, one outline after the other."""
    numbers: list[float] = []
    for outline in outlines:
        numbers += [_MOVE, *map(float, outline[0])]
        for point in outline[1:]:
            numbers += [_LINE, *map(float, point)]
        numbers.append(_CLOSE)
    return np.array(numbers, dtype=">f4").tobytes()
