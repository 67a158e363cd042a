"""Live and dead cells in boxes: what the command finds in test units, with intervals over units.

python -m benchmarks.live_dead PAIRS [PACKAGE] [--split test] [--resized 0.5,2]

PAIRS is a folder with samples.csv (`fatescope prepare pairs data/live_dead_brightfield --join
--validation 0.15 --test 0.2 --out PAIRS`). Unlike the card, images are given as they are: the size
of their cells is estimated. `--resized` enlarges or reduces them first, as another camera would.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import fatescope as fs
from fatescope.base import InputError
from fatescope.evaluate.boxes import BoxScores, box_interval, match_boxes
from fatescope.models import find_package, read_package
from fatescope.numeric import BootstrapSettings
from fatescope.prepare import read_boxes, read_plane, read_samples
from fatescope.prepare.store import SPLITS, unit_hash, unit_ids
from fatescope.systems.live_dead.training.scoring import SCORES


def score(sample, boxes, *, settings, zoom):
    """Return what the command's own function finds in an image, against its boxes."""
    pixels = read_plane(sample.image)
    if zoom != 1:
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, None, fx=zoom, fy=zoom, interpolation=how)
    found = fs.find_live_dead(pixels, settings=settings).objects
    corners = np.stack([found[c] for c in ("y0", "x0", "y1", "x1")], axis=1) / zoom
    return BoxScores(
        score=found["score"],
        p=found["p_dead"],
        match=match_boxes(corners, found["score"], boxes.corners),
        truth=boxes.classes == "dead",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("package", nargs="?", default="live-dead")
    parser.add_argument("--split", default="test", choices=SPLITS)
    parser.add_argument("--resized", default="")
    given = parser.parse_args()
    rows = read_samples(given.pairs, splits=SPLITS)
    chosen = [(s, i) for s, i in zip(rows, unit_ids(rows), strict=True) if s.split == given.split]
    seen = set(read_package(find_package(given.package)).description.training.units_seen)
    known = {i for _, i in chosen if unit_hash(i) in seen}
    if known and given.split == "test":
        raise InputError(f"{given.package} has seen {len(known)} of these units.")
    samples, units = zip(*chosen, strict=True)
    settings = fs.LiveDeadSettings(model=given.package)
    print(f"{len(samples)} images of {len(set(units))} units ({given.split}), {given.package}\n")
    print("| size | " + " | ".join(SCORES) + " | viability, true |")
    print("|--|" + "--|" * (len(SCORES) + 1))
    for zoom in (1.0, *(float(z) for z in given.resized.split(",") if z)):
        boxes = read_boxes(samples)
        scored = [
            score(s, b, settings=settings, zoom=zoom) for s, b in zip(samples, boxes, strict=True)
        ]
        cells = []
        for one in SCORES.values():
            low, high = box_interval(scored, units, one, BootstrapSettings(resamples=500))
            cells.append(f"{one(scored):.3f} ({low:.3f}-{high:.3f})")
        said, true = (
            np.concatenate(v) for v in ([s.p < 0.5 for s in scored], [~s.truth for s in scored])
        )
        print(
            f"| {zoom:g} | " + " | ".join(cells) + f" | {said.mean():.3f}, {true.mean():.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
