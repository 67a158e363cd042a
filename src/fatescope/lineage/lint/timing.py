"""Pace, timing and kind: order of divisions, species, embryos that are not typical."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.lineage.atlas import AB16_MIN, FITTED
from fatescope.lineage.lint.names import outside_names
from fatescope.numeric import complete_lives
from fatescope.storage import read_fitted

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.lint.settings import LintSettings
    from fatescope.numeric import Tracks

# Division order in 252-258 of 253-260 tables (LINEAGE notes): the first divides no later.
_ORDER = (("ABa", "EMS"), ("ABp", "EMS"), ("EMS", "P2"), ("C", "P3"))
_TOGETHER = ("ABa", "ABp")
_SLACK_FRAMES = 3
_SEEN = 5
"""Embryos of the atlas that must have shown a life for it to be compared."""
_FEWEST_LIVES = 10
_HALF_FRAME = 0.5
_MANY = 10
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


def odd_lives(tracks: Tracks, atlas: Atlas, *, file: str, settings: LintSettings) -> list[Finding]:
    """Report cells that live far longer or shorter than in the atlas, the embryo's pace taken out.

    The pace is the median over all cells whose birth and division were seen. Where many lives are
    odd, that is one finding: it is the recording, or the embryo, and not the cells.
    """
    lives = complete_lives(tracks)
    known = [n for n in lives if n in atlas.index and atlas.n_lives[atlas.index[n]] >= _SEEN]
    if len(known) < _FEWEST_LIVES:
        return []
    i = np.array([atlas.index[n] for n in known])
    frames = np.array([lives[n] for n in known], dtype=float)
    log = np.log(frames / atlas.life_min[i])
    log -= np.median(log)
    z = log / np.sqrt(atlas.life_sd[i] ** 2 + (_HALF_FRAME / frames) ** 2)
    odd = (np.abs(z) > settings.life_spread) & (np.abs(log) > np.log(settings.life_factor))
    by_name = tracks.by_name()
    begins = np.array([int(tracks.first[by_name[n]]) for n in known])
    if odd.sum() > _MANY:
        return [
            _many_odd(file, begins[odd], np.exp(log[odd]), float(np.abs(z[odd]).max()), settings)
        ]
    return [
        Finding(
            file=file,
            rule="timing",
            frame=int(begins[k]),
            object=known[k],
            value=round(float(z[k]), 2),
            limit=float(np.copysign(settings.life_spread, z[k])),
            severity="warning",
            reason=(
                f"{known[k]} lives {np.exp(log[k]):.2f} times as long as in the atlas, by the pace "
                f"of this embryo ({frames[k]:.0f} frames, {abs(z[k]):.1f} spreads away)."
            ),
        )
        for k in np.flatnonzero(odd)
    ]


def _many_odd(
    file: str, begins: IntArray, factor: FloatArray, worst: float, settings: LintSettings
) -> Finding:
    return Finding(
        file=file,
        rule="timing",
        frame=int(np.median(begins)),
        object=f"{len(begins)} cells",
        value=round(worst, 2),
        limit=settings.life_spread,
        severity="warning",
        reason=(
            f"{len(begins)} cells born in frames {begins.min()} to {begins.max()} live "
            f"{np.median(factor):.2f} times (median) as long as in the atlas: frames are "
            "missing or doubled there, the interval changes, or the names are wrong."
        ),
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


def neighbour_um() -> float:
    """Return the distance to the nearest nucleus at 26 cells; it falls with their cube root."""
    return float(read_fitted(FITTED)["pace"]["neighbour_um"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Frames per minute of the reference, and the frame in which the AB16 cells are born."""

    frames_per_min: float
    ab16_birth: float


def pace_of(tracks: Tracks) -> Pace | None:
    """Return the pace, or ``None`` if fewer than two AB16 cells were seen whole."""
    lives = complete_lives(tracks)
    names = [n for n in lives if len(n) == 6 and n.startswith("AB")]
    if len(names) < 2:
        return None
    by_name = tracks.by_name()
    life = float(np.median([lives[n] for n in names]))
    birth = float(np.median([tracks.first[by_name[n]] for n in names]))
    return Pace(frames_per_min=life / AB16_MIN, ab16_birth=birth)


def expected_cells(frame: float, pace: Pace) -> float:
    """Return how many cells an embryo of this pace has in a frame; constant after about 340."""
    minutes = (frame - pace.ab16_birth) / pace.frames_per_min
    usual = read_fitted(FITTED)["pace"]
    return float(2 ** np.interp(minutes, usual["minutes"], np.log2(usual["cells"])))
