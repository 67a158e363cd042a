"""Draw an embryo from the atlas: a lineage that could have been recorded, with true names.

Lives and places are those of the mean embryo, varied as real embryos vary: each life by the
spread of that cell's lives, whole bodies along the atlas's modes, the pace as a whole. Daughters
part around the place where their mother was and then drift to their own; nuclei that would
overlap push each other away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from fatescope.base.lineage import Lineage
from fatescope.base.spacing import Spacing
from fatescope.lineage.atlas import at_phase

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

FIELD_UM = (13.0, 20.0, 30.0)
"""Where the middle of the embryo lies in the field: z, y, x."""
_FIRST = ("AB", "P1")
_NOT_NOISE = 0.6
"""Share of the spread of lives that is biology: the rest is the frame in which it was seen."""
_PACE_SPREAD = 0.08
_ARRIVES_MIN = 4.0
"""Daughters drift to their places within this time."""
_APART_UM = 1.6
"""Between a new daughter and where her mother was."""
_RADIUS_UM, _SHRINKS = 3.1, 0.155
"""Nuclear radius in a cell of a quarter of the embryo; it falls as this power of the volume."""
_ROUNDS = 6  # of pushing nuclei apart where they overlap; not measured


def draw_embryo(
    atlas: Atlas,
    *,
    minutes: float,
    interval_min: float,
    pace: float,
    spread: float,
    spacing_um: tuple[float, float, float],
    seed: int,
) -> Lineage:
    """Draw the lineage of one embryo.

    Parameters
    ----------
    atlas : Atlas
    minutes : float
        Length of the recording from the first division of P0.
    interval_min : float
        Between frames.
    pace : float
        Minutes of the recording for one minute of the atlas; 0 draws it, 8 % around 1.
    spread : float
        How far embryos differ, 1 as in real ones, 0 gives the mean embryo.
    spacing_um : tuple of 3 floats
        z, y, x of the positions that are returned.
    seed : int
        The same seed gives the same embryo.

    Returns
    -------
    Lineage
        From AB and P1 on, embryo in the middle of `FIELD_UM`, long axis along x, pressed along z,
        in one of the four poses of a mounted egg. A cell that the atlas has never seen divide
        lives to the end.
    """
    rng = np.random.default_rng([seed, 20])
    pace = pace or float(np.exp(spread * rng.normal(0, _PACE_SPREAD)))
    cell, mother, first, last = _clock(atlas, minutes, interval_min, pace, spread, rng)
    home = _homes(atlas, spread, rng)
    radius = _radii(cell, mother)
    place = _places(atlas, home, cell, mother, first, last, interval_min, spread, rng)
    frame = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    life = np.repeat(np.arange(len(cell)), last - first)
    where = _pushed_apart(np.concatenate(place), radius[life], frame)
    start = np.cumsum(last - first) - (last - first)
    parent = np.arange(len(frame)) - 1
    parent[start] = np.where(mother >= 0, (start + last - first - 1)[mother], -1)
    posed = _pose(where, rng) + np.array(FIELD_UM)
    return Lineage(
        frame=frame,
        position=posed / np.array(spacing_um),
        parent=parent,
        name=atlas.names[cell[life]],
        radius_px=radius[life] / spacing_um[1],
        spacing=Spacing.of(
            source="file", T=interval_min, Z=spacing_um[0], Y=spacing_um[1], X=spacing_um[2]
        ),
        metadata={"species": "C. elegans, drawn from the atlas", "pace": pace},
    )


def _clock(
    atlas: Atlas,
    minutes: float,
    interval_min: float,
    pace: float,
    spread: float,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the place in the atlas, the mother, the first and the past-the-last frame of lives."""
    begin = float(atlas.birth_min[atlas.index["AB"]])
    end = int(np.ceil(minutes / interval_min))
    cells: list[tuple[int, int, int, int]] = []
    waiting = [(atlas.index[name], -1, 0.0) for name in _FIRST]
    while waiting:
        cell, mother, born = waiting.pop()
        sd = spread * _NOT_NOISE * min(float(np.nan_to_num(atlas.life_sd[cell])), 0.25)
        life = pace * float(atlas.life_min[cell]) * float(np.exp(rng.normal(0, sd)))
        if cell == atlas.index["AB"]:
            life = -begin * pace
        pair = atlas.daughters[cell]
        divides = atlas.n_lives[cell] >= 3 or str(atlas.names[cell]) in (*_FIRST, "ABa", "ABp")
        divides = divides and pair[0] >= 0 and bool(atlas.known[pair].all())
        start = round(born / interval_min)
        stop = max(round((born + life) / interval_min), start + 2) if divides else end
        cells.append((cell, mother, start, min(stop, end)))
        if stop < end:
            waiting += [(int(d), len(cells) - 1, stop * interval_min) for d in pair]
    table = np.array([c for c in cells if c[2] < c[3]], dtype=np.int64)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _homes(atlas: Atlas, spread: float, rng: np.random.Generator) -> FloatArray:
    """Return the five places of each cell in this embryo: AP, DV, LR in µm."""
    score = rng.normal(0, np.sqrt(atlas.mode_variance)) * spread
    whole = np.tensordot(score, atlas.modes, axes=1)
    own = rng.normal(0, 0.4, (len(atlas), 1, 3)) * atlas.position_sd[:, None] * spread
    return np.asarray(atlas.position + whole + own)


def _radii(cell: IntArray, mother: IntArray) -> FloatArray:
    """Return nuclear radii: smaller with each division, the germ line's smallest."""
    share = np.ones(len(cell))
    for i, m in enumerate(mother.tolist()):
        share[i] = 0.5 * share[m] if m >= 0 else 0.5
    return np.asarray(_RADIUS_UM * (4 * share) ** _SHRINKS)


def _places(
    atlas: Atlas,
    home: FloatArray,
    cell: IntArray,
    mother: IntArray,
    first: IntArray,
    last: IntArray,
    interval_min: float,
    spread: float,
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Return the places (frames, 3) of each life in AP, DV, LR."""
    seen: list[FloatArray] = []
    younger = {int(pair[0]) for pair in atlas.daughters if pair[0] >= 0}
    axes: dict[int, FloatArray] = {}
    for i in range(len(cell)):
        length = last[i] - first[i]
        phase = (np.arange(length) + 0.5) / max(length, 1)
        path = at_phase(home, np.full(length, cell[i]), phase)
        jitter = np.cumsum(rng.normal(0, 0.12 * spread, (length, 3)), axis=0)
        path = path + jitter - np.linspace(0, 1, length)[:, None] * jitter[-1]
        if mother[i] >= 0:
            m = int(mother[i])
            if m not in axes:
                axes[m] = _axis(atlas, int(cell[m]), home, rng)
            side = -1.0 if int(cell[i]) in younger else 1.0
            begin = seen[m][-1] + side * _APART_UM * axes[m]
            fading = np.exp(-np.arange(length) * interval_min / _ARRIVES_MIN)
            path = path + (begin - path[0]) * fading[:, None]
        seen.append(path)
    return seen


def _axis(atlas: Atlas, cell: int, home: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the direction from the first to the second daughter, as a unit vector."""
    pair = atlas.daughters[cell]
    axis = np.nan_to_num(atlas.axis[cell]) + rng.normal(0, 0.15, 3)
    if np.linalg.norm(np.nan_to_num(atlas.axis[cell])) < 0.1:
        axis = home[pair[1], 0] - home[pair[0], 0] + rng.normal(0, 0.3, 3)
    return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-6))


def _pushed_apart(where: FloatArray, radius: FloatArray, frame: IntArray) -> FloatArray:
    """Push nuclei of one frame apart until few overlap; those that part stay near each other."""
    out = where.copy()
    for now in np.unique(frame).tolist():
        rows = np.flatnonzero(frame == now)
        place, size = out[rows], radius[rows]
        for _ in range(_ROUNDS):
            pairs = cKDTree(place).query_pairs(2 * float(size.max()), output_type="ndarray")
            if not len(pairs):
                break
            a, b = pairs.T
            apart = place[b] - place[a]
            length = np.maximum(np.linalg.norm(apart, axis=1), 1e-3)
            overlap = np.clip(0.95 * (size[a] + size[b]) - length, 0, 0.6)
            push = 0.3 * overlap[:, None] * apart / length[:, None]
            np.add.at(place, a, -push)
            np.add.at(place, b, push)
        out[rows] = place
    return out


def _pose(where: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return z, y, x from AP, DV, LR: pressed along DV, in one of four poses, turned a little."""
    x, y, z = where[:, 0], where[:, 2], -where[:, 1]
    turn = ((1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, -1))[int(rng.integers(4))]
    angle = rng.normal(0, 0.08)
    middle = np.stack([z, y, x], axis=1)
    middle = (middle - (middle.min(axis=0) + middle.max(axis=0)) / 2) * np.array(turn)[::-1]
    z, y, x = middle.T
    return np.stack(
        [z, y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)], axis=1
    )
