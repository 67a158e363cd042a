"""Score `predict lineage` against a table of the truth: detection, links, divisions, names.

    python -m benchmarks.movie_lineage RESULT TRUTH.csv [--within-um 2.5]

RESULT is a folder of `predict lineage` of one movie, TRUTH a table of named nuclei of the same
volumes (any lineage format; `truth/spots.csv` of `simulate embryo`). Nuclei are matched one to one
in each frame; a link is right where both its ends are matched to a link of the truth; a division
where mother and both daughters are, within two frames; a row of the truth is named right where its
match bears its name. Polar bodies in the truth (names that begin with "polar") are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from fatescope.acquire import read_table
from fatescope.acquire.lineages import read_lineage
from fatescope.base import Lineage, Spacing
from fatescope.base.types import IntArray
from fatescope.numeric import tracks_of

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


def score(folder: Path, table: Path, *, within_um: float) -> dict[str, float]:
    """Return the measures of one movie."""
    found, truth = predicted(folder), read_lineage(table)
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
    asked = parser.parse_args()
    for name, value in score(asked.result, asked.truth, within_um=asked.within_um).items():
        print(f"{name:12s} {value:.3f}")


if __name__ == "__main__":
    main()
