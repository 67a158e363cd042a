"""Spacing and channel names out of a TIFF file, each believed only where it can be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from fatescope.acquire.images.ome_about import OmeAbout, about_image
from fatescope.acquire.images.scale import (
    MIN,
    UM,
    believed,
    interval,
    length_in,
    uneven,
)
from fatescope.base import Finding, Spacing
from fatescope.base.spacing import PLAUSIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAUSIBLE_TAG = (0.01, 20.0)
"""Tighter limits in µm for the resolution tag alone, which often holds 72 dots an inch."""


def read_metadata(
    tif: Any, series: Any, file: str
) -> tuple[Spacing, OmeAbout, tuple[Finding, ...]]:
    """Return the spacing, what is said beside it, and a finding for what was not believed."""
    about = OmeAbout()
    limits = PLAUSIBLE
    if tif.is_ome:
        about = _ome(tif.ome_metadata)
        steps = {**about.steps, **interval(about.minutes)}
    elif tif.is_imagej:
        steps = _imagej(tif.imagej_metadata or {}, series.keyframe)
    elif tif.is_metaseries:
        about = _metaseries(tif.metaseries_metadata or {})
        steps = about.steps
    elif tif.is_lsm:
        steps = _lsm(tif.lsm_metadata or {})
    else:
        steps = _resolution_tag(series.keyframe)
        limits = {"Y": PLAUSIBLE_TAG, "X": PLAUSIBLE_TAG}
    spacing, notes = believed(steps, file, limits)
    return spacing, about, (*notes, *uneven(about.minutes, file))


def _ome(text: str | None) -> OmeAbout:
    """Read what is said of the first image."""
    try:
        root = ElementTree.fromstring(text or "")
    except ElementTree.ParseError:
        return OmeAbout()
    image = root.find(".//{*}Image")
    return OmeAbout() if image is None else about_image(root, image)


def _imagej(meta: Mapping[str, Any], page: Any) -> dict[str, float | None]:
    """Read ``unit``, ``spacing`` and ``finterval``; the tag has pixels per unit."""
    unit = meta.get("unit", "")
    per_unit = _rational(page, "XResolution"), _rational(page, "YResolution")
    steps = {
        "X": length_in(1 / per_unit[0], unit, UM) if per_unit[0] else None,
        "Y": length_in(1 / per_unit[1], meta.get("yunit", unit), UM) if per_unit[1] else None,
        "Z": length_in(meta.get("spacing"), meta.get("zunit", unit), UM),
        "T": length_in(meta.get("finterval"), meta.get("tunit", "sec"), MIN),
    }
    if steps["T"] == 0:  # ImageJ writes 0 where the interval is unknown
        steps["T"] = None
    return steps


def _metaseries(meta: Mapping[str, Any]) -> OmeAbout:
    """Read what MetaMorph and MetaXpress write with each plane: calibration, light, objective."""
    plane = meta.get("PlaneInfo") or {}
    unit = plane.get("spatial-calibration-units", "")
    at = {a: plane.get(f"spatial-calibration-{a.lower()}") for a in "YX"}
    light = str(plane.get("_IllumSetting_", "")).strip()
    return OmeAbout(
        steps={a: length_in(v, unit, UM) for a, v in at.items()}
        if plane.get("spatial-calibration-state", True)
        else {},
        channels=(light,) if light else (),
        objective=str(plane.get("_MagSetting_", "")).strip(),
    )


def _lsm(meta: Mapping[str, Any]) -> dict[str, float | None]:
    steps = {a: length_in(meta.get(f"VoxelSize{a}"), "m", UM) for a in "ZYX"}
    steps["T"] = length_in(meta.get("TimeIntervall"), "s", MIN) or None
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
