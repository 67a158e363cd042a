"""Cells in phase contrast: outlines of test fields, their size estimated, and given.

python -m benchmarks.phase_cells PAIRS [PACKAGE] [--split test]

PAIRS is a folder with samples.csv (see `docs/phase-cells.md`). Of a label in several pieces the
largest is the cell, the others are background.
"""

import argparse
from pathlib import Path

import numpy as np

import fatescope as fs
from fatescope.base import InputError
from fatescope.evaluate import ScoreSettings, score_labels, summarise_scores
from fatescope.models import find_package, read_package
from fatescope.prepare import read_label_plane, read_plane, read_samples
from fatescope.prepare.pixels import largest_pieces
from fatescope.prepare.store import SPLITS, unit_hash, unit_ids
from fatescope.train.planes import unit_diameters


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("package", nargs="?", default="phase-cells")
    parser.add_argument("--split", default="test", choices=SPLITS)
    given = parser.parse_args()
    rows = read_samples(given.pairs, splits=SPLITS)
    seen = set(read_package(find_package(given.package)).description.training.units_seen)
    ids = [i for s, i in zip(rows, unit_ids(rows), strict=True) if s.split == given.split]
    if given.split == "test" and seen & set(map(unit_hash, ids)):
        raise InputError(f"{given.package} has seen some of these units.")
    samples = [s for s in rows if s.split == given.split]
    print("| size | AP 0.50 (95 %) | AP 0.75 | mean AP 0.50-0.90 | F1 0.50 | field by field |")
    print("|--|--|--|--|--|--|")
    for told in ("estimated", "given"):
        scores = []
        for sample, diameter in zip(samples, unit_diameters(samples), strict=True):
            truth = read_label_plane(sample.labels)
            truth = np.where(largest_pieces(truth), truth, 0)
            size = diameter if told == "given" else None
            settings = fs.PhaseCellsSettings(model=given.package, diameter_px=size)
            found = fs.segment_phase_cells(read_plane(sample.image), settings=settings)
            scores.append(score_labels(truth, found.labels))
        all_of = summarise_scores(scores, ScoreSettings(), units=[s.unit for s in samples])
        each = " ".join(f"{s.ap(50):.2f}" for s in scores)
        print(
            f"| {told} | {all_of['ap']['0.50']:.3f} ({all_of['low']:.3f}-{all_of['high']:.3f}) | "
            f"{all_of['ap']['0.75']:.3f} | {all_of['mean_ap_50_90']:.3f} | "
            f"{all_of['f1']['0.50']:.3f} | {each} |"
        )


if __name__ == "__main__":
    main()
