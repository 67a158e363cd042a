"""How far the truth of `nuclei_ce_slices` lets anybody come: pixel IoU and F1 of its own ceiling.

    fatescope prepare pairs data/nuclei_ce_slices --out pairs
    python -m benchmarks.slices_ceiling --data pairs [--split test]

The masks are computed from whole volumes, stored with losses and recovered. Three answers are
scored against them, none of which a network could beat without learning the faults by heart:

seen: the truth without the nuclei that do not show in their slice (inside no brighter than the ring
around them, one-sided test at 1 %), outlines as they are;
smooth: those, each drawn as the ellipse of its moments, because nuclei are round and the recovered
outlines are not;
whole: those, and the bright blobs without a label that the shipped network and Otsu's threshold
agree on, since an honest answer holds them too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import ndimage, stats
from skimage.filters import threshold_otsu

from fatescope.evaluate import LabelScores, pool_scores, score_labels
from fatescope.models import load_model
from fatescope.prepare import read_label_plane, read_plane, read_samples
from fatescope.prepare.store import SPLITS
from fatescope.train.planes import unit_diameters
from fatescope.train.scoring import segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RING_PX, _GAP_PX = 6, 2
_LEVEL = 0.01


def shows(pixels: NDArray[np.float64], labels: NDArray[np.int32], label: int) -> bool:
    """Say whether a nucleus is brighter than the ring around it; rank sum, one-sided."""
    inside = labels == label
    near = ndimage.binary_dilation(inside, iterations=_GAP_PX)
    ring = ndimage.binary_dilation(near, iterations=_RING_PX) & ~near & (labels == 0)
    if ring.sum() < 10:
        return True
    test = stats.mannwhitneyu(pixels[inside], pixels[ring], alternative="greater")
    return bool(test.pvalue < _LEVEL)


def ellipse_of(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the ellipse with the area and second moments of a region."""
    y, x = np.nonzero(inside)
    if len(y) < 5:
        return inside
    values, vectors = np.linalg.eigh(np.cov(np.stack([x, y])) + np.eye(2) / 12)
    axes = 2 * np.sqrt(values)
    axes *= np.sqrt(len(y) / (np.pi * axes[0] * axes[1]))
    rows, columns = np.indices(inside.shape)
    along = np.stack([columns - x.mean(), rows - y.mean()], axis=-1) @ vectors
    return np.asarray(((along / axes) ** 2).sum(-1) <= 1)


def smoothed(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Draw every region as its ellipse; what is taken stays with the first."""
    out = np.zeros_like(labels)
    for label in np.unique(labels[labels > 0]):
        out[ellipse_of(labels == label) & (out == 0)] = label
    return out


def unlabelled(
    pixels: NDArray[np.float64], found: NDArray[np.int32], truth: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return found regions without any true pixel whose mean is above Otsu's threshold."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    bright = threshold_otsu(blurred)
    out = np.zeros_like(found)
    for label in np.unique(found[found > 0]):
        inside = found == label
        if not truth[inside].any() and blurred[inside].mean() > bright:
            out[inside] = label
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="validation", choices=["validation", "test"])
    asked = parser.parse_args()
    samples = [s for s in read_samples(asked.data, splits=SPLITS) if s.split == asked.split]
    samples = [s for s in samples if s.unit.startswith("nuclei_ce_slices")]
    model = load_model("nuclei", precision="int8")
    known = model.description
    answers: dict[str, list[LabelScores]] = {n: [] for n in ("seen", "smooth", "whole", "network")}
    n_hidden = n_blobs = 0
    for sample, diameter in zip(samples, unit_diameters(samples), strict=True):
        pixels = read_plane(sample.image).astype(np.float64)
        truth = read_label_plane(sample.labels)
        found = segment(
            model,
            read_plane(sample.image),
            description=known,
            thresholds=known.thresholds,
            scale=known.diameter_px / diameter,
        )
        hidden = [k for k in np.unique(truth[truth > 0]) if not shows(pixels, truth, int(k))]
        seen = np.where(np.isin(truth, hidden), 0, truth)
        smooth = smoothed(seen)
        blobs = unlabelled(pixels, found, truth)
        whole = np.where((blobs > 0) & (smooth == 0), blobs + truth.max(), smooth)
        n_hidden += len(hidden)
        n_blobs += len(np.unique(blobs)) - 1
        for name, labels in zip(answers, (seen, smooth, whole, found), strict=True):
            answers[name].append(score_labels(truth, labels.astype(np.int32)))
    pooled = {name: pool_scores(scores) for name, scores in answers.items()}
    print(f"{len(samples)} slices, {pooled['seen'].n_true} labels, {n_hidden} do not show in their")
    print(f"slice, {n_blobs} bright blobs have no label")
    print("\n| answer | pixel IoU | F1 at 0.50 | AP at 0.75 |\n|--|--|--|--|")
    for name, scores in pooled.items():
        print(f"| {name} | {scores.iou:.3f} | {scores.f1(50):.3f} | {scores.ap(75):.3f} |")


if __name__ == "__main__":
    main()
