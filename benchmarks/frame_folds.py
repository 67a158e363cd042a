"""How single frames of the atlas's own embryos are named by atlases built without them.

    python benchmarks/frame_folds.py --data ../shared/data [--frames 3] [--draw 21]

The full tables behind the shipped atlas are dealt into three folds, and an atlas is built without
each; the tuning embryos of ``naming.py`` join with the shipped atlas. No test embryo is touched.
Prints every frame, and the logistic weights of `fatescope.lineage.naming.confidence` with
what confidence is worth when a fifth of the frames is left out of the fit in turn.
"""

import argparse
from pathlib import Path

import numpy as np
from naming import MOST_CELLS, TUNE, turned

from fatescope.acquire.lineages import LineageFile, LineageReading, read_lineage
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.lineage.atlas_build import build_atlas
from fatescope.lineage.naming.confidence import frame_features
from fatescope.lineage.naming.frame import find_hypotheses
from fatescope.systems.lineages.atlas import embryos_of

FOLDS = 3
FEWEST_CELLS = 24


def atlases(tables):
    """Return an atlas that has not seen it for each table."""
    shipped = atlas_from_arrays(*read_arrays())
    listed = set(shipped.metadata["embryos"])
    full = sorted(p for p in tables.glob("CD*.csv.gz") if p.name.split(".")[0] in listed)
    embryos = []
    for path in [*full, tables / "cells_other.csv.gz"]:
        found, _ = embryos_of(LineageFile(key=path.name, path=path), LineageReading(), frozenset())
        embryos += [e for e in found if e.title in listed]
    dealt = np.random.default_rng(0).permutation([p.name.split(".")[0] for p in full]).tolist()
    found = dict.fromkeys(TUNE, shipped)
    for i in range(FOLDS):
        without = dealt[i::FOLDS]
        atlas = build_atlas([e for e in embryos if e.title not in without])
        found.update(dict.fromkeys(without, atlas))
    return found


def fitted(x, right):
    """Return logistic weights."""
    weight = np.zeros(x.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-x @ weight))
        bend = (x * (p * (1 - p))[:, None]).T @ x + 0.01 * np.eye(len(weight))
        weight += np.linalg.solve(bend, x.T @ (right - p) - 0.01 * weight)
    return weight


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=3, help="of each embryo")
    parser.add_argument("--draw", type=int, default=21)
    asked = parser.parse_args()
    features, right, group, shares = [], [], [], []
    for k, (title, atlas) in enumerate(sorted(atlases(asked.data / "epic_tables").items())):
        lineage = read_lineage(asked.data / "epic_tables" / f"{title}.csv.gz")
        rng = np.random.default_rng(1000 * asked.draw + k)
        xyz = turned(lineage.position_um()[:, ::-1], rng, 8.0)
        frames, count = np.unique(lineage.frame, return_counts=True)
        inside = frames[(count >= FEWEST_CELLS) & (count <= MOST_CELLS)]
        true = np.array([atlas.index.get(str(n), -1) for n in lineage.name])
        for f in rng.choice(inside, asked.frames, replace=False):
            rows = np.flatnonzero(lineage.frame == f)
            fits = find_hypotheses(atlas, xyz[rows])
            same, named = fits[0].names() == true[rows], fits[0].row
            shares.append((same.mean(), len(rows)))
            features.append(np.c_[np.ones(len(named)), frame_features(fits)[0]])
            right.append(same[named].astype(float))
            group.append(np.full(len(named), len(shares)))
            print(
                f"{title:28} {len(rows):4} nuclei: {same.mean():.3f} right, "
                f"cost {fits[0].total:.2f}, minute {fits[0].minute:.1f}",
                flush=True,
            )
    share, weight = np.array(shares).T
    print(f"{len(shares)} frames: {np.average(share, weights=weight):.4f} of rows right")
    x, y, of = np.concatenate(features), np.concatenate(right), np.concatenate(group)
    p = np.zeros(len(y))
    for k in range(5):
        out = of % 5 == k
        p[out] = 1 / (1 + np.exp(-x[out] @ fitted(x[~out], y[~out])))
    sure = p >= 0.95
    print(f"confidence >= 0.95: {sure.mean():.3f} of named rows, {y[sure].mean():.4f} right")
    columns = ("constant", "price", "distance", "cost", "disagreement", "cells")
    print("[frame]  # of lineage/shipped/celegans-names-1.toml")
    for column, weight in zip(columns, fitted(x, y), strict=True):
        print(f"{column} = {weight:.3f}")


if __name__ == "__main__":
    main()
