"""Which objects deserve a second look first, and why, in one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.systems.nuclei.page.values import Doubtful

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import Table

_SEVERITY = {"error": 2.0, "warning": 1.0, "info": 0.0}


def rank_doubtful(objects: Table, findings: Sequence[Mapping[str, Any]]) -> list[Doubtful]:
    """Rank the objects that somebody doubts: a finding that names them, or the measurement.

    Parameters
    ----------
    objects : Table
        With ``image, label, frame, z, y, x``; where there are columns ``doubt`` (1 at the
        limit, more is worse) and ``doubt_reason``, rows with a reason are taken.
    findings : sequence of mapping
        Rows of findings.csv. Those whose ``object`` is a label count with their severity and
        with how far ``value`` is beyond ``limit``; rejected ones do not count.

    Returns
    -------
    list of Doubtful
        Most doubtful first, without thumbnails; each object once, with all its reasons.
    """
    rows = {
        (str(image), int(frame), int(label)): row
        for row, (image, frame, label) in enumerate(
            zip(objects["image"], objects["frame"], objects["label"], strict=True)
        )
    }
    doubts: dict[int, list[tuple[float, str]]] = {}
    for finding in findings:
        row = rows.get(_named(finding))
        if row is not None and finding.get("status") != "rejected":
            rank = _SEVERITY.get(str(finding["severity"]), 0.0) + _beyond(finding)
            doubts.setdefault(row, []).append((rank, str(finding["reason"])))
    if "doubt" in objects and "doubt_reason" in objects:
        for row, reason in enumerate(objects["doubt_reason"].tolist()):
            if reason:
                amount = float(objects["doubt"][row])
                doubts.setdefault(row, []).append((amount, _as_sentence(str(reason))))
    ranked = [_doubtful(objects, row, given) for row, given in doubts.items()]
    return sorted(ranked, key=lambda d: (-d.rank, d.key, d.frame, d.label))


def merge_repeats(ranked: Sequence[Doubtful], *, radius_px: float) -> list[Doubtful]:
    """List what is doubtful at one place of a movie once, with the frames in which it is.

    Parameters
    ----------
    ranked : sequence of Doubtful
        Most doubtful first.
    radius_px : float
        Centres that are nearer than this, in different frames of one image, are one place.

    Returns
    -------
    list of Doubtful
        In the same order; the most doubtful of a place stands for it, with the others' frames
        in ``also``.
    """
    places: list[Doubtful] = []
    cells: dict[tuple[str, int, int, int], list[int]] = {}
    for doubt in ranked:
        at = int(doubt.y // radius_px), int(doubt.x // radius_px)
        near = [(at[0] + dy, at[1] + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        found = next(
            (
                i
                for cell in near
                for i in cells.get((doubt.key, doubt.plane, *cell), ())
                if _is_same_place(places[i], doubt, radius_px)
            ),
            None,
        )
        if found is None:
            cells.setdefault((doubt.key, doubt.plane, *at), []).append(len(places))
            places.append(doubt)
        else:
            frames = {*places[found].also, doubt.frame}
            places[found] = replace(places[found], also=tuple(sorted(frames)))
    return places


def _is_same_place(listed: Doubtful, doubt: Doubtful, radius_px: float) -> bool:
    apart = np.hypot(listed.y - doubt.y, listed.x - doubt.x)
    return bool(apart < radius_px) and doubt.frame not in (listed.frame, *listed.also)


def _named(finding: Mapping[str, Any]) -> tuple[str, int, int]:
    label = str(finding.get("object") or "")
    frame = finding.get("frame")
    known = frame is not None and frame == frame
    return (
        str(finding["file"]),
        int(frame or 0) if known else 0,
        int(label) if label.isdigit() else -1,
    )


def _beyond(finding: Mapping[str, Any]) -> float:
    """How far past its limit a finding is: 1 at the limit, at most 9."""
    value, limit = finding.get("value"), finding.get("limit")
    if not value or not limit or not (value > 0 and limit > 0):
        return 1.0
    return float(min(9.0, 1 + abs(np.log2(value / limit))))


def _as_sentence(text: str) -> str:
    text = text[0].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def _doubtful(objects: Table, row: int, given: list[tuple[float, str]]) -> Doubtful:
    given = sorted(given, key=lambda g: -g[0])
    z = objects["z"][row] if "z" in objects else 0
    return Doubtful(
        key=str(objects["image"][row]),
        frame=int(objects["frame"][row]),
        plane=round(float(z)) if z == z else 0,
        label=int(objects["label"][row]),
        y=float(objects["y"][row]),
        x=float(objects["x"][row]),
        reason=" ".join(dict.fromkeys(reason for _, reason in given)),
        rank=given[0][0],
    )
