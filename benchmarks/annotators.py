"""What of a package's errors on DSB2018 is the hand of the annotators: outlines and debris.

    fatescope prepare pairs data/nuclei2d_dsb2018 data/nuclei_ce_slices --out pairs
    python -m benchmarks.annotators nuclei --data pairs [--split test]

Images that look alike were outlined tightly in some fields and widely in others, and specks were
labelled in some. Sizes are told. Scored: as the package decides; with the foreground threshold that
suits each field best, which nobody could know beforehand; without the labels that are too small for
the package to keep. Then field by field how much larger the radius of what is found is than that of
the label, in working pixels.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.slices_ceiling import shows

from fatescope.evaluate import LabelScores, pool_scores, score_labels
from fatescope.models import Model, Thresholds, load_model
from fatescope.prepare import Sample, read_label_plane, read_plane, read_samples
from fatescope.train.planes import unit_diameters
from fatescope.train.scoring import RememberedMaps, segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

STAMP_PX = 21
"""The area of discs that were put down with one click: no label of the collection is smaller."""

TRIED = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)


def mean_ap(scores: Sequence[LabelScores]) -> float:
    pooled = pool_scores(scores)
    return float(np.mean([pooled.ap(t) for t in range(50, 95, 5)]))


def said(scores: Sequence[LabelScores]) -> str:
    pooled = pool_scores(scores)
    return f"{pooled.ap(50):.3f} / {pooled.ap(75):.3f} / {mean_ap(scores):.3f}"


def wider_by(truth: "NDArray[np.int32]", found: "NDArray[np.int32]") -> list[float]:
    """Return radius of what is found less that of its label, for pairs with an IoU above 0.5."""
    n = int(found.max()) + 1
    shared = np.bincount(truth.ravel().astype(np.int64) * n + found.ravel())
    shared = np.pad(shared, (0, (int(truth.max()) + 1) * n - len(shared))).reshape(-1, n)
    mine, theirs = shared.sum(0), shared.sum(1)
    iou = shared / np.maximum(mine[None] + theirs[:, None] - shared, 1)
    rows, columns = np.nonzero(iou[1:, 1:] > 0.5)
    radius = [np.sqrt(a / np.pi) for a in (mine[columns + 1], theirs[rows + 1])]
    return [float(v) for v in radius[0] - radius[1]]


def large_only(labels: "NDArray[np.int32]", least: float) -> "NDArray[np.int32]":
    return np.where((np.bincount(labels.ravel()) >= least)[labels], labels, 0).astype(np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="validation", choices=["validation", "test"])
    asked = parser.parse_args()
    samples = read_samples(asked.data, splits=[asked.split])
    samples = [s for s in samples if "dsb2018" in s.unit]
    model = load_model(asked.model, precision="fp32")
    report(samples, model, finder(model))


def finder(model: Model) -> Callable[..., "NDArray[np.int32]"]:
    network, known = RememberedMaps(model), model.description

    def find(sample: Sample, diameter: float, thresholds: Thresholds) -> "NDArray[np.int32]":
        return segment(
            network,
            read_plane(sample.image),
            description=known,
            thresholds=thresholds,
            scale=known.diameter_px / diameter,
        )

    return find


def report(
    samples: Sequence[Sample], model: Model, find: Callable[..., "NDArray[np.int32]"]
) -> None:
    known = model.description
    shipped: list[LabelScores] = []
    shipped_large: list[LabelScores] = []
    tried: dict[str, dict[float, list[LabelScores]]] = defaultdict(lambda: defaultdict(list))
    large: dict[str, dict[float, list[LabelScores]]] = defaultdict(lambda: defaultdict(list))
    wider: dict[str, list[float]] = defaultdict(list)
    small = total = stamped = unseen = 0
    for sample, diameter in zip(samples, unit_diameters(samples), strict=True):
        truth = read_label_plane(sample.labels)
        scale = known.diameter_px / diameter
        kept = large_only(truth, known.thresholds.min_area_px / scale**2)
        for value in TRIED:
            found = find(sample, diameter, known.thresholds.replace(foreground=value))
            tried[sample.unit][value].append(score_labels(truth, found))
            large[sample.unit][value].append(score_labels(kept, found))
        found = find(sample, diameter, known.thresholds)
        shipped.append(score_labels(truth, found))
        shipped_large.append(score_labels(kept, found))
        wider[sample.unit] += [scale * w for w in wider_by(truth, found)]
        specks = np.setdiff1d(truth, kept)
        small += len(specks)
        stamped += int((np.bincount(truth.ravel())[specks] == STAMP_PX).sum())
        pixels = read_plane(sample.image).astype(np.float64)
        unseen += sum(not shows(pixels, truth, int(k)) for k in specks)
        total += len(np.unique(truth)) - 1
    best, best_large = (
        [s for values in of.values() for s in max(values.values(), key=mean_ap)]
        for of in (tried, large)
    )
    print(f"{len(samples)} images of {len(tried)} fields, {total} labels, {small} of them smaller")
    print(f"than the {known.thresholds.min_area_px} working pixels that a nucleus needs; of these")
    print(
        f"{stamped} are {STAMP_PX} px, as a stamp, and {unseen} no brighter than what is around\n"
    )
    print("| | AP 0.50 / 0.75 / mean |\n|--|--|")
    print(f"| as the package decides | {said(shipped)} |")
    print(f"| the best foreground threshold of each field | {said(best)} |")
    print(f"| small labels not counted | {said(shipped_large)} |")
    print(f"| both | {said(best_large)} |\n")
    print("| field | images | found is wider by (median, px of 22) | AP 0.75 -> best threshold |")
    print("|--|--|--|--|")
    for unit in sorted(wider, key=lambda u: float(np.median(wider[u] or [0]))):
        usual = tried[unit][min(TRIED, key=lambda v: abs(v - known.thresholds.foreground))]
        most = max(tried[unit].values(), key=mean_ap)
        print(
            f"| {unit.rpartition('/')[2]} | {len(usual)} | {np.median(wider[unit] or [0]):+.2f} | "
            f"{pool_scores(usual).ap(75):.2f} -> {pool_scores(most).ap(75):.2f} |"
        )


if __name__ == "__main__":
    main()
