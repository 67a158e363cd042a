"""Score `predict lineage` against a table of the truth: detection, links, divisions, names.

    python -m benchmarks.movie_lineage RESULT TRUTH.csv [--within-um 2.5] [--polar-bodies]

RESULT is a folder of `predict lineage` of one movie, TRUTH a table of named nuclei of the same
volumes (any lineage format; `truth/spots.csv` of `simulate embryo`). Nuclei are matched one to one
in each frame; a link is right where both its ends are matched to a link of the truth; a division
where mother and both daughters are, within two frames; a row of the truth is named right where its
match bears its name. Polar bodies in the truth (names that begin with "polar") are left out.
``--polar-bodies`` adds two to what was found, one outside the cells and one between them, in every
frame, links and names all again, and says how many rows of them bear a name surely.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from fatescope.acquire import read_table
from fatescope.acquire.lineages import read_lineage
from fatescope.base import Lineage, Spacing, Table
from fatescope.base.types import IntArray
from fatescope.lineage.link import link_detections
from fatescope.lineage.naming.settings import NameSettings
from fatescope.numeric import tracks_of
from fatescope.systems.lineages.link import spots_table
from fatescope.systems.lineages.name import name_rows
from fatescope.track import ObjectLinkSettings

_GIVEN = ("id", "frame", "z", "y", "x", "radius_um", "parent")
_OUTSIDE_PX, _WALK, _SURE = 6.0, (0.1, 0.3, 0.3), 0.9
"""Polar bodies: how far outside, steps from frame to frame in pixels, and what is called sure."""
_FRAMES = 2
"""A division may be seen so many frames early or late."""


def predicted(folder: Path) -> Lineage:
    """Return the lineage of a result, with its names."""
    spots = read_table(folder / "spots.parquet")
    key = str(spots["movie"][0])
    named = folder / "named" / f"{key}.csv"
    names = read_table(named)["name"] if named.is_file() else np.full(len(spots), "")
    record = json.loads((folder / "run.json").read_text())["inputs"][0]
    return Lineage(
        frame=spots["frame"].astype(np.int64),
        position=np.stack([spots[a].astype(float) for a in "zyx"], axis=1),
        parent=np.array([-1 if p is None or p != p else int(p) for p in spots["parent"]]),
        name=np.array([str(n or "") for n in names], dtype=object),
        radius_px=np.full(len(spots), np.nan),
        spacing=Spacing.of(
            source="file", **{a: s["value"] for a, s in record["spacing"].items() if s}
        ),
    )


def matched(found: Lineage, truth: Lineage, *, within_um: float) -> IntArray:
    """Return the row of the truth that each found nucleus is, or -1."""
    steps = np.asarray(found.spacing.um("ZYX") or (1.0, 1.0, 1.0))
    match = np.full(len(found), -1)
    for t in np.unique(found.frame):
        mine, theirs = np.flatnonzero(found.frame == t), np.flatnonzero(truth.frame == t)
        if not len(theirs):
            continue
        away = cdist(found.position[mine] * steps, truth.position[theirs] * steps)
        rows, columns = linear_sum_assignment(np.where(away <= within_um, away, 1e6))
        near = away[rows, columns] <= within_um
        match[mine[rows[near]]] = theirs[columns[near]]
    return match


def links_right(found: Lineage, truth: Lineage, match: IntArray) -> tuple[int, int, int]:
    """Return links that are right, found, and true; one that jumps a frame counts as its track."""
    linked = np.flatnonzero(found.parent >= 0)
    child, mother = match[linked], match[found.parent[linked]]
    right = 0
    for c, m in zip(child, mother, strict=True):
        while c >= 0 and m >= 0 and truth.frame[c] > truth.frame[m]:
            c = truth.parent[c]
        right += c >= 0 and c == m
    return int(right), len(linked), int((truth.parent >= 0).sum())


def divisions_right(found: Lineage, truth: Lineage, match: IntArray) -> tuple[int, int, int]:
    """Return divisions that are right, found, and true: the same cells, within two frames."""
    theirs, ours = tracks_of(truth), tracks_of(found)
    cell = np.full(len(found), -1)
    cell[match >= 0] = theirs.of_row[match[match >= 0]]

    def usual(track: int) -> int:
        mine = cell[ours.rows[ours.start[track] : ours.start[track + 1]]]
        mine = mine[mine >= 0]
        return int(np.bincount(mine).argmax()) if len(mine) else -1

    right = 0
    for mother in np.flatnonzero(ours.divides):
        daughters = {usual(int(d)) for d in np.flatnonzero(ours.mother == mother)}
        true = {int(theirs.mother[d]) for d in daughters if d >= 0}
        if len(daughters) == 2 and len(true) == 1 and -1 not in true | daughters:
            apart = abs(int(ours.last[mother]) - int(theirs.last[true.pop()]))
            right += apart <= _FRAMES
    return int(right), int(ours.divides.sum()), int(theirs.divides.sum())


def f1(right: int, found: int, true: int) -> float:
    """Return F1 of counts."""
    return 2 * right / max(found + true, 1)


def with_polar_bodies(found: Lineage, *, seed: int = 0) -> tuple[Lineage, float]:
    """Return a lineage linked and named with two polar bodies, and what share is named surely."""
    rng = np.random.default_rng(seed)
    frames = np.arange(found.frame.max() + 1)
    middle, low = found.position.mean(axis=0), found.position.min(axis=0)
    bodies = [np.array([*middle[:2], low[2] - _OUTSIDE_PX]), middle + np.array((0.5, 2.0, 3.0))]
    walks = [b + np.cumsum(rng.normal(0, _WALK, (len(frames), 3)), axis=0) for b in bodies]
    frame = np.concatenate([found.frame, frames, frames])
    order = np.argsort(frame, kind="stable")
    n = len(order)
    linked = link_detections(
        Lineage(
            frame=frame[order],
            position=np.concatenate([found.position, *walks])[order],
            parent=np.full(n, -1),
            name=np.full(n, "", dtype=object),
            radius_px=np.full(n, np.nan),
            spacing=found.spacing,
        ),
        ObjectLinkSettings(),
    )
    rows = Table({k: v for k, v in spots_table(linked, movie="").columns.items() if k in _GIVEN})
    table = name_rows(linked, rows, NameSettings()).table
    name = np.array([str(name or "") for name in table["name"]], dtype=object)
    sure = np.nan_to_num(np.asarray(table["confidence"], dtype=float)) > _SURE
    return replace(linked, name=name), float(sure[order >= len(found)].mean())


def score(found: Lineage, truth: Lineage, *, within_um: float) -> dict[str, float]:
    """Return the measures of one movie."""
    match = matched(found, truth, within_um=within_um)
    polar = np.array([str(n).lower().startswith("polar") for n in truth.name])
    counted = ~((match >= 0) & polar[match])
    n_right = int(((match >= 0) & counted).sum())
    named = np.zeros(len(truth), dtype=bool)
    rows = np.flatnonzero(match >= 0)
    named[match[rows]] = found.name[rows] == truth.name[match[rows]]
    whole = (~polar) & (truth.name != "")
    frames = np.unique(truth.frame)
    counts = [((found.frame == t).sum(), ((truth.frame == t) & ~polar).sum()) for t in frames]
    return {
        "detection": f1(n_right, int(counted.sum()), int((~polar).sum())),
        "count error": float(np.mean([abs(a - b) / max(b, 1) for a, b in counts])),
        "links": f1(*links_right(found, truth, match)),
        "divisions": f1(*divisions_right(found, truth, match)),
        "names": float(named[whole].mean()) if whole.any() else float("nan"),
    }


def main() -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--within-um", type=float, default=2.5)
    parser.add_argument("--polar-bodies", action="store_true")
    asked = parser.parse_args()
    found, truth = predicted(asked.result), read_lineage(asked.truth)
    if asked.polar_bodies:
        found, share = with_polar_bodies(found)
        print(f"polar bodies named surely {share:.3f}")
    for name, value in score(found, truth, within_um=asked.within_um).items():
        print(f"{name:12s} {value:.3f}")


if __name__ == "__main__":
    main()
