"""The growth of recorded embryos on one clock, from lineage tables with names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.sulston import founder_of, is_cell_name
from fatescope.numeric.tracks import tracks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

GROUPS = ("total", "AB", "MS", "E", "C", "D", "P4", "EMS", "P1", "P2", "P3", "P0")
"""What is counted, in the order of all tables; Z2 and Z3 count as P4."""
FIRST_MIN, LAST_MIN = -40, 260
"""Minutes of the clock that curves are kept for, in steps of one."""
N_MINUTES = LAST_MIN - FIRST_MIN + 1
UNKNOWN = -1
_SAME_SHARE = 0.8
"""Of the minutes with more than four cells; tables of different embryos agree in less."""


@dataclass(frozen=True, kw_only=True)
class GrowthCurves:
    """Cells by founder for each embryo and minute.

    The clock is that of the atlas: 0 is the first division of AB, and a cell of the AB16
    generation lives 24 minutes. Each embryo was laid on it by one start and one tempo, so its own
    hurries and delays are kept.

    Parameters
    ----------
    count : ndarray of int16, shape (embryos, `N_MINUTES`, len(`GROUPS`))
        -1 where the embryo was no longer recorded.
    tempo : ndarray of float, shape (embryos,)
        Minutes of the clock from one frame to the next, in each recording.
    metadata : dict
    """

    count: IntArray
    tempo: FloatArray
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = (len(self.tempo), N_MINUTES, len(GROUPS))
        if self.count.shape != wanted or not len(self.tempo):
            raise InputError(f"`count` of growth curves must be {wanted}; got {self.count.shape}.")

    def __len__(self) -> int:
        return len(self.tempo)

    @property
    def total(self) -> IntArray:
        """Cells in all, shape (embryos, `N_MINUTES`); -1 where unknown."""
        return np.asarray(self.count[:, :, 0])

    def apart_from(self, count: IntArray) -> GrowthCurves:
        """Return the curves of all embryos but this one, so that it can be scored.

        Two embryos never have the same number of cells in more than a part of the minutes; a
        table has nearly the same as itself, thinned or cropped though it may be.

        Parameters
        ----------
        count : ndarray of int, shape (`N_MINUTES`, len(`GROUPS`))
            From `growth_of`.
        """
        own = (self.total == count[:, 0]) & (self.total != UNKNOWN)
        both = (self.total != UNKNOWN) & (count[:, 0] != UNKNOWN) & (count[:, 0] > 4)
        share = (own & both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        kept = share < _SAME_SHARE
        return GrowthCurves(
            count=self.count[kept], tempo=self.tempo[kept], metadata=dict(self.metadata)
        )

    def without(self, embryo: int) -> GrowthCurves:
        """Return the curves of all other embryos."""
        kept = np.arange(len(self)) != embryo
        return GrowthCurves(
            count=self.count[kept], tempo=self.tempo[kept], metadata=dict(self.metadata)
        )


_LEAST_BIRTHS = 30
_KEPT_SHARE = 0.97
"""Of the cells that were there: with fewer, the annotation is ending."""
_ENDING_FROM = 20  # cells: with few, one that is missed is no end; not measured


def build_growth(atlas: Atlas, lineages: Mapping[str, Lineage]) -> tuple[GrowthCurves, list[str]]:
    """Return the curves of all lineages that can be laid on the clock, and the names of others.

    Parameters
    ----------
    atlas : Atlas
        Its births are the clock, and say what was before a recording began.
    lineages : mapping of str to Lineage
        By name of the embryo.

    Raises
    ------
    InputError
        If none can be used.
    """
    counts, tempos, left_out = [], [], []
    for name, lineage in lineages.items():
        try:
            count, tempo = growth_of(atlas, lineage)
        except InputError:
            left_out.append(name)
            continue
        counts.append(count)
        tempos.append(tempo)
    if not counts:
        raise InputError("no lineage has enough named births to be laid on the clock.")
    embryos = [n for n in lineages if n not in left_out]
    curves = GrowthCurves(
        count=np.stack(counts),
        tempo=np.array(tempos),
        metadata={"embryos": embryos, "version": 1},
    )
    return curves, left_out


def growth_of(atlas: Atlas, lineage: Lineage) -> tuple[IntArray, float]:
    """Return the counts of one embryo on the clock, (`N_MINUTES`, groups), and its tempo.

    Raises
    ------
    InputError
        If fewer than 30 births of cells that the atlas knows are in it.
    """
    tracks = tracks_of(lineage)
    start, tempo = _line(atlas, np.asarray(tracks.first), tracks.name)
    frames = np.arange(int(lineage.frame.min()), int(lineage.frame.max()) + 1)
    by_frame = count_by_frame(lineage, frames)
    end = _end(by_frame[:, 0])
    minute = FIRST_MIN + np.arange(N_MINUTES)
    at = np.rint(start + minute / tempo).astype(int) - frames[0]
    count = np.full((N_MINUTES, len(GROUPS)), UNKNOWN, dtype=np.int16)
    inside = (at >= 0) & (at < end)
    count[inside] = by_frame[at[inside]]
    unseen = (at < 0) | (count[:, 0] == 0)  # before the recording, and in frames it leaves empty
    for i in np.flatnonzero(unseen).tolist():
        count[i] = _of_atlas(atlas, minute[i])
    return count, tempo


def _line(atlas: Atlas, first: IntArray, name: np.ndarray) -> tuple[float, float]:
    """Return the frame of minute 0 and minutes per frame, by a robust line through births."""
    places = np.array([atlas.index.get(str(n), -1) for n in name.tolist()])
    usable = (places >= 0) & (first > first.min())
    usable &= atlas.known[places] & (atlas.n_births[places] >= 3)
    if usable.sum() < _LEAST_BIRTHS:
        raise InputError(f"only {usable.sum()} births are known; {_LEAST_BIRTHS} are needed.")
    frame, minute = first[usable].astype(float), atlas.birth_min[places[usable]]
    trust = 1 / np.maximum(atlas.birth_sd[places[usable]], 1.5)
    weight, a, b = trust, 0.0, 1.0
    for _ in range(8):
        design = np.stack([np.ones_like(minute), minute], axis=1) * weight[:, None]
        a, b = np.linalg.lstsq(design, frame * weight, rcond=None)[0]
        rest = (frame - a - b * minute) * trust
        weight = trust / np.sqrt(1 + (rest / (2 * (np.median(np.abs(rest)) + 0.1))) ** 2)
    if b <= 0.1:
        raise InputError("births are not in the order of the atlas.")
    return float(a), float(1 / b)


def count_by_frame(lineage: Lineage, frames: IntArray) -> IntArray:
    """Return the rows of a table by frame and group, shape (frames, len(`GROUPS`)).

    Parameters
    ----------
    lineage : Lineage
        Cells without a Sulston name are in the total only.
    frames : ndarray of int, shape (n,)
        Successive frames; rows outside them do not count.
    """
    out = np.zeros((len(frames), len(GROUPS)), dtype=np.int64)
    names = sorted(set(lineage.name.tolist()))
    column = {n: GROUPS.index(founder_of(n)) if is_cell_name(n) else -1 for n in names}
    group = np.array([column[n] for n in lineage.name.tolist()])
    row = lineage.frame - frames[0]
    inside = (row >= 0) & (row < len(frames))
    np.add.at(out[:, 0], row[inside], 1)
    named = inside & (group > 0)
    np.add.at(out, (row[named], group[named]), 1)
    return out


def _end(total: IntArray) -> int:
    """Return how many frames there are before the annotation begins to end."""
    highest = np.maximum.accumulate(total)
    ending = np.flatnonzero((highest > _ENDING_FROM) & (total < _KEPT_SHARE * highest))
    return int(ending[0]) if len(ending) else len(total)


def _of_atlas(atlas: Atlas, minute: float) -> IntArray:
    """Return the counts of the mean embryo; before the division of P0, one cell."""
    out = np.zeros(len(GROUPS), dtype=np.int64)
    alive = atlas.alive(float(minute))
    names = [str(atlas.names[i]) for i in alive.tolist()]
    if not names:
        names = ["P0"]
    out[0] = len(names)
    for n in names:
        out[GROUPS.index(founder_of(n))] += 1
    return out
