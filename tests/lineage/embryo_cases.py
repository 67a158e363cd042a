"""A rendered embryo: every division along its mean axis, in any pose."""

from dataclasses import replace

import numpy as np

from fatescope.acquire.lineages.links import links_by_name
from fatescope.base.lineage import Lineage
from fatescope.base.spacing import Spacing
from fatescope.base.sulston import sort_key
from fatescope.base.sulston_tree import daughters_of
from fatescope.lineage import axes_of_atlas
from fatescope.systems.lineages.reading import open_atlas

LIFE = {
    **{"P0": 10, "AB": 12, "P1": 13, "ABa": 14, "ABp": 14, "EMS": 17, "P2": 20},
    **{"MS": 18, "E": 21, "Ea": 26, "Ep": 26, "C": 22, "P3": 26, "D": 34, "P4": 60},
}
"""Lives in frames of 90 s where one life is asked for all others."""


def embryo(*, rotation=None, seed=0, generations=6, life=None):
    """A named lineage from P0 with smooth tracks; frames from 0, spacing 1 µm in all directions.

    Cells live as long as in the atlas, or ``life`` frames of 90 s.
    """
    rng = np.random.default_rng(seed)
    turn = np.eye(3) if rotation is None else rotation
    atlas = open_atlas()
    mean = axes_of_atlas(atlas).mean
    rows, ends = [], []

    def grow(name, first, place, depth):
        usual = max(4, round(atlas.life_min[atlas.index[name]] / 1.5)) if life is None else life
        lives = LIFE.get(name, usual) if life is not None else usual
        last = first + lives + int(rng.integers(0, 2)) - 1
        drift = rng.normal(0, 0.1, 3)
        for frame in range(first, last + 1):
            place = place + drift + rng.normal(0, 0.05, 3)
            rows.append((name, frame, *place))
        if depth == generations or not daughters_of(name):
            ends.append(last)
            return
        axis = mean.get(name)
        axis = rng.normal(0, 1, 3) if axis is None else axis
        step = turn @ (axis / np.linalg.norm(axis)) * 30 / (depth + 2) ** 1.3
        for daughter, sign in zip(daughters_of(name), (-1, 1), strict=True):
            grow(daughter, last + 1, place + sign * step, depth + 1)

    grow("P0", 0, np.array([50.0, 50.0, 50.0]), 0)
    rows = sorted((r for r in rows if r[1] <= min(ends)), key=lambda r: (sort_key(r[0]), r[1]))
    name = np.empty(len(rows), dtype=object)
    name[:] = [r[0] for r in rows]
    frame = np.array([r[1] for r in rows])
    return Lineage(
        frame=frame,
        position=np.array([r[2:] for r in rows]),
        parent=links_by_name(frame, name),
        name=name,
        radius_px=np.full(len(rows), 4.0),
        spacing=Spacing.of(source="user", T=1.5, Z=1.0, Y=1.0, X=1.0),
        metadata={"format": "epic"},
    )


def renamed(lineage, change):
    """The lineage with names changed by a function of name and frame, with new links."""
    name = np.empty(len(lineage), dtype=object)
    name[:] = [change(n, f) for n, f in zip(lineage.name, lineage.frame.tolist(), strict=True)]
    return replace(lineage, name=name, parent=links_by_name(lineage.frame, name))


def only(lineage, keep):
    """The lineage with some rows left out, linked again by the names."""
    frame, name = lineage.frame[keep], lineage.name[keep]
    return replace(
        lineage,
        frame=frame,
        name=name,
        position=lineage.position[keep],
        radius_px=lineage.radius_px[keep],
        parent=links_by_name(frame, name),
    )


def unnamed(lineage):
    """The positions alone."""
    n = len(lineage)
    return replace(lineage, name=np.full(n, "", dtype=object), parent=np.full(n, -1))
