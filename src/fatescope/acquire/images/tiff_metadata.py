"""Spacing and channel names out of a TIFF file, each believed only where it can be true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from fatescope.base import Finding, Length, Spacing

if TYPE_CHECKING:
    from collections.abc import Mapping

_UM = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("\\u00b5m", "\\u00B5m"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("Å", "angstrom"), 1e-4),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("in", "inch", '"'), 25400.0),
}
_MIN = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1 / 60),
    **dict.fromkeys(("ms", "msec", "millisecond"), 1 / 60000),
    **dict.fromkeys(("min", "minute", "minutes"), 1.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 60.0),
    **dict.fromkeys(("d", "day", "days"), 1440.0),
}
PLAUSIBLE = {"Y": (2e-4, 100.0), "X": (2e-4, 100.0), "Z": (1e-3, 1000.0), "T": (1e-6, 1e5)}
"""Steps outside these limits (µm; minutes for T) are not believed: they are no microscope's."""
PLAUSIBLE_TAG = (0.01, 20.0)
"""Tighter limits in µm for the resolution tag alone, which often holds 72 dots an inch."""


def read_metadata(
    tif: Any, series: Any, file: str
) -> tuple[Spacing, tuple[str, ...], tuple[Finding, ...]]:
    """Return the spacing, the channel names, and a finding for what was not believed."""
    channels: tuple[str, ...] = ()
    if tif.is_ome:
        steps, channels = _ome(tif.ome_metadata)
    elif tif.is_imagej:
        steps, channels = _imagej(tif.imagej_metadata or {}, series.keyframe)
    elif tif.is_lsm:
        steps = _lsm(tif.lsm_metadata or {})
    else:
        steps = _resolution_tag(series.keyframe)
        return _believed(steps, file, {"Y": PLAUSIBLE_TAG, "X": PLAUSIBLE_TAG}, channels)
    return _believed(steps, file, PLAUSIBLE, channels)


def _believed(
    steps: Mapping[str, float | None],
    file: str,
    limits: Mapping[str, tuple[float, float]],
    channels: tuple[str, ...],
) -> tuple[Spacing, tuple[str, ...], tuple[Finding, ...]]:
    known: dict[str, Length] = {}
    refused: dict[float, str] = {}
    for axis, value in steps.items():
        if value is None:
            continue
        low, high = limits[axis]
        if math.isfinite(value) and low <= value <= high:
            known[axis] = Length(value, "file")
        else:
            refused[value] = refused.get(value, "") + axis
    notes = [
        _not_believed(file, axes, value, limits[axes[0]][value > limits[axes[0]][0]])
        for value, axes in refused.items()
    ]
    ratio = known["Y"].value / known["X"].value if {"Y", "X"} <= set(known) else 1.0
    if not 0.1 <= ratio <= 10:
        notes.append(_not_believed(file, "Y", known["Y"].value, 10 * known["X"].value))
        known = {a: v for a, v in known.items() if a not in "YX"}
    return Spacing(known), channels, tuple(notes)


def _not_believed(file: str, axes: str, value: float, limit: float) -> Finding:
    unit, flag = ("min", "--interval-min") if axes == "T" else ("µm", "--spacing-um")
    return Finding(
        file=file,
        rule="no-scale",
        severity="warning",
        value=value if math.isfinite(value) else None,
        limit=limit,
        reason=f"The file gives {value:.6g} {unit} along {' and '.join(axes)}, which no "
        f"microscope would; it is taken as unknown. Give the true step with {flag}.",
    )


def _length(value: object, unit: object, table: Mapping[str, float]) -> float | None:
    """Return ``value`` in µm or minutes; ``None`` without a number or a unit that is known."""
    factor = table.get(str(unit).strip()) or table.get(str(unit).strip().lower())
    try:
        number = float(str(value))
    except ValueError:
        return None
    return None if factor is None else float(f"{number * factor:.8g}")


def _ome(text: str | None) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Read ``PhysicalSize``, ``TimeIncrement`` and channel names of the first image."""
    try:
        root = ElementTree.fromstring(text or "")
    except ElementTree.ParseError:
        return {}, ()
    pixels = root.find(".//{*}Image/{*}Pixels")
    if pixels is None:
        return {}, ()
    get = pixels.attrib.get
    steps = {
        a: _length(get(f"PhysicalSize{a}"), get(f"PhysicalSize{a}Unit", "µm"), _UM) for a in "ZYX"
    }
    steps["T"] = _length(get("TimeIncrement"), get("TimeIncrementUnit", "s"), _MIN)
    names = tuple(c.attrib.get("Name", "") for c in pixels.findall("{*}Channel"))
    return steps, names if all(names) else ()


def _imagej(meta: Mapping[str, Any], page: Any) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """Read ``unit``, ``spacing`` and ``finterval``; the tag has pixels per unit."""
    unit = meta.get("unit", "")
    per_unit = _rational(page, "XResolution"), _rational(page, "YResolution")
    steps = {
        "X": _length(1 / per_unit[0], unit, _UM) if per_unit[0] else None,
        "Y": _length(1 / per_unit[1], meta.get("yunit", unit), _UM) if per_unit[1] else None,
        "Z": _length(meta.get("spacing"), meta.get("zunit", unit), _UM),
        "T": _length(meta.get("finterval"), meta.get("tunit", "sec"), _MIN),
    }
    if steps["T"] == 0:  # ImageJ writes 0 where the interval is unknown
        steps["T"] = None
    return steps, ()


def _lsm(meta: Mapping[str, Any]) -> dict[str, float | None]:
    steps = {a: _length(meta.get(f"VoxelSize{a}"), "m", _UM) for a in "ZYX"}
    steps["T"] = _length(meta.get("TimeIntervall"), "s", _MIN) or None
    return steps


def _resolution_tag(page: Any) -> dict[str, float | None]:
    """Read pixels per centimetre or inch of a plain TIFF."""
    unit = page.tags.get("ResolutionUnit")
    um = {2: 25400.0, 3: 10000.0}.get(int(unit.value) if unit else 2)
    x, y = _rational(page, "XResolution"), _rational(page, "YResolution")
    if um is None or not x or not y:
        return {}
    return {"Y": float(f"{um / y:.8g}"), "X": float(f"{um / x:.8g}")}


def _rational(page: Any, name: str) -> float:
    """Return a rational tag as a number, or 0 where it is absent or divides by zero."""
    tag = page.tags.get(name)
    if tag is None:
        return 0.0
    try:
        above, below = tag.value
        return float(above) / float(below)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
