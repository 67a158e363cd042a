"""Tracks that trade places: each goes on where the other was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, sister_of, sort_key

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.lineage.lint.settings import LintSettings
    from fatescope.lineage.lint.steps import Steps

_SUSPECT_UM = 2.0
_SAVED_UM = 3.0


def traded_places(
    lineage: Lineage, steps: Steps, *, settings: LintSettings
) -> list[tuple[int, int]]:
    """Return pairs of rows of one frame whose tracks run shorter if they trade their pasts."""
    place, rows, step = lineage.position_um(), steps.row, steps.step_um
    length = np.linalg.norm(step, axis=1)
    suspect = np.flatnonzero(length > _SUSPECT_UM)
    by_frame: dict[int, list[int]] = {}
    for at in suspect.tolist():
        by_frame.setdefault(int(lineage.frame[rows[at]]), []).append(at)
    pairs = []
    for group in by_frame.values():
        if len(group) < 2:
            continue
        now = rows[group]
        before = lineage.parent[now]
        drift = place[now] - place[before] - step[group]
        cost = np.linalg.norm(place[now][:, None] - place[before][None] - drift[:, None], axis=2)
        own = np.diag(cost)
        crossed = cost + cost.T
        kept = own[:, None] + own[None]
        good = (crossed < settings.exchange_ratio * kept) & (kept - crossed > _SAVED_UM)
        good &= before[:, None] != before[None]
        for i, j in np.argwhere(np.triu(good, 1)).tolist():
            pairs.append((int(now[i]), int(now[j])))
    return pairs


def exchanges(lineage: Lineage, pairs: list[tuple[int, int]], *, file: str) -> list[Finding]:
    """Report tracks that traded places; a pair that trades back is one finding.

    Sisters that trade are daughters swapped (rule ``swap``), others are ``exchanged``.
    """
    by_pair: dict[tuple[str, str], list[int]] = {}
    for one, other in pairs:
        names = _traders(lineage, one, other)
        by_pair.setdefault(names, []).append(int(lineage.frame[one]))
    found = []
    for (first, second), frames in by_pair.items():
        frames = sorted(set(frames))
        sisters = is_cell_name(first) and sister_of(first) == second
        until = f" and back in frame {frames[1]}" if len(frames) > 1 else ""
        found.append(
            Finding(
                file=file,
                rule="swap" if sisters else "exchanged",
                frame=frames[0],
                object=f"{first}|{second}",
                value=float(frames[1] - frames[0]) if len(frames) > 1 else None,
                severity="error",
                reason=f"{first} and {second} trade places in frame {frames[0]}{until}.",
            )
        )
    return found


def _traders(lineage: Lineage, one: int, other: int) -> tuple[str, str]:
    """Return the two cells whose pasts are exchanged, in order; at a division, the mothers."""
    cells = []
    for row in (one, other):
        name = str(lineage.name[lineage.parent[row]]) or f"row {int(lineage.parent[row]) + 1}"
        cells.append(name)
    first, second = sorted(cells, key=sort_key)
    return first, second
