"""What OME-XML says of an image beside its pixels: scale, channels, times, objective, stage."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from fatescope.acquire.images.scale import MIN, UM, length_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeAbout:
    """The fields of `microscopes.scenes.Scene` that are no pixels."""

    steps: dict[str, float | None] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    minutes: tuple[float, ...] = ()
    objective: str = ""
    position_um: tuple[float, float] | None = None


def about_image(root: Element, image: Element) -> OmeAbout:
    """Read what an ``Image`` element says; a frame's time is that of its earliest plane."""
    pixels = image.find("{*}Pixels")
    if pixels is None:
        return OmeAbout()
    get = pixels.attrib.get
    steps = {
        a: length_in(get(f"PhysicalSize{a}"), get(f"PhysicalSize{a}Unit", "µm"), UM) for a in "ZYX"
    }
    steps["T"] = length_in(get("TimeIncrement"), get("TimeIncrementUnit", "s"), MIN)
    names = tuple(c.attrib.get("Name", "") for c in pixels.findall("{*}Channel"))
    planes = [plane.attrib for plane in pixels.findall("{*}Plane")]
    return OmeAbout(
        steps=steps,
        channels=names if all(names) else (),
        minutes=_minutes(planes, get("SizeT", "1")),
        objective=_objective(root, image),
        position_um=_position(planes),
    )


def _minutes(planes: list[dict[str, str]], size_t: str) -> tuple[float, ...]:
    """Return the time of each frame; nothing unless all are known, and they grow."""
    found: dict[int, float] = {}
    for plane in planes:
        minutes = length_in(plane.get("DeltaT"), plane.get("DeltaTUnit", "s"), MIN)
        with suppress(ValueError):
            frame = int(plane.get("TheT", "0"))
            if minutes is not None:
                found[frame] = min(minutes, found.get(frame, minutes))
    times = tuple(found[t] for t in sorted(found))
    whole = str(len(times)) == size_t and sorted(found) == list(range(len(times)))
    return times if whole and all(a < b for a, b in pairwise(times)) else ()


def _position(planes: list[dict[str, str]]) -> tuple[float, float] | None:
    """Return where the stage stood for the first plane, where the unit is a length."""
    first: Mapping[str, str] = planes[0] if planes else {}
    y, x = (length_in(first.get(f"Position{a}"), first.get(f"Position{a}Unit"), UM) for a in "YX")
    return None if y is None or x is None else (y, x)


def _objective(root: Element, image: Element) -> str:
    used = image.find("{*}ObjectiveSettings")
    for one in root.iterfind("{*}Instrument/{*}Objective"):
        if used is not None and one.attrib.get("ID") == used.attrib.get("ID"):
            model, times = one.attrib.get("Model", ""), one.attrib.get("NominalMagnification", "")
            return model or (f"{float(times):g}x" if times.replace(".", "", 1).isdigit() else "")
    return ""
