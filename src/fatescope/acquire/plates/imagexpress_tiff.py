"""What MetaXpress writes into each TIFF: name of the illumination, height of the plane."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

from fatescope.acquire.images.tiff_metadata import read_metadata
from fatescope.acquire.plates.frame_times import minutes_of
from fatescope.base import PROJECTION

_ERRORS = (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, struct.error)
"""What a parser runs into in a damaged file; the image is complained about when it is read."""


def read_plane_info(path: Path) -> dict[str, Any]:
    """Return the properties of the plane in a file; empty where there are none."""
    import tifffile

    try:
        with tifffile.TiffFile(path, _multifile=False) as tif:
            meta = tif.metaseries_metadata if tif.is_metaseries else None
    except (tifffile.TiffFileError, *_ERRORS):
        return {}
    info = (meta or {}).get("PlaneInfo")
    return info if isinstance(info, dict) else {}


def illumination(path: Path) -> str:
    """Return what the setting of lamp and filter is called, or an empty text.

    A file that was converted to OME-TIFF says so as the name of its only channel.
    """
    return str(read_plane_info(path).get("_IllumSetting_", "")).strip() or _only_channel(path)


def _only_channel(path: Path) -> str:
    import tifffile

    try:
        with tifffile.TiffFile(path, _multifile=False) as tif:
            names = read_metadata(tif, tif.series[0], "")[1].channels if tif.is_ome else ()
    except (tifffile.TiffFileError, *_ERRORS):
        return ""
    return names[0].strip() if len(names) == 1 else ""


def stated_z_step(path: Path) -> float | None:
    """Return the µm between planes that went into a projection, as its file states it."""
    step = read_plane_info(path).get("Z Projection Step Size")
    return float(step) if isinstance(step, int | float) and 0 < step < math.inf else None


def copied_plane(path: Path) -> int | None:
    """Return which plane a file beyond ``ZStep_1`` is a copy of, or ``None`` for one of its own.

    MetaXpress exports a projection, and the plane of a channel that has only one, once for each
    step; the properties of the plane stay those of the original.
    """
    info = read_plane_info(path)
    if "Z Projection Method" in info:
        return PROJECTION
    return 0 if info.get("Z Step") == 1 else None


def stage_position(path: Path) -> tuple[float, float] | None:
    """Return where the stage was when a plane was taken: y downward and x, in µm."""
    info = read_plane_info(path)
    place = [info.get(f"stage-position-{a}") for a in "yx"]
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in place):
        return None
    return float(place[0] or 0), float(place[1] or 0)


def minutes_taken(path: Path) -> float | None:
    """Return the moment at which a plane was taken, in minutes by the clock of the instrument."""
    at = read_plane_info(path).get("acquisition-time-local")
    return minutes_of(at) if isinstance(at, datetime) else None


def z_distance(lower: Path, upper: Path) -> float | None:
    """Return the µm between two planes of one stack, or ``None`` where they do not say it."""
    heights = [read_plane_info(p).get("z-position") for p in (lower, upper)]
    if not all(isinstance(h, float) and math.isfinite(h) for h in heights):
        return None
    step = abs(float(heights[1] or 0) - float(heights[0] or 0))
    return float(f"{step:.6g}") if step > 0 else None
