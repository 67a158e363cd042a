"""What MetaXpress writes into each TIFF: name of the illumination, height of the plane."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

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
    """Return what the setting of lamp and filter is called, or an empty text."""
    return str(read_plane_info(path).get("_IllumSetting_", "")).strip()


def stated_z_step(path: Path) -> float | None:
    """Return the µm between planes that went into a projection, as its file states it."""
    step = read_plane_info(path).get("Z Projection Step Size")
    return float(step) if isinstance(step, int | float) and 0 < step < math.inf else None


def z_distance(lower: Path, upper: Path) -> float | None:
    """Return the µm between two planes of one stack, or ``None`` where they do not say it."""
    heights = [read_plane_info(p).get("z-position") for p in (lower, upper)]
    if not all(isinstance(h, float) and math.isfinite(h) for h in heights):
        return None
    step = abs(float(heights[1] or 0) - float(heights[0] or 0))
    return float(f"{step:.6g}") if step > 0 else None
