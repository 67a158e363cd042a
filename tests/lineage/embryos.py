"""Rendered embryos with exact names: the shipped atlas, its spreads, a pose and a pace."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from fatescope.lineage.atlas import Atlas, at_phase


@dataclass
class Embryo:
    xyz_um: np.ndarray
    frame: np.ndarray
    parent: np.ndarray
    name: np.ndarray

    def rows(self, keep):
        place = np.full(len(self.frame), -1)
        place[keep] = np.arange(keep.sum())
        parent = self.parent[keep]
        return Embryo(
            self.xyz_um[keep],
            self.frame[keep],
            np.where(parent >= 0, place[parent], -1),
            self.name[keep],
        )


def render_embryo(
    atlas: Atlas,
    *,
    seed: int,
    until_min: float = 130.0,
    pace: float = 1.5,
    noise: float = 0.7,
    slow: tuple[str, float] = ("", 1.0),
) -> Embryo:
    """Grow the tree from four cells; every cell keeps one offset through its life.

    ``slow``: cells whose name begins so live so many times longer.
    """
    rng = np.random.default_rng(seed)
    birth = {atlas.index[n]: float(atlas.birth_min[atlas.index[n]]) for n in ("ABa", "ABp")}
    birth |= {atlas.index[n]: 2.5 for n in ("EMS", "P2")}
    rows, last_row = [], {}
    waiting = list(birth)
    ends = {}
    while waiting:
        n = waiting.pop(0)
        life = atlas.life_min[n] * np.exp(0.04 * rng.standard_normal())
        life *= slow[1] if slow[0] and atlas.names[n].startswith(slow[0]) else 1.0
        ends[n] = birth[n] + life if atlas.n_lives[n] >= 3 else np.inf
        if ends[n] < until_min:
            for d in atlas.daughters[n]:
                birth[int(d)] = ends[n]
                waiting.append(int(d))
    amount = rng.standard_normal(10) * np.sqrt(atlas.mode_variance[:10]) * 0.7
    mean = atlas.position + np.tensordot(amount, atlas.modes[:10], 1)
    for n, begin in birth.items():
        offset = rng.standard_normal(3) * atlas.position_sd[n] * 0.5 * noise
        end = min(ends[n], until_min)
        for f in range(int(np.ceil((begin - 2.5) / pace)), int(np.ceil((end - 2.5) / pace))):
            if f < 0:
                continue
            phase = np.array([(f * pace + 2.5 - begin) / atlas.life_min[n]])
            place = at_phase(mean, np.array([n]), phase)[0] + offset
            rows.append((f, n, *(place + 0.25 * noise * rng.standard_normal(3))))
    rows.sort(key=lambda r: (r[1], r[0]))
    table = np.array(rows)
    frame, name = table[:, 0].astype(int), table[:, 1].astype(int)
    for i, n in enumerate(name):
        last_row[int(n)] = i
    parent = np.arange(len(frame)) - 1
    first = np.r_[True, name[1:] != name[:-1]]
    parent[first] = [last_row.get(int(atlas.mother[n]), -1) for n in name[first]]
    turn = Rotation.random(rng=rng).as_matrix()
    return Embryo(table[:, 2:] @ turn + rng.normal(size=3) * 20, frame, parent, name)


def keep_every(embryo: Embryo, every: int, *, until: int) -> Embryo:
    """Return the embryo as if only every so many of the frames before ``until`` were recorded."""
    kept = (embryo.frame >= until) | (embryo.frame % every == 0)
    parent = embryo.parent.copy()
    for row in np.argsort(embryo.frame, kind="stable"):
        if parent[row] >= 0 and not kept[parent[row]]:
            parent[row] = parent[parent[row]]
    part = Embryo(embryo.xyz_um, embryo.frame, parent, embryo.name).rows(kept)
    part.frame = np.unique(part.frame, return_inverse=True)[1]
    return part
