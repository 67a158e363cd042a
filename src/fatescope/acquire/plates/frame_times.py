"""When the frames of a plate were taken: even times make an interval, others stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from xml.etree import ElementTree

import numpy as np

from fatescope.acquire.images.scale import MIN, length_in
from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.tables import read_table
from fatescope.base import FileFormatError, Finding, Spacing, escape

_UNEVEN = 0.1
"""Of the median step: instruments keep their schedule to some per cent."""
_PER_HOUR = {"time_h": 60.0, "time_min": 1.0}


def date_frames(found: FoundPlate, minutes: Mapping[int, float]) -> None:
    """Take over when each frame was taken: an interval where frames are even, else a finding.

    Times that do not grow from frame to frame are no times: a clock that stands still says nothing,
    one that runs back is named.

    Parameters
    ----------
    found : FoundPlate
    minutes : dict of int to float
        By frame; from any moment on.
    """
    at = sorted(minutes)
    steps = [(minutes[b] - minutes[a]) / (b - a) for a, b in pairwise(at)]
    if not steps or not any(steps):
        return
    usual = median(steps)
    if min(steps) <= 0:
        found.findings.append(
            Finding(
                file=str(found.root),
                rule="uneven-times",
                severity="warning",
                value=min(steps),
                limit=0.0,
                reason="The times of the frames do not grow from one frame to the next, so none "
                "of them is believed. Give --interval-min, or the true times with --times.",
            )
        )
        return
    found.minutes = {frame: minutes[frame] - minutes[at[0]] for frame in at}
    if max(steps) - min(steps) <= _UNEVEN * usual:
        found.spacing = found.spacing.replaced_by(Spacing.of(source="file", T=usual))
        return
    found.spacing = found.spacing.only("ZYX")
    found.findings.append(
        Finding(
            file=str(found.root),
            rule="uneven-times",
            severity="warning",
            value=max(steps),
            limit=usual * (1 + _UNEVEN),
            reason=f"Frames were taken {min(steps):.4g} to {max(steps):.4g} min apart. Deaths and "
            "curves are dated by the time of each frame; there is no one interval. A death in a "
            "long gap is known no better than that gap.",
        )
    )


def usual_minutes(groups: Iterable[Mapping[int, float]]) -> dict[int, float]:
    """Return the minutes of each frame since its first one: the median over fields or planes."""
    since: dict[int, list[float]] = {}
    groups = list(groups)
    start = min((min(g) for g in groups if g), default=0)
    for group in groups:
        if start in group:
            for frame, at in group.items():
                since.setdefault(frame, []).append(at - group[start])
    return {frame: median(values) for frame, values in since.items()}


def moment(text: str) -> float | None:
    """Return a date with its hour, such as an index gives it, in minutes; ``None`` if it is none.

    Examples
    --------
    >>> moment("2023-09-18T13:58:44.438+02:00") - moment("2023-09-18T11:57:44.438Z")
    1.0
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return minutes_of(at)


def minutes_of(at: datetime) -> float:
    """Return a moment in minutes; one without a time zone the same on every machine."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() / 60


def minutes_in_movie(path: Path) -> list[float]:
    """Return ``DeltaT`` of each frame of an OME-TIFF, in minutes; empty where it says none."""
    import tifffile

    try:
        with tifffile.TiffFile(path, _multifile=False) as tif:
            root = ElementTree.fromstring(tif.ome_metadata or "")
    except (tifffile.TiffFileError, ElementTree.ParseError, OSError, ValueError, LookupError):
        return []
    times: dict[int, float] = {}
    image = root.find(".//{*}Image/{*}Pixels")
    for plane in [] if image is None else image.findall("{*}Plane"):
        at = length_in(plane.attrib.get("DeltaT"), plane.attrib.get("DeltaTUnit", "s"), MIN)
        frame = plane.attrib.get("TheT", "")
        if at is not None and frame.isdecimal():
            times.setdefault(int(frame), at)
    return [times[t] for t in sorted(times)]


def read_frame_times(path: Path | str) -> dict[int, float]:
    """Read when each frame was taken, in minutes.

    Parameters
    ----------
    path : Path or str
        CSV or Parquet with ``frame`` (from 0) and ``time_h`` or ``time_min``.

    Raises
    ------
    FileFormatError
        If a column is missing, a frame is there twice, or times do not grow.
    """
    table, where = read_table(path), escape(path)
    unit = next((c for c in _PER_HOUR if c in table), None)
    if unit is None or "frame" not in table:
        raise FileFormatError(f"{where}: needs the columns frame and time_h (or time_min).")
    try:
        frames = np.array(table["frame"].tolist(), dtype=np.float64)
        times = np.array(table[unit].tolist(), dtype=np.float64) * _PER_HOUR[unit]
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{where}: frame and {unit} must be numbers in each row.") from error
    if not np.isfinite(times).all() or not (np.isfinite(frames) & (frames % 1 == 0)).all():
        raise FileFormatError(f"{where}: frame and {unit} must be numbers in each row.")
    order = np.argsort(frames, kind="stable")
    frames, times = frames[order], times[order]
    if len(frames) < 2 or frames[0] < 0 or (np.diff(frames) <= 0).any():
        raise FileFormatError(f"{where}: needs two frames or more, from 0, each once.")
    if (np.diff(times) <= 0).any():
        raise FileFormatError(f"{where}: {unit} does not grow from one frame to the next.")
    return dict(zip(frames.astype(int).tolist(), times.tolist(), strict=True))


def hours_of_frames(
    minutes: Mapping[int, float], interval_min: float | None, n_frames: int
) -> list[float] | None:
    """Return the hour of each frame since frame 0, or ``None`` where it is not known.

    A frame without a time of its own, of which there is no image either, lies evenly between its
    neighbours, and beyond the first and last ones by the usual step.
    """
    if not minutes:
        return None if interval_min is None else [t * interval_min / 60 for t in range(n_frames)]
    at: Sequence[int] = sorted(minutes)
    step = median((minutes[b] - minutes[a]) / (b - a) for a, b in pairwise(at))
    frames = np.arange(n_frames)
    hours = np.interp(frames, at, [minutes[t] for t in at])
    hours += step * (np.minimum(frames - at[0], 0) + np.maximum(frames - at[-1], 0))
    return [float(h) for h in (hours - hours[0]) / 60] if n_frames else []
