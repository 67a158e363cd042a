"""Timing and kind: order of divisions, species, embryos that are not typical."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.lineage.lint_names import outside_names
from fatescope.lineage.pace import complete_lives

if TYPE_CHECKING:
    from fatescope.base.tracks import Tracks
    from fatescope.lineage.lint_settings import LintSettings

# Division order in 252-258 of 253-260 tables (LINEAGE notes): the first divides no later.
_ORDER = (("ABa", "EMS"), ("ABp", "EMS"), ("EMS", "P2"), ("C", "P3"))
_TOGETHER = ("ABa", "ABp")
_SLACK_FRAMES = 3
_AB16_MIN = (16.0, 36.0)
"""Life of AB16 cells in minutes; 17 to 30 in the EPIC collection, 24 its median."""


def division_order(tracks: Tracks, *, file: str) -> list[Finding]:
    """Report founders that divide in an order that embryos do not show."""
    by_name = tracks.by_name()
    end = {n: int(tracks.last[t]) for n, t in by_name.items() if tracks.n_daughters[t] == 2}
    found = []
    for early, late in _ORDER:
        if early in end and late in end and end[early] > end[late]:
            found.append(
                _timing(file, early, end[early], end[early] - end[late], 0, f"after {late}")
            )
    one, other = _TOGETHER
    if one in end and other in end and abs(end[one] - end[other]) > _SLACK_FRAMES:
        late = one if end[one] > end[other] else other
        apart = abs(end[one] - end[other])
        before = other if late == one else one
        found.append(_timing(file, late, end[late], apart, _SLACK_FRAMES, f"long after {before}"))
    return found


def _timing(file: str, cell: str, frame: int, value: int, limit: int, how: str) -> Finding:
    return Finding(
        file=file,
        rule="timing",
        frame=frame,
        object=cell,
        value=float(value),
        limit=float(limit),
        severity="warning",
        reason=f"{cell} divides {value} frames {how}, which embryos do not do.",
    )


def species_and_kind(
    tracks: Tracks, *, file: str, settings: LintSettings, interval_min: float | None
) -> list[Finding]:
    """Report another species by its cycle lengths, and embryos unlike the reference.

    ``interval_min`` is the interval that a file or a user states; one that was estimated from the
    pace of the embryo says nothing about the pace.
    """
    found = []
    lives = complete_lives(tracks)
    ab16 = [v for n, v in lives.items() if len(n) == 6 and n.startswith("AB")]
    e2 = [lives[n] for n in ("Ea", "Ep") if n in lives]
    if len(ab16) >= 2 and e2:
        ratio = float(np.median(e2) / np.median(ab16))
        if ratio < settings.species_ratio:
            found.append(_species(file, ratio, settings.species_ratio))
    reasons = _why_atypical(tracks, ab16, settings, interval_min)
    found += [
        Finding(
            file=file,
            rule="atypical",
            value=value,
            limit=limit,
            severity="warning",
            reason=reason,
        )
        for reason, value, limit in reasons
    ]
    return found


def _species(file: str, ratio: float, limit: float) -> Finding:
    return Finding(
        file=file,
        rule="species",
        value=round(ratio, 3),
        limit=limit,
        severity="warning",
        reason=(
            f"Ea and Ep live {ratio:.2f} times as long as AB16 cells; in C. elegans it is 1.48 to "
            "1.89, in C. briggsae 1.28 to 1.34. This is probably another species."
        ),
    )


def _why_atypical(
    tracks: Tracks, ab16: list[int], settings: LintSettings, interval_min: float | None
) -> list[tuple[str, float, float]]:
    reasons = []
    names = len(tracks.by_name())
    outside = [n for n in outside_names(tracks) if not n.startswith(("Nuc", "polar"))]
    share = len(outside) / names if names else 0.0
    if share > settings.outside_share:
        sentence = f"{share:.0%} of the names are outside the tree of C. elegans."
        reasons.append((sentence, round(share, 3), settings.outside_share))
    if len(ab16) >= 2 and interval_min is not None:
        life = float(np.median(ab16)) * interval_min
        low, high = _AB16_MIN
        if not low <= life <= high:
            sentence = f"AB16 cells live {life:.0f} min; in embryos at 15 to 25 °C it is 16 to 36."
            reasons.append((sentence, round(life, 1), low if life < low else high))
    return reasons
