"""Score what the engine makes of proposed boxes: thresholds on validation, the card on test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.evaluate.boxes import (
    BoxScores,
    box_accuracy,
    box_f1,
    box_precision,
    calibration_error,
    class_f1,
    found_precision,
    match_boxes,
)
from fatescope.models import Boxes
from fatescope.predict import plane_statistics
from fatescope.predict.decoders.boxes import (
    FoundBoxes,
    calibrated_scores,
    distinct_boxes,
    find_boxes,
)
from fatescope.prepare import read_boxes, read_plane
from fatescope.systems.live_dead.boxes import working_ratio
from fatescope.systems.live_dead.training.crops import kind_diameters

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.models import ModelDescription
    from fatescope.prepare import Sample

LEAST_SCORE = tuple(round(0.2 + 0.02 * i, 2) for i in range(26))
MOST_OVERLAP = (0.25, 0.35, 0.45, 0.55)
TEMPERATURE = tuple(round(0.5 * 1.05**i, 4) for i in range(45))
"""What is tried on validation units."""
_CANDIDATE = 0.1  # least score of what is kept to try them on: half of the lowest
_FLAT = 0.01  # of F1; the top is as flat as that (record 0276)
SCORES = {
    "f1": box_f1,
    "f1_class": class_f1,
    "accuracy": box_accuracy,
    "ap_dead": box_precision,
    "ap_dead_found": found_precision,
    "calibration": calibration_error,
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """A sample, and all boxes that could be found in it whatever the thresholds."""

    sample: Sample
    found: FoundBoxes
    corners: FloatArray  # true ones
    second: Any  # (m,) bool


def propose(
    network: Any,
    samples: Sequence[Sample],
    *,
    description: ModelDescription,
    classes: tuple[str, str],
) -> list[Proposed]:
    """Return what a network proposes for samples, at the size at which the command looks."""
    output = description.output_as(Boxes)
    loose = output.replace(least_score=_CANDIDATE, most_overlap=1.0, temperature=1.0)
    sizes = kind_diameters(samples)
    out = []
    for sample, true in zip(samples, read_boxes(samples), strict=True):
        pixels = read_plane(sample.image)
        size = sizes.get(sample.kind, description.image.diameter_px)
        scale = working_ratio(description.image.diameter_px / size)
        statistics = plane_statistics(
            lambda p=pixels: [p],  # type: ignore[misc]
            percentiles=description.image.percentiles,
        )
        found = find_boxes(network, pixels, statistics, description, loose, scale=(scale, scale))
        out.append(Proposed(sample, found, true.corners, true.classes == classes[1]))
    return out


def score_boxes(proposed: Sequence[Proposed], output: Boxes) -> list[BoxScores]:
    """Return the scores of samples with the thresholds of an output."""
    return [_scored(p, output) for p in proposed]


def _scored(proposed: Proposed, output: Boxes) -> BoxScores:
    found = proposed.found.rows(proposed.found.score >= output.least_score)
    found = found.rows(distinct_boxes(found.corners, most_overlap=output.most_overlap))
    return BoxScores(
        score=found.score,
        p=calibrated_scores(found.p, output.temperature)[:, 1],
        match=match_boxes(found.corners, found.score, proposed.corners),
        truth=np.asarray(proposed.second, np.bool_),
    )


def tune_boxes(proposed: Sequence[Proposed], output: Boxes) -> Boxes:
    """Choose score and overlap, then the temperature by likelihood, on validation units.

    By the mean F1 of both classes. Near its top that changes little with the score, and of the
    faint cells, which are the dead ones, the first are lost: the lowest score within `_FLAT` of
    the best is taken, or viability would be too high.
    """
    tried = {
        (overlap, least): class_f1(
            score_boxes(proposed, output.replace(least_score=least, most_overlap=overlap))
        )
        for overlap in MOST_OVERLAP
        for least in LEAST_SCORE
    }
    known = {k: v for k, v in tried.items() if np.isfinite(v)}
    if not known:
        return output
    most = max(known.values())
    overlap = max(known, key=lambda k: known[k])[0]
    least = min(k[1] for k, v in known.items() if k[0] == overlap and v >= most - _FLAT)
    best = output.replace(least_score=least, most_overlap=overlap)
    pairs = [s.found_class for s in score_boxes(proposed, best.replace(temperature=1.0))]
    p = np.concatenate([p for p, _ in pairs])
    truth = np.concatenate([t for _, t in pairs])
    if not 0 < truth.sum() < len(truth):
        return best
    both = np.stack([1 - p, p], axis=1)

    def surprise(temperature: float) -> float:
        said = calibrated_scores(both, temperature)[np.arange(len(p)), truth.astype(int)]
        return float(-np.log(said).mean())

    return best.replace(temperature=min(TEMPERATURE, key=surprise))


def summarise_boxes(scores: Sequence[BoxScores]) -> dict[str, float]:
    """Return all `SCORES`, pooled over images."""
    return {name: score(scores) for name, score in SCORES.items()}
