"""An embryo laid over the atlas by the names it bears, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.align import NamedViews, fit_embryo
from fatescope.lineage.atlas import at_phase
from fatescope.lineage.clock import clock_from_births, clocks_from_counts
from fatescope.lineage.naming.evidence import phases
from fatescope.numeric import cut_tracks

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.align import EmbryoFit
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.clock import Clock
    from fatescope.numeric import Tracks

_UNTIL_CELLS = 200
"""Later the positions of embryos differ more, and lineages that matter have shown themselves."""
_LEAST_FRAMES = 30
_VIEWS = 5
"""So many moments of each cell's life count, so that a long life counts no more than a short."""
_FEWEST_CELLS = 12
_SOFT = 6.0
"""Squared distance, in spreads of the atlas, from which a view begins to count less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEmbryo:
    """The named part of a lineage, seen at five moments of each cell's life.

    Parameters
    ----------
    chains : Tracks
        Cells; none bears two names.
    name : ndarray of int, shape (cells,)
        Place in the atlas of the name that each cell bears.
    clock : Clock
        Minutes of the atlas, by the births of cells under these names.
    cell, frame : ndarray of int, shape (views,)
    xyz_um : ndarray of float, shape (views, 3)
    """

    chains: Tracks
    name: IntArray
    clock: Clock
    cell: IntArray
    frame: IntArray
    xyz_um: FloatArray

    def phase(self, atlas: Atlas, name: IntArray) -> FloatArray:
        """Return the phase of life at each view if the cells bore the names ``name``."""
        begin, life = phases(atlas, self.chains, self.clock, self.cell, name[self.cell])
        return np.asarray((self.clock.minutes(self.frame) - begin) / life)


def named_embryo(lineage: Lineage, atlas: Atlas) -> NamedEmbryo | None:
    """Gather the cells with known names, up to 200 nuclei; ``None`` where they are too few."""
    frame, place = lineage.frame.astype(np.int64), lineage.position_um()
    name = np.array([atlas.index.get(str(n), -1) for n in lineage.name], dtype=np.int64)
    used = (name >= 0) & atlas.known[name] & np.isfinite(place).all(axis=1)
    used &= frame < _end(frame)
    rows = np.flatnonzero(used)
    if len(np.unique(name[rows])) < _FEWEST_CELLS:
        return None
    number = np.cumsum(used) - 1
    above = lineage.parent[rows]
    parent = np.where((above >= 0) & used[above], number[above], -1)
    frame, name, xyz = frame[rows], name[rows], place[rows][:, ::-1]
    chains = cut_tracks(frame, _cut_where_names_change(parent, name))
    own = name[chains.rows[chains.start[:-1]]]
    born = np.flatnonzero(chains.born)
    clock = clock_from_births(
        atlas,
        frame=chains.first[born].astype(float),
        name=own[born],
        first=int(frame.min()),
        last=int(frame.max()),
        before=clocks_from_counts(atlas, frame, most=1)[0],
    )
    step = np.round(np.linspace(0, 1, _VIEWS) * (chains.n_rows[:, None] - 1)).astype(np.int64)
    view = chains.rows[chains.start[:-1, None] + step].ravel()
    return NamedEmbryo(
        chains=chains,
        name=own,
        clock=clock,
        cell=np.repeat(np.arange(len(chains)), _VIEWS),
        frame=frame[view],
        xyz_um=xyz[view],
    )


def fit_named(atlas: Atlas, embryo: NamedEmbryo, name: IntArray) -> tuple[EmbryoFit, float]:
    """Lay an embryo over the atlas as if its cells bore ``name``; return the map and its loss.

    The loss is the mean of a logarithm of squared distances, so that a few lineages in the wrong
    place neither bend the map nor hide what the others say.
    """
    fit = fit_embryo(
        atlas,
        NamedViews(
            row=np.arange(len(embryo.frame)),
            name=name[embryo.cell],
            phase=embryo.phase(atlas, name),
        ),
        xyz_um=embryo.xyz_um,
        frame=embryo.frame,
        minutes_per_frame=embryo.clock.minutes_per_frame,
        prior=np.zeros((3, 3)),
        modes=False,
        drift=False,
    )
    spread = atlas.position_sd[name[embryo.cell]].mean(axis=1)
    far = distances(atlas, embryo, fit, name) / spread
    return fit, float(np.log1p(far**2 / _SOFT).mean())


def distances(atlas: Atlas, embryo: NamedEmbryo, fit: EmbryoFit, name: IntArray) -> FloatArray:
    """Return how far each view lies from where the atlas has that name, in µm."""
    there = at_phase(atlas.position, name[embryo.cell], embryo.phase(atlas, name))
    return np.asarray(np.linalg.norm(fit.placed - there, axis=1))


def _end(frame: IntArray) -> int:
    """Return the frame from which on there are too many nuclei, but some frames are always used."""
    recorded = frame[frame >= 0] if (frame >= 0).any() else frame
    start = int(recorded.min())
    over = np.flatnonzero(np.bincount(recorded - start) > _UNTIL_CELLS)
    if not len(over):
        return int(frame.max()) + 1
    return start + max(int(over[0]), _LEAST_FRAMES)


def _cut_where_names_change(parent: IntArray, name: IntArray) -> IntArray:
    """Remove links to an only daughter, which would make one cell of mother and daughter."""
    successors = np.bincount(parent[parent >= 0], minlength=len(parent))
    cut: BoolArray = (parent >= 0) & (name != name[parent]) & (successors[parent] < 2)
    return np.where(cut, -1, parent)
