"""Outlines of labels as GeoJSON, as QuPath imports it: one feature for each object and plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from fatescope.acquire.images.fiji_rois import trace_outlines
from fatescope.acquire.images.outlines_in import filled

if TYPE_CHECKING:
    from fatescope.acquire.images.fiji_rois import Polygon
    from fatescope.base import Image


def encode_geojson(labels: Image) -> bytes:
    """Return a collection with a feature for each object in each frame and plane.

    Parameters
    ----------
    labels : Image
        Whole numbers, 0 for background; axes out of ``TZYX``.

    Returns
    -------
    bytes
        Coordinates are pixels from the corner of the first one; ``name`` is the label.
    """
    features = [
        _feature(label, rings, t, z)
        for t in range(labels.size("T"))
        for z in range(labels.size("Z"))
        for label, rings in _outlines(labels.read(T=t, Z=z))
    ]
    told = {"type": "FeatureCollection", "features": features}
    return json.dumps(told, separators=(",", ":")).encode()


def _outlines(plane: Any) -> Iterator[tuple[int, list[Polygon]]]:
    number = plane.astype(np.int64)
    for label, box in enumerate(ndi.find_objects(number), start=1):
        if box is not None:
            y, x = box[0].start, box[1].start
            traced = trace_outlines(number[box] == label)
            yield label, [[(px + x, py + y) for px, py in ring] for ring in traced]


def _feature(label: int, rings: list[Polygon], frame: int, depth: int) -> dict[str, Any]:
    polygons = _polygons(rings)
    geometry: dict[str, Any] = {"type": "MultiPolygon", "coordinates": polygons}
    if len(polygons) == 1:
        geometry = {"type": "Polygon", "coordinates": polygons[0]}
    geometry["plane"] = {"c": -1, "z": depth, "t": frame}
    said = {"objectType": "annotation", "name": str(label)}
    return {"type": "Feature", "geometry": geometry, "properties": said}


def _polygons(rings: list[Polygon]) -> list[list[list[tuple[int, int]]]]:
    """Put each hole behind the outline that it lies in, the smallest of several; close all."""
    outer = sorted((r for r in rings if _area(r) > 0), key=_area)
    polygons = [[[*r, r[0]]] for r in outer]
    for hole in (r for r in rings if _area(r) < 0):
        x, y = min(hole)  # the pixel right of a leftmost corner lies in the hole
        for polygon, ring in zip(polygons, outer, strict=True):
            inside, (top, left) = filled([np.array(ring, dtype=float)], (2**31, 2**31))
            row, column = y - top, x - left
            if 0 <= row < inside.shape[0] and 0 <= column < inside.shape[1] and inside[row, column]:
                polygon.append([*hole, hole[0]])
                break
    return polygons


def _area(ring: Polygon) -> int:
    """Return twice the area: positive for what runs clockwise on the screen."""
    x, y = np.array(ring, dtype=np.int64).T
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
