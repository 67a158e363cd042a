"""Growth curves from lineage tables with names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.sulston import founder_of, is_cell_name
from fatescope.lineage.growth.curves import FIRST_MIN, GROUPS, N_MINUTES, UNKNOWN, GrowthCurves
from fatescope.numeric.tracks import tracks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import IntArray
    from fatescope.lineage.atlas import Atlas

_LEAST_BIRTHS = 30
_KEPT_SHARE = 0.97
"""Of the cells that were there: with fewer, the annotation is ending."""
_ENDING_FROM = 20


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
