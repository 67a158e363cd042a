"""The viewer in three dimensions: points over time, to turn, play and find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart.colours import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One point through time.

    ``place_um`` has shape (frames, 3), in whole tenths of a µm about the centre, from ``first`` on.
    """

    name: str
    group: str
    first: int
    place_um: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceViewer:
    """Points in space.

    Parameters
    ----------
    title : str
    tracks : sequence of Track
    colours : mapping of group to colour
        Groups without a colour are gathered in grey as ``other``.
    axis_letters : sequence of 3 str
        Written at the ends of the axes.
    noun : str
        What a point is, such as ``"nucleus"``.
    radius_um : float
        Of a point.
    interval : float
        Length of a frame in ``unit``; ``unit`` may be empty.
    """

    title: str
    tracks: Sequence[Track]
    colours: Mapping[str, str]
    axis_letters: Sequence[str] = ("x", "y", "z")
    noun: str = "nucleus"
    radius_um: float = 0.9
    interval: float = 1.0
    unit: str = ""


def tracks_in_space(
    place_um: FloatArray,
    frame: IntArray,
    track: IntArray,
    names: Sequence[str],
    groups: Sequence[str],
) -> list[Track]:
    """Gather rows into tracks; a frame that a track lacks repeats the one before.

    Parameters
    ----------
    place_um : ndarray of float, shape (n, 3)
        About the centre; rows with NaN are left out.
    frame, track : ndarray of int, shape (n,)
        ``track`` counts from 0 in ``names`` and ``groups``.
    """
    known = np.flatnonzero(np.isfinite(place_um).all(axis=1))
    order = known[np.lexsort((frame[known], track[known]))]
    cuts = np.flatnonzero(np.diff(track[order])) + 1
    out = []
    for rows in np.split(order, cuts):
        if not len(rows):
            continue
        first, last = int(frame[rows[0]]), int(frame[rows[-1]])
        at = np.searchsorted(frame[rows], np.arange(first, last + 1), side="right") - 1
        cell = int(track[rows[0]])
        out.append(
            Track(
                name=str(names[cell]),
                group=str(groups[cell]),
                first=first,
                place_um=np.round(place_um[rows][at], 1),
            )
        )
    return out


def space_data(viewer: SpaceViewer) -> dict[str, object]:
    """Return what the page's script reads; places in tenths of a µm."""
    named = [*viewer.colours, "other"]
    group = {g: i for i, g in enumerate(named)}
    reach = max(
        (float(np.linalg.norm(t.place_um, axis=1).max()) for t in viewer.tracks), default=1.0
    )
    return {
        "groups": named,
        "colours": [*viewer.colours.values(), UNKNOWN],
        "tracks": [
            {
                "n": t.name,
                "g": group.get(t.group, len(named) - 1),
                "f": t.first,
                "p": np.rint(t.place_um * 10).astype(int).ravel().tolist(),
            }
            for t in viewer.tracks
        ],
        "first": min((t.first for t in viewer.tracks), default=0),
        "last": max((t.first + len(t.place_um) - 1 for t in viewer.tracks), default=0),
        "interval": viewer.interval,
        "unit": viewer.unit,
        "axes": list(viewer.axis_letters),
        "reach": reach or 1.0,
        "radius": viewer.radius_um,
        "noun": viewer.noun,
    }
