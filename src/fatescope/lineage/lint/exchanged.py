"""Lineages that bear each other's names, by where their nuclei are; tracks that trade places.

Nothing in a tree betrays that the names of ABpl and ABpr were exchanged before its first frame:
every link, every division and every life is as it should be. Their positions do, once the embryo
is laid over the atlas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, sister_of, sort_key
from fatescope.base.sulston_tree import all_names, daughters_of
from fatescope.lineage.exclusion import below
from fatescope.lineage.lint.named_embryo import NamedEmbryo, distances, fit_named, named_embryo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.lint.jumps import Steps
    from fatescope.lineage.lint.settings import LintSettings

_FOUNDED_CELLS = 26
"""Lineages founded later are compared by their division alone: their cells do trade places."""
_FEWEST_VIEWS = 10
_WORST = 12
"""Lineages of one generation that are tried against all others, not their sisters alone."""
_MOST = 4
_UNLIKE = 1.1
"""Loss of an embryo that is unlike the atlas: 0.25 to 0.5 is usual, 1.0 the oddest of 59."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangedPair:
    """Two lineages that fit the atlas with each other's names, and how far away they are."""

    first: str
    second: str
    named_um: float
    exchanged_um: float


def exchanged_lineages(
    lineage: Lineage,
    atlas: Atlas,
    *,
    file: str,
    settings: LintSettings,
    since: Mapping[str, int],
) -> list[Finding]:
    """Report pairs of whole lineages whose names are exchanged; of nested pairs the oldest.

    ``lineage``: with spacing; ``since``: frames in which the tracks of ``first|second`` trade
    places in the middle of their lives; any other pair is exchanged from its first frame on.
    """
    embryo = named_embryo(lineage, atlas)
    if embryo is None:
        return []
    return [
        _finding(pair, lineage, file=file, settings=settings, since=since)
        for pair in find_exchanged(atlas, embryo, settings=settings)
    ]


def find_exchanged(
    atlas: Atlas, embryo: NamedEmbryo, *, settings: LintSettings
) -> list[ExchangedPair]:
    """Exchange names as long as that lays the embryo much better over the atlas.

    Every pair of sister lineages founded by the 26-cell stage is tried, or among the first cells
    of a recording that begins later, and beside them the lineages of one generation that lie
    furthest from their places. The exchange that fits best is taken: an older lineage explains
    more than the younger ones within it. An embryo that remains far from the atlas is not compared.
    """
    name, found = embryo.name, []
    for _ in range(_MOST):
        best = _best_exchange(atlas, embryo, name, settings=settings)
        if best is None:
            break
        name, pair = best
        found.append(pair)
    return found if fit_named(atlas, embryo, name)[1] < _UNLIKE else []


def _best_exchange(
    atlas: Atlas, embryo: NamedEmbryo, name: IntArray, *, settings: LintSettings
) -> tuple[IntArray, ExchangedPair] | None:
    paths = _paths()
    fit, loss = fit_named(atlas, embryo, name)
    away = distances(atlas, embryo, fit, name)
    lineages = _lineages(atlas, embryo, name, away)
    best = None
    for one, other in _pairs(lineages, displacement_um=settings.exchanged_um):
        tried = _exchange(atlas, name, one, other)
        fit, now = fit_named(atlas, embryo, tried)
        if now >= loss:
            continue
        inside = _inside(name, (one, other))[embryo.cell]
        before = float(np.median(distances(atlas, embryo, fit, name)[inside]))
        after = float(np.median(distances(atlas, embryo, fit, tried)[inside]))
        if before - after < settings.exchanged_um or after > settings.exchanged_share * before:
            continue
        first, second = (all_names()[paths.index(p)] for p in (one, other))
        loss = now
        best = tried, ExchangedPair(first=first, second=second, named_um=before, exchanged_um=after)
    return best


def _lineages(
    atlas: Atlas, embryo: NamedEmbryo, name: IntArray, away: FloatArray
) -> dict[str, float]:
    """Return the lineages that can be compared, as paths from P0, and how far off they lie."""
    minutes, curve = atlas.count_curve
    founded = float(np.interp(np.log(_FOUNDED_CELLS), np.log(curve), minutes))
    first = set(name[embryo.chains.first == embryo.chains.first.min()].tolist())
    paths = _paths()
    ancestors = {paths[n][:d] for n in set(name.tolist()) for d in range(1, len(paths[n]) + 1)}
    comparable = {}
    for path in sorted(ancestors):
        n = paths.index(path)
        if atlas.birth_min[n] > founded and n not in first:
            continue
        inside = _inside(name, (path,))[embryo.cell]
        if inside.sum() >= _FEWEST_VIEWS:
            comparable[path] = float(np.median(away[inside]))
    return comparable


def _pairs(lineages: Mapping[str, float], *, displacement_um: float) -> list[tuple[str, str]]:
    """Return sisters, and pairs among those of one generation that lie furthest astray."""
    chosen = {(p, p[:-1] + "1") for p in lineages if p[-1] == "0" and p[:-1] + "1" in lineages}
    for depth in {len(p) for p in lineages}:
        same = [p for p, away in lineages.items() if len(p) == depth and away > displacement_um]
        same.sort(key=lambda p: -lineages[p])
        chosen |= {(min(a, b), max(a, b)) for a, b in combinations(same[:_WORST], 2)}
    return sorted(chosen)


def _exchange(atlas: Atlas, name: IntArray, one: str, other: str) -> IntArray:
    """Return names with two lineages exchanged, cell by cell along the tree.

    Where the other lineage has no such cell, its last ancestor that the atlas knows stands for it.
    """
    paths = _paths()
    places = {p: i for i, p in enumerate(paths)}
    changed = name.copy()
    for own, instead in ((one, other), (other, one)):
        for k in np.flatnonzero(_inside(name, (own,))).tolist():
            path = instead + paths[name[k]][len(own) :]
            while path not in places or not atlas.known[places[path]]:
                path = path[:-1]
            changed[k] = places[path]
    return changed


def _inside(name: IntArray, lineages: tuple[str, ...]) -> BoolArray:
    paths = _paths()
    return np.array([paths[n].startswith(lineages) for n in name.tolist()], dtype=bool)


@cache
def _paths() -> tuple[str, ...]:
    """Return the way from P0 to each name: 0 for the first daughter, 1 for the second."""
    path = {"P0": ""}
    for name in all_names():  # mothers come first
        for step, daughter in zip("01", daughters_of(name), strict=False):
            path[daughter] = path[name] + step
    return tuple(path[name] for name in all_names())


def _finding(
    pair: ExchangedPair,
    lineage: Lineage,
    *,
    file: str,
    settings: LintSettings,
    since: Mapping[str, int],
) -> Finding:
    both = f"{pair.first}|{pair.second}"
    frames = lineage.frame[below(lineage, [pair.first, pair.second])]
    begin = since.get(both, int(frames.min()))
    rows = int((frames >= begin).sum())
    return Finding(
        file=file,
        rule="exchanged",
        frame=begin,
        object=both,
        value=round(pair.named_um - pair.exchanged_um, 1),
        limit=settings.exchanged_um,
        severity="error",
        reason=(
            f"{pair.first} and {pair.second} bear each other's names, with all their descendants: "
            f"{rows} rows lie {pair.named_um:.1f} µm (median) from where cells of these names "
            f"belong, and {pair.exchanged_um:.1f} µm if the names are exchanged."
        ),
    )


_SUSPECT_UM = 2.0  # steps of tracks that may have traded places
_SAVED_UM = 3.0  # by trading back; no table of 58 has such a pair by chance (record 0061)


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
