"""Name a tracked tree: find time and pose, then names, and let each improve the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.lineage.align import EmbryoFit, NamedViews, fit_embryo
from fatescope.lineage.clock import Clock, birth_lags, clock_from_births, clocks_from_counts
from fatescope.lineage.naming.evidence import (
    Displacements,
    NamingScene,
    division_directions,
    fit_displacements,
    phases,
    score_names,
)
from fatescope.lineage.naming.starts import long_axis_frame, rotate_about_long_axis
from fatescope.lineage.naming.tree import Named, name_forest
from fatescope.numeric import Tracks, cut_tracks

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

_EARLY_CELLS = 100
_MIDDLE_CELLS = 180
_N_ROLLS = 8
_N_STARTS = 4
_PASSES = 4
"""Named are 100 cells, 180, and all; 8 turns of two ends are the 16 rotations (record 0070)."""
_WORSE = 300.0  # likelihood that a pass may lose and still be kept; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTree:
    """Names of tracks, and the clock and the map they were found with."""

    chains: Tracks
    named: Named
    clock: Clock
    fit: EmbryoFit

    def row_names(self) -> IntArray:
        """Return the place in the atlas of each row, -1 where unnamed."""
        return self.named.name[self.chains.of_row]


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows up to some frame, as an embryo of their own."""

    xyz_um: FloatArray
    frame: IntArray
    chains: Tracks

    @staticmethod
    def until(xyz_um: FloatArray, frame: IntArray, parent: IntArray, cells: int) -> _Part:
        count = np.bincount(frame - frame.min())
        limit = min(cells, int(count.max()))
        last = int(frame.min() + np.argmax(count >= limit))
        rows = np.flatnonzero(frame <= last)
        place = np.full(len(frame), -1)
        place[rows] = np.arange(len(rows))
        parents = np.where(parent[rows] >= 0, place[parent[rows]], -1)
        return _Part(xyz_um[rows], frame[rows], cut_tracks(frame[rows], parents))


@dataclass(frozen=True, slots=True)
class _State:
    named: Named
    clock: Clock
    matrix: FloatArray
    shift: FloatArray
    spread: float


def name_tracked(
    atlas: Atlas, *, xyz_um: FloatArray, frame: IntArray, parent: IntArray
) -> NamedTree:
    """Name the cells of a tracked embryo, at any stage, in any pose and pace.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (rows, 3)
        x, y, z in µm, right-handed (x to the right, y down, z away from the viewer).
    frame : ndarray of int, shape (rows,)
    parent : ndarray of int, shape (rows,)
        Row in an earlier frame, or -1.

    Raises
    ------
    InputError
        If there is no row.

    Notes
    -----
    The early part (up to 100 cells) is named for each of three clocks and 16 rotations about the
    long axis; the best four are refined and the best of them grows over the whole tree.
    """
    if not len(frame):
        raise InputError("there is no nucleus to name. Check that the table holds rows.")
    early = _Part.until(xyz_um, frame, parent, _EARLY_CELLS)
    state = max(
        (_refined(atlas, early, s) for s in _starts(atlas, early)), key=lambda s: s.named.total
    )
    middle = _Part.until(xyz_um, frame, parent, _MIDDLE_CELLS)
    if len(early.frame) < 0.95 * len(middle.frame) and len(middle.frame) < 0.95 * len(frame):
        named = _first_pass(atlas, middle, state)
        clock, fit = _updated(
            atlas, middle, named, state.clock, state.matrix, modes=False, drift=False
        )
        state = _State(named, clock, fit.matrix, fit.shift, fit.spread)
    return _whole(atlas, _Part(xyz_um, frame, cut_tracks(frame, parent)), state)


def rename_tracked(
    atlas: Atlas,
    found: NamedTree,
    *,
    xyz_um: FloatArray,
    frame: IntArray,
    parent: IntArray,
) -> NamedTree:
    """Name the same nuclei again after their links changed; clock and map are kept as a start."""
    part = _Part(xyz_um, frame, cut_tracks(frame, parent))
    fit = found.fit
    named = _named(
        atlas,
        part,
        found.clock,
        fit.placed,
        fit.expected,
        Displacements.independent(fit.spread),
        15.0,
    )
    return _settled(atlas, part, named, found.clock, fit.matrix, passes=2)


def _starts(atlas: Atlas, part: _Part) -> list[_State]:
    """Try clocks and rotations; return the best few."""
    count = np.bincount(part.frame - part.frame.min())
    weight = 1 / count[part.frame - part.frame.min()]
    axes, centre = long_axis_frame(part.xyz_um, weight)
    tried = []
    for clock, turn in product(
        clocks_from_counts(atlas, part.frame), rotate_about_long_axis(_N_ROLLS)
    ):
        matrix = axes @ turn
        named = _named(
            atlas,
            part,
            clock,
            part.xyz_um @ matrix - centre @ matrix,
            atlas.position,
            Displacements.independent(2.0),
            25.0,
            0.5,
        )
        tried.append(_State(named, clock, matrix, -centre @ matrix, 2.0))
    tried.sort(key=lambda s: -s.named.total)
    return tried[:_N_STARTS]


def _named(
    atlas: Atlas,
    part: _Part,
    clock: Clock,
    placed: FloatArray,
    expected: FloatArray,
    displacements: Displacements,
    gate: float,
    trust: float = 1.0,
) -> Named:
    scene = NamingScene(frame=part.frame, placed=placed, expected=expected)
    evidence = score_names(atlas, part.chains, clock, scene, displacements, gate_min=gate)
    direction = division_directions(part.chains, placed)
    return name_forest(atlas, part.chains, evidence, direction, trust=trust)


def _with_lags(atlas: Atlas, part: _Part, named: Named, clock: Clock) -> Atlas:
    """Return the atlas with the births of this embryo, as far as its lineages run late or early."""
    chains = part.chains
    born = np.flatnonzero(chains.born & (named.name >= 0))
    born = born[atlas.known[named.name[born]]]
    lag = birth_lags(atlas, minute=clock.minutes(chains.first[born]), name=named.name[born])
    return replace(atlas, birth_min=atlas.birth_min + lag)


def _updated(
    atlas: Atlas,
    part: _Part,
    named: Named,
    clock: Clock,
    matrix: FloatArray,
    *,
    modes: bool,
    drift: bool,
) -> tuple[Clock, EmbryoFit]:
    """Fit clock and map to the names found so far."""
    chains = part.chains
    daughters = np.flatnonzero(chains.born & (named.name >= 0))
    daughters = daughters[atlas.known[named.name[daughters]]]
    clock = clock_from_births(
        atlas,
        frame=chains.first[daughters].astype(float),
        name=named.name[daughters],
        first=int(part.frame.min()),
        last=int(part.frame.max()),
        before=clock,
    )
    name = named.name[chains.of_row]
    row = np.flatnonzero((name >= 0) & atlas.known[name])
    begin, life = phases(atlas, chains, clock, chains.of_row[row], name[row])
    fit = fit_embryo(
        atlas,
        NamedViews(row=row, name=name[row], phase=(clock.minutes(part.frame[row]) - begin) / life),
        xyz_um=part.xyz_um,
        frame=part.frame,
        minutes_per_frame=clock.minutes_per_frame,
        prior=matrix,
        modes=modes,
        drift=drift,
    )
    return clock, fit


def _refined(atlas: Atlas, part: _Part, state: _State) -> _State:
    for turn in range(3):
        if not _usable(atlas, state.named):
            break
        clock, fit = _updated(
            atlas, part, state.named, state.clock, state.matrix, modes=False, drift=turn > 0
        )
        if np.linalg.det(fit.matrix) <= 0:
            break
        displacements = Displacements.independent(max(1.0, 1.2 * fit.spread))
        named = _named(atlas, part, clock, fit.placed, fit.expected, displacements, 20.0)
        if turn and named.total < state.named.total - _WORSE:
            break
        state = _State(named, clock, fit.matrix, fit.shift, fit.spread)
    return state


def _usable(atlas: Atlas, named: Named) -> bool:
    return bool((atlas.known[named.name[named.name >= 0]]).any())


def _first_pass(atlas: Atlas, part: _Part, state: _State) -> Named:
    placed = part.xyz_um @ state.matrix + state.shift
    displacements = Displacements.independent(max(1.2, state.spread))
    return _named(atlas, part, state.clock, placed, atlas.position, displacements, 20.0)


def _whole(atlas: Atlas, part: _Part, state: _State) -> NamedTree:
    named = _first_pass(atlas, part, state)
    return _settled(atlas, part, named, state.clock, state.matrix, passes=_PASSES)


def _settled(
    atlas: Atlas, part: _Part, named: Named, clock: Clock, matrix: FloatArray, *, passes: int
) -> NamedTree:
    """Let names, clock and map improve each other until nothing changes, or it gets worse."""
    best: NamedTree | None = None
    for turn in range(passes):
        clock, fit = _updated(atlas, part, named, clock, matrix, modes=turn > 0, drift=True)
        own = _with_lags(atlas, part, named, clock)
        scene = NamingScene(frame=part.frame, placed=fit.placed, expected=fit.expected)
        displacements = fit_displacements(
            own, part.chains, clock, scene, named.name, spread=fit.spread
        )
        named = _named(own, part, clock, fit.placed, fit.expected, displacements, 15.0)
        found = NamedTree(chains=part.chains, named=named, clock=clock, fit=fit)
        if best is not None and named.total < best.named.total - _WORSE:
            break
        settled = best is not None and np.array_equal(best.named.name, named.name)
        best, matrix = found, fit.matrix
        if settled:
            break
    if best is None:
        raise InputError("`passes` must be at least 1.")
    return best
