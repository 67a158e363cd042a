"""Nuclei in space and time as one page: turn it, play it, hide founders. No network needed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.report.lineage.colours import UNKNOWN
from fatescope.report.lineage.tree_page import asset, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray, IntArray

_HINT = (
    "Click a nucleus to follow it. Drag or arrow keys turn, wheel zooms, space plays, "
    "comma and full stop step."
)


def space_page(
    body_um: FloatArray,
    frame: IntArray,
    track: IntArray,
    track_name: Sequence[str],
    track_group: Sequence[str],
    colours: Mapping[str, str],
    *,
    axis_letters: Sequence[str],
    interval: float,
    unit: str,
    title: str,
) -> str:
    """Return a self-contained page that shows every nucleus in three dimensions over time.

    Parameters
    ----------
    body_um : ndarray of float, shape (n, 3)
        Posterior, dorsal, left (or the axes of the recording), about the centre.
    frame, track : ndarray of int, shape (n,)
    track_name, track_group : sequence of str, length k
    colours : mapping of group to colour
        Groups without a colour are gathered in grey.
    axis_letters : sequence of 3 str
        Written at the ends of the axes.
    interval : float
        Length of a frame in ``unit``; ``unit`` may be empty.
    title : str
    """
    groups = [*colours, "other"]
    number = {g: i for i, g in enumerate(groups)}
    tracks = _tracks(body_um, frame, track, track_name, [number.get(g, -1) for g in track_group])
    for t in tracks:
        t["g"] = t["g"] if t["g"] >= 0 else len(groups) - 1
    data = {
        "groups": groups,
        "colours": [*colours.values(), UNKNOWN],
        "tracks": tracks,
        "first": int(frame.min()),
        "last": int(frame.max()),
        "interval": interval,
        "unit": unit,
        "axes": list(axis_letters),
        "reach": float(np.nanmax(np.linalg.norm(body_um, axis=1))),
        "hint": _HINT,
    }
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width"><style>{asset("space.css")}</style></head><body>
<header><h1>{escape(title)}</h1>
<label>Find <input id="find" list="names" size="12" placeholder="ABpla"></label>
<datalist id="names"></datalist><button id="play">play</button>
<label>time <input id="frame" type="range"></label><b id="time"></b>
<label>trail <input id="trail" type="range" min="0" max="60" value="12" style="width:6rem"></label>
<span><button id="left">from the left</button> <button id="above">from above</button>
<button id="behind">from behind</button></span><span id="groups"></span></header>
<div id="room"><canvas aria-label="nuclei in space"></canvas></div>
<div id="about" role="status"></div>
<script type="application/json" id="data">{to_json(data)}</script>
<script>{asset("space.js")}</script></body></html>
"""


def _tracks(
    body_um: FloatArray,
    frame: IntArray,
    track: IntArray,
    names: Sequence[str],
    groups: Sequence[int],
) -> list[dict[str, Any]]:
    """Gather positions per track, in tenths of a µm; frames that are missing repeat the last."""
    known = np.flatnonzero(np.isfinite(body_um).all(axis=1))
    order = known[np.lexsort((frame[known], track[known]))]
    cuts = np.flatnonzero(np.diff(track[order])) + 1
    out = []
    for rows in np.split(order, cuts):
        if not len(rows):
            continue
        first, last = int(frame[rows[0]]), int(frame[rows[-1]])
        at = np.searchsorted(frame[rows], np.arange(first, last + 1), side="right") - 1
        places = np.rint(body_um[rows][at] * 10).astype(int)
        cell = int(track[rows[0]])
        out.append({"n": names[cell], "g": groups[cell], "f": first, "p": places.ravel().tolist()})
    return out
