"""Objects of a movie that keep one number through time: ``predict nuclei --link``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Finding, Lineage, Table
from fatescope.lineage.link import link_detections
from fatescope.numeric import tracks_of
from fatescope.systems.lineages.link import what_to_know
from fatescope.track import ObjectLinkSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.engine.found import Found, Raster
    from fatescope.numeric import Tracks


def link_found(found: Found, image: Image) -> Found:
    """Give the objects of a movie one number through time, in labels and in ``objects``.

    Parameters
    ----------
    found : Found
        With ``labels`` that are numbered in each frame, and ``objects``. Frames without objects,
        such as those that are excluded, are stepped over.
    image : Image

    Returns
    -------
    Found
        And the table ``tracks``: ``label, first_frame, last_frame, parent``, the label of the
        mother. Daughters have numbers of their own; those of the first frame stay.

    Notes
    -----
    Links are those that `lineage link` makes of the same table.
    """
    if image.size("T") < 2:
        return of_one_frame(found, image)
    return link_movie(found, image, ObjectLinkSettings())[0]


def of_one_frame(found: Found, image: Image) -> Found:
    """Return what was found in an image that is no movie, and say that nothing was linked."""
    said = Finding(
        file=image.name,
        rule="left-out",
        severity="warning",
        reason="The image is one frame, so nothing was linked through time. If several files are "
        "the frames of one movie, give --sequence.",
    )
    return replace(found, findings=[*found.findings, said])


def link_movie(found: Found, image: Image, settings: ObjectLinkSettings) -> tuple[Found, Lineage]:
    """Return what `link_found` does, and the lineage: row for row the new ``objects``."""
    begun = time.perf_counter()
    objects = found.tables["objects"]
    lineage = link_detections(_detections(objects, image), settings)
    tracks = tracks_of(lineage)
    tracks = tracks.reorder(np.lexsort((tracks.first_row, tracks.first)))
    track = tracks.of_row + 1
    kind = np.min_scalar_type(len(tracks))
    labels = [
        Renumbered(frame, _numbers(objects, track, t, kind))
        for t, frame in enumerate(found.rasters["labels"])
    ]
    order = np.lexsort((track, objects["frame"]))
    linked = replace(
        found,
        tables={
            **found.tables,
            "objects": objects.with_columns({"label": track}).rows(order),
            "tracks": _table(tracks),
        },
        rasters={**found.rasters, "labels": labels},
        findings=[*found.findings, *what_to_know(lineage, file=image.name)],
        seconds={**found.seconds, "link": time.perf_counter() - begun},
    )
    return linked, lineage.reordered(order)


class Renumbered:
    """A frame of labels with other numbers, changed as they are read.

    Parameters
    ----------
    frame : Raster
    numbers : ndarray of unsigned int
        The new number of each label; 0 stays 0.
    """

    def __init__(self, frame: Raster, numbers: NDArray[Any]) -> None:
        self._frame, self._numbers = frame, numbers
        self.dtype = numbers.dtype

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        return np.asarray(self._numbers[self._frame[index]])


def _detections(objects: Table, image: Image) -> Lineage:
    n = len(objects)
    z = objects["z"] if image.size("Z") > 1 else np.zeros(n)
    position = np.stack([np.asarray(a, dtype=np.float64) for a in (z, objects["y"], objects["x"])])
    return Lineage(
        frame=objects["frame"].astype(np.int64),
        position=position.T,
        parent=np.full(n, -1, dtype=np.int64),
        name=np.full(n, "", dtype=object),
        radius_px=_radius_px(objects, image),
        spacing=image.spacing.only("TZYX"),
    )


def _radius_px(objects: Table, image: Image) -> FloatArray:
    """Return the radius of a ball, or disc, of the size of each object, in pixels along X."""
    sizes = ("volume_um3", "area_um2", "volume_px", "area_px")
    size = next((c for c in sizes if c in objects), None)
    if size is None:
        return np.full(len(objects), np.nan)
    value = objects[size].astype(np.float64)
    radius = np.cbrt(value * 3 / (4 * np.pi)) if "volume" in size else np.sqrt(value / np.pi)
    steps = image.spacing.um("X")
    return np.asarray(radius / steps[0] if "um" in size and steps else radius, np.float64)


def _table(tracks: Tracks) -> Table:
    parent: Sequence[int | None] = [m + 1 if m >= 0 else None for m in tracks.mother.tolist()]
    return Table(
        {
            "label": np.arange(1, len(tracks) + 1),
            "first_frame": tracks.first,
            "last_frame": tracks.last,
            "parent": np.array(parent, dtype=object),
        }
    )


def _numbers(objects: Table, track: IntArray, t: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the new number of each label of a frame."""
    own = objects["frame"] == t
    old = objects["label"][own]
    numbers = np.zeros(int(old.max(initial=0)) + 1, dtype=kind)
    numbers[old] = track[own]
    return numbers
