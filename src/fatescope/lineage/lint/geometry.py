"""Geometry: nuclei in one place, leaps, and tracks that trade places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, sister_of, sort_key
from fatescope.lineage.lint.pace import NEIGHBOUR_UM

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.lint.settings import LintSettings

_SUSPECT_UM = 2.0
_SAVED_UM = 3.0
_DIVISION_UM = 3.0
_REACH = 0.9


def duplicate_positions(lineage: Lineage, *, file: str) -> list[Finding]:
    """Report pairs of nuclei in exactly one place, each pair once."""
    order = np.lexsort((*lineage.position.T, lineage.frame))
    place, frame = lineage.position[order], lineage.frame[order]
    same = (frame[1:] == frame[:-1]) & (place[1:] == place[:-1]).all(axis=1)
    pairs: dict[str, list[int]] = {}
    for at in np.flatnonzero(same).tolist():
        rows = sorted((int(order[at]), int(order[at + 1])))
        names = [str(lineage.name[r]) or f"row {r + 1}" for r in rows]
        pairs.setdefault("|".join(names), []).append(int(frame[at]))
    return [
        Finding(
            file=file,
            rule="duplicate-position",
            frame=min(frames),
            object=pair,
            value=float(len(frames)),
            limit=0.0,
            severity="error",
            reason=f"{pair.replace('|', ' and ')} are in one place in {len(frames)} frames.",
        )
        for pair, frames in pairs.items()
    ]


def steps_um(lineage: Lineage) -> tuple[IntArray, FloatArray]:
    """Return rows that have a parent in the frame before, and their steps without the others'.

    The median step of all nuclei of a frame is taken off: an embryo that turns as a whole leaps
    nowhere.
    """
    rows = np.flatnonzero(lineage.parent >= 0)
    rows = rows[lineage.frame[rows] == lineage.frame[lineage.parent[rows]] + 1]
    place = lineage.position_um()
    step = place[rows] - place[lineage.parent[rows]]
    known = np.isfinite(step).all(axis=1)
    rows, step = rows[known], step[known]
    order = np.argsort(lineage.frame[rows], kind="stable")
    frames, starts = np.unique(lineage.frame[rows][order], return_index=True)
    for block in np.split(order, starts[1:]) if len(frames) else []:
        if len(block) >= 8:
            step[block] -= np.median(step[block], axis=0)
    return rows, step


def jumps(
    lineage: Lineage,
    rows: IntArray,
    step: FloatArray,
    *,
    file: str,
    settings: LintSettings,
    explained: set[int],
) -> list[Finding]:
    """Report steps that are too long for one frame; ``explained`` rows were traded places."""
    length = np.linalg.norm(step, axis=1)
    born = lineage.name[rows] != lineage.name[lineage.parent[rows]]
    start = int(lineage.frame.min())
    alive = np.bincount(lineage.frame - start)[lineage.frame[rows] - start]
    limit = np.maximum(settings.jump_um, _REACH * NEIGHBOUR_UM * np.cbrt(26.0 / alive))
    limit = limit + np.where(born, _DIVISION_UM, 0.0)
    found = []
    for at in np.flatnonzero(length > limit).tolist():
        row = int(rows[at])
        if row in explained:
            continue
        name = str(lineage.name[row]) or f"row {row + 1}"
        found.append(
            Finding(
                file=file,
                rule="jump",
                frame=int(lineage.frame[row]),
                object=name,
                value=round(float(length[at]), 2),
                limit=round(float(limit[at]), 2),
                severity="warning",
                reason=(
                    f"{name} moves {length[at]:.1f} µm into frame {lineage.frame[row]}, the "
                    "movement of the others taken off."
                ),
            )
        )
    return found


def traded_places(
    lineage: Lineage, rows: IntArray, step: FloatArray, *, settings: LintSettings
) -> list[tuple[int, int]]:
    """Return pairs of rows of one frame whose tracks run shorter if they trade their pasts."""
    place = lineage.position_um()
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
