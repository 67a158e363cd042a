"""How often names are right, on embryos that the shipped atlas has not seen.

    python benchmarks/naming.py --data ../shared/data --set test --kind tracked

Names, pose and frame numbers are taken away: each embryo is turned into one of the four poses of
a compressed embryo plus a small tilt, and shifted. Kinds: ``tracked`` (all links), ``broken`` (1 %
of the links are wrong), ``movie`` (no links), ``frame`` (six frames of 24-350 cells, each alone).
Wrong links lead to one of the three ``near``est wrong nuclei, to ``any`` nucleus of the frame
before, are ``dropped``, or ``exchanged`` with one of the three nearest nuclei; ``mixed`` has a
quarter of each. Rows in frames of up to 350 cells count; a row without a name is wrong.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.base import Lineage
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.lineage.naming import NameSettings, name_embryo

TEST = [
    "CD20060628_cnd1_4-2",
    "CD20070308_eft3",
    "CD20070314_hsp3_a1a",
    "CD20070803_tbx-8_6",
    "CD20080221_tbx-9_8",
    "CD20081027_sdz-38_1_L1",
    "CD200806024_lin-11_7H3_1_L1",
    "CD20081016_alr-1_10A2_3_L1",
    "CD20089219_unc-130_9E1_8_L2",
    "CD20091113_mel-28_2_L1",
    "CD20091116_F17C11_5_12_L1",
    "CD20090401_mep-1_11C1_8_L1",
    "CD20060704_RW10029_cnd1_9",
    "CD20080507_pha-4_3E3C5_1xx",
    "CD20090413_nhr-2_9F1_10_L1",
    "CD20080828_F38C2_7_12_L2",
]
TUNE = [
    "CD20060719_lin1_10",
    "CD20070725_vab-7_6",
    "CD20080224_tbx-35_6",
    "CD20080412_ama-1_3A3_5",
    "CD20090217_eor-1_9G1_13_L1",
    "CD20081024_mnm-2_7_L1",
    "CD20071031_tbx-38_3",
    "CD20091119_lir-2_OP175_L1",
]
POSES = ((1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1))
MOST_CELLS = 350


def turned(xyz: np.ndarray, rng: np.random.Generator, tilt_degrees: float) -> np.ndarray:
    tilt = Rotation.from_rotvec(np.deg2rad(tilt_degrees / 1.7) * rng.standard_normal(3))
    pose = np.diag(POSES[rng.integers(4)])
    return xyz @ (pose @ tilt.as_matrix()) + 30 * rng.standard_normal(3)


def broken(lineage: Lineage, xyz: np.ndarray, rng: np.random.Generator, wrong: str) -> np.ndarray:
    parent = lineage.parent.copy()
    linked = np.flatnonzero(parent >= 0)
    chosen = rng.choice(linked, len(linked) // 100, replace=False)
    if wrong == "exchanged":
        chosen = chosen[: len(chosen) // 2]
    for at, row in enumerate(chosen):
        how = ("near", "any", "dropped", "exchanged")[at % 4] if wrong == "mixed" else wrong
        if how == "dropped":
            parent[row] = -1
            continue
        among = row if how == "exchanged" else parent[row]
        same = np.flatnonzero(lineage.frame == lineage.frame[among])
        if how == "exchanged":
            same = same[(parent[same] >= 0) & (parent[same] != parent[row])]
        else:
            same = same[same != parent[row]]
        if not len(same):
            continue
        if how != "any":
            same = same[np.argsort(((xyz[same] - xyz[row]) ** 2).sum(1))[:3]]
        other = same[rng.integers(len(same))]
        if how == "exchanged":
            parent[row], parent[other] = parent[other], parent[row]
        else:
            parent[row] = other
    return parent


def tasks(lineage, xyz, kind, wrong, rng):  # type: ignore[no-untyped-def]
    """Yield rows and their links."""
    every = np.arange(len(lineage))
    none = np.full(len(lineage), -1)
    if kind == "frame":
        frames, count = np.unique(lineage.frame, return_counts=True)
        for f in rng.choice(frames[(count >= 24) & (count <= MOST_CELLS)], 6, replace=False):
            rows = np.flatnonzero(lineage.frame == f)
            yield rows, none[rows]
    elif kind == "broken":
        yield every, broken(lineage, xyz, rng, wrong)
    else:
        yield every, lineage.parent if kind == "tracked" else none


def score(path: Path, asked, seed: int, atlas):
    lineage = read_lineage(path)
    rng = np.random.default_rng(seed)
    xyz = turned(lineage.position_um()[:, ::-1], rng, asked.tilt)
    if asked.mirror:
        xyz[:, "xyz".index(asked.mirror)] *= -1
    start = lineage.frame.min()
    scope = np.bincount(lineage.frame - start)[lineage.frame - start] <= MOST_CELLS
    text = np.array([*atlas.names, ""], dtype=object)
    rows_of, hands = [], 0
    for rows, parent in tasks(lineage, xyz, asked.kind, asked.wrong, rng):
        named = name_embryo(
            atlas,
            xyz_um=xyz[rows],
            frame=lineage.frame[rows].astype(np.int64),
            parent=parent.astype(np.int64),
            settings=NameSettings(),
        )
        got, true = text[named.name], lineage.name[rows]
        short = np.array([a[:3] == b[:3] for a, b in zip(got, true, strict=True)])
        result = np.stack([got == true, short, named.confidence], axis=1).astype(float)
        rows_of.append(result[scope[rows]])
        hands += named.mirrored
    return np.concatenate(rows_of), bool(named.reasons), hands


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=("tune", "test"), default="test")
    parser.add_argument(
        "--kind", choices=("tracked", "broken", "movie", "frame"), default="tracked"
    )
    parser.add_argument(
        "--wrong", choices=("near", "any", "dropped", "exchanged", "mixed"), default="near"
    )
    parser.add_argument("--draw", type=int, default=0, help="another draw of poses, links, frames")
    parser.add_argument("--tilt", type=float, default=8.0, help="degrees")
    parser.add_argument("--mirror", choices=("x", "y", "z"), help="store the mirror image")
    asked = parser.parse_args()
    atlas = atlas_from_arrays(*read_arrays())
    seen = set(atlas.metadata["embryos"])
    found, flagged, mirrored = [], 0, 0
    for seed, title in enumerate(TEST if asked.set == "test" else TUNE):
        if title in seen:
            sys.exit(f"{title} is in the atlas; leave it out (lineage atlas --leave-out).")
        path = asked.data / "epic_tables" / f"{title}.csv.gz"
        drawn = seed + 100 * asked.draw
        one, flag, hand = score(path, asked, drawn, atlas)
        found.append(one)
        flagged += flag
        mirrored += hand
        print(f"{title:32s} full {one[:, 0].mean():.4f} compact {one[:, 1].mean():.4f}", flush=True)
    rows = np.concatenate(found)
    rng = np.random.default_rng(0)
    means = []
    for _ in range(2000):
        pick = rng.integers(len(found), size=len(found))
        some = np.concatenate([found[i] for i in pick])
        means.append(some[:, :2].mean(0))
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    for k, what in enumerate(("full", "compact")):
        print(f"{what}: {rows[:, k].mean():.4f} ({low[k]:.4f}-{high[k]:.4f} over embryos)")
    sure = rows[:, 2] >= 0.95
    edge = np.digitize(rows[:, 2], np.linspace(0, 1, 21))
    ece = sum(
        abs(rows[edge == b, 2].mean() - rows[edge == b, 0].mean()) * np.mean(edge == b)
        for b in np.unique(edge)
    )
    wrong = 1 - rows[sure, 0].mean() if sure.any() else 0.0
    print(f"confidence >= 0.95: {sure.mean():.4f} of rows, {wrong:.4f} of them wrong")
    print(
        f"calibration error {ece:.4f}; flagged {flagged} of {len(found)} embryos"
        f"; said to be mirrored: {mirrored}"
    )


if __name__ == "__main__":
    main()
