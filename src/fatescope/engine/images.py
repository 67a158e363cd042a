"""`images.csv`: one row for each image of a run, the table that people open first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from fatescope.base import Severity
from fatescope.engine.ledger import Unit

IMAGE_COLUMNS = (
    *("image", "path", "state", "frames", "channel", "n_objects"),
    *("spacing_um", "spacing_source", "diameter_px", "diameter_source"),
    *("n_findings", "worst", "n_at_border"),
)


def image_rows(units: Iterable[Unit]) -> Iterator[dict[str, Any]]:
    """Pass one row for each unit that was done or failed, in order.

    Parameters
    ----------
    units : iterable of Unit
        Their ``input`` as `describe_input` makes it; ``diameter``, if the command has one, is a
        mapping of ``value`` and ``source``.

    Yields
    ------
    dict
        With the columns of the contract. What is not known of an image is empty, never 0.
    """
    return (_row(u) for u in units if u.state != "waiting")


def _row(unit: Unit) -> dict[str, Any]:
    said = unit.input
    diameter = said.get("diameter") or {}
    spacing, source = _spacing(said.get("spacing") or {})
    severities = [f["severity"] for f in unit.findings]
    return {
        "image": unit.key,
        "path": _path(unit),
        "state": unit.state,
        "frames": _frames(said),
        "channel": _channel(said),
        "n_objects": said.get("n_objects"),
        "spacing_um": spacing,
        "spacing_source": source,
        "diameter_px": diameter.get("value"),
        "diameter_source": diameter.get("source"),
        "n_findings": len(severities),
        "worst": max(severities, key=get_args(Severity).index, default=None),
        "n_at_border": said.get("n_at_border"),
    }


def _path(unit: Unit) -> str | None:
    """Return the file, of a movie of numbered files the first; of a failed unit what it named."""
    path = unit.input.get("path") or next((f["file"] for f in unit.findings), None)
    return path[0] if isinstance(path, list) else path


def _channel(said: Mapping[str, Any]) -> str | None:
    """Return number and name of the channel that was analysed; without a name its number."""
    number, names = said.get("channel"), said.get("channels") or ()
    if number is None:
        return None
    return f"{number} {names[number]}" if number < len(names) else str(number)


def _frames(said: Mapping[str, Any]) -> int | None:
    if "axes" not in said:
        return None
    return int(said["shape"][said["axes"].index("T")]) if "T" in said["axes"] else 1


def _spacing(spacing: Mapping[str, Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """Write X, or Y,X, or Z,Y,X as ``--spacing-um`` takes it, and where it came from."""
    known = [spacing[a] for a in "ZYX" if a in spacing]
    if "X" not in spacing or "Y" not in spacing:
        return None, None
    if len(known) == 2 and known[0]["value"] == known[1]["value"]:
        known = known[1:]
    sources = dict.fromkeys(str(step["source"]) for step in known)
    return ",".join(f"{float(step['value']):.6g}" for step in known), "/".join(sources)
