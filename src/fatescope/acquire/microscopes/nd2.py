"""Nikon ND2, through the library nd2: one scene for each stage position."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.microscopes.scenes import LibraryPixels, Opened, Scene
from fatescope.base import escape, imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_TIMES = 5000
"""Each time stamp is a piece of the file; of longer movies the mean interval counts."""


def open_scenes(path: Path) -> list[Scene]:
    """List the positions of an ND2 file."""
    holder = Opened(imported("nd2").ND2File(path))
    file, where = holder.file, escape(path)
    sizes: dict[str, int] = dict(file.sizes)
    loops = {a: n for a, n in sizes.items() if a not in "CYXS"}
    rest = {a: n for a, n in loops.items() if a != "P"}
    check_shape((*loops.values(), sizes["Y"], sizes["X"]), where)
    points = _points(file)
    channels = file.metadata.channels or []
    inside = tuple(sizes[a] for a in "CS" if a in sizes)
    scenes = []
    for p in range(loops.get("P", 1)):
        name, position = points[p] if p < len(points) else ("", None)
        pixels = LibraryPixels(
            shape=(*rest.values(), *inside, sizes["Y"], sizes["X"]),
            dtype=file.dtype,
            where=where,
            read=partial(_read, holder, tuple(loops.items()), p, "S" in sizes),
        )
        scenes.append(
            Scene(
                name=name if name or len(points) < 2 else f"P{p + 1}",
                pixels=pixels,
                axes="".join([*rest, *(a for a in "CS" if a in sizes), "YX"]),
                steps=_steps(file, channels),
                channels=tuple(str(c.channel.name) for c in channels),
                minutes=partial(_minutes, holder, loops, p),
                objective=_objective(channels),
                position_um=position,
            )
        )
    return scenes


def _read(
    holder: Opened,
    loops: tuple[tuple[str, int], ...],
    position: int,
    colours: bool,
    at: tuple[int, ...],
    rows: range,
    columns: range,
) -> NDArray[Any]:
    """Read a rectangle of a frame, which holds all channels; uncompressed ones are mapped."""
    outer = iter(at)
    index = tuple(position if axis == "P" else next(outer) for axis, _ in loops)
    lengths = tuple(n for _, n in loops)
    number = int(np.ravel_multi_index(index, lengths)) if lengths else 0
    reader = holder.file._rdr
    frame = reader.read_frame(number).reshape(holder.file._raw_frame_shape)  # Y, X, C, S
    inner = list(outer)
    sample = inner.pop() if colours else 0
    channel = inner.pop() if inner else 0
    part = frame[rows.start : rows.stop, columns.start : columns.stop, channel, sample]
    return np.array(part)


def _points(file: Any) -> list[tuple[str, tuple[float, float] | None]]:
    """Return name and stage position (y, x) of each point."""
    for loop in file.experiment:
        if loop.type == "XYPosLoop":
            return [
                (str(p.name or ""), (float(p.stagePositionUm.y), float(p.stagePositionUm.x)))
                for p in loop.parameters.points
            ]
    return []


def _steps(file: Any, channels: Any) -> dict[str, float | None]:
    """Return the calibrated steps; a mean interval where no time stamps were read."""
    if not channels:
        return {}
    volume = channels[0].volume
    x, y, z = (
        step if sure else None
        for step, sure in zip(volume.axesCalibration, volume.axesCalibrated, strict=True)
    )
    steps = {"X": x, "Y": y, "Z": z}
    for loop in file.experiment:
        if loop.type == "ZStackLoop":  # what the stage was told, where the volume is not calibrated
            steps["Z"] = steps["Z"] or loop.parameters.stepUm or None
        if loop.type == "TimeLoop" and loop.parameters.periodMs:
            steps["T"] = float(f"{loop.parameters.periodMs / 60000:.8g}")
    return steps


def _minutes(holder: Opened, loops: dict[str, int], position: int) -> tuple[float, ...]:
    """Return when the first plane of each frame was taken, where that is said of all."""
    n = loops.get("T", 1)
    if n < 2 or n > _MOST_TIMES:
        return ()
    lengths = tuple(loops.values())
    times = []
    for t in range(n):
        index = [position if a == "P" else t if a == "T" else 0 for a in loops]
        try:
            stamp = (
                holder.file.frame_metadata(int(np.ravel_multi_index(index, lengths)))
                .channels[0]
                .time
            )
        except IndexError:  # a recording without the list of its times, or with a part of it
            return ()
        times.append(float(stamp.relativeTimeMs) / 60000)
    return tuple(times)


def _objective(channels: Any) -> str:
    if not channels:
        return ""
    used = channels[0].microscope
    aperture = used.objectiveNumericalAperture
    name = used.objectiveName or (
        f"{used.objectiveMagnification:g}x" if used.objectiveMagnification else ""
    )
    return f"{name} NA {aperture:g}" if name and aperture else str(name)
