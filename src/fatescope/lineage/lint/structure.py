"""Structure: rows before the first frame, holes, cells from nowhere, families of three, twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, mother_of, sister_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.numeric import Tracks


def nonpositive_times(lineage: Lineage, tracks: Tracks, *, file: str) -> list[Finding]:
    """Report cells that have rows before the first frame of the recording."""
    early = np.flatnonzero(lineage.frame < 0)
    found = []
    for track in dict.fromkeys(tracks.of_row[early].tolist()):
        rows = early[tracks.of_row[early] == track]
        first, last = int(lineage.frame[rows].min()), int(lineage.frame[rows].max())
        found.append(
            Finding(
                file=file,
                rule="nonpositive-time",
                frame=first,
                object=_called(tracks, track),
                value=float(len(rows)),
                limit=0.0,
                severity="error",
                reason=(
                    f"{_called(tracks, track)} has {len(rows)} rows in frames {first} to {last}, "
                    "before the recording began (times of 0 and below in the table)."
                ),
            )
        )
    return found


def holes(lineage: Lineage, tracks: Tracks, *, file: str) -> list[Finding]:
    """Report empty frames between mother and daughter, and within a cell."""
    found = []
    linked = np.flatnonzero(lineage.parent >= 0)
    gap = lineage.frame[linked] - lineage.frame[lineage.parent[linked]] - 1
    for row, empty in zip(linked[gap > 0].tolist(), gap[gap > 0].tolist(), strict=True):
        track, before = int(tracks.of_row[row]), int(tracks.of_row[lineage.parent[row]])
        name = _called(tracks, track)
        where = "in its life" if track == before else f"after its mother {_called(tracks, before)}"
        found.append(
            Finding(
                file=file,
                rule="hole",
                frame=int(lineage.frame[row]),
                object=name,
                value=float(empty),
                limit=0.0,
                severity="warning",
                reason=f"{name} has {empty} empty frames {where} (until {lineage.frame[row]}).",
            )
        )
    return found


def orphans(lineage: Lineage, tracks: Tracks, *, file: str) -> list[Finding]:
    """Report cells that appear after the first frame without a mother.

    A lineage without any link is a movie, not a tree, and has no orphans.
    """
    if not (lineage.parent >= 0).any():
        return []
    recorded = lineage.frame[lineage.frame >= 0]
    start = int(recorded.min()) if len(recorded) else 0
    last_of = {n: int(tracks.last[t]) for n, t in tracks.by_name().items()}
    found = []
    for track in np.flatnonzero((tracks.mother < 0) & (tracks.first > start)).tolist():
        name = _called(tracks, track)
        mother = mother_of(name) if is_cell_name(name) else None
        until = None if mother is None else last_of.get(mother)
        why = "" if until is None else f"; its mother {mother} is there until frame {until}"
        found.append(
            Finding(
                file=file,
                rule="orphan",
                frame=int(tracks.first[track]),
                object=name,
                severity="warning",
                reason=f"{name} appears in frame {tracks.first[track]} without a mother{why}.",
            )
        )
    return found


def odd_families(tracks: Tracks, *, file: str) -> list[Finding]:
    """Report mothers of three or more, and daughters whose sister is missing."""
    found = []
    daughters = tracks.daughters()
    for track in np.flatnonzero(tracks.n_daughters > 2).tolist():
        name, count = _called(tracks, track), int(tracks.n_daughters[track])
        found.append(
            Finding(
                file=file,
                rule="oversplit",
                frame=int(tracks.last[track]),
                object=name,
                value=float(count),
                limit=2.0,
                severity="error",
                reason=f"{name} has {count} daughters after frame {tracks.last[track]}.",
            )
        )
    for track in np.flatnonzero(tracks.n_daughters == 1).tolist():
        only = _called(tracks, daughters[track][0])
        sister = sister_of(only) if is_cell_name(only) else None
        found.append(
            Finding(
                file=file,
                rule="partial",
                frame=int(tracks.last[track]) + 1,
                object=only,
                severity="warning",
                reason=f"{only} is born without its sister {sister or ''}".rstrip() + ".",
            )
        )
    return found


def _called(tracks: Tracks, track: int) -> str:
    """Return the name of a track, or where it starts."""
    name = str(tracks.name[track])
    return name or f"row {int(tracks.first_row[track]) + 1}"


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
