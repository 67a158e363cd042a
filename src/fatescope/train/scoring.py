"""Score what the engine makes of maps: for thresholds on validation, for the card on test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.evaluate import LabelScores, pool_scores, score_labels
from fatescope.models import DISTANCE_MAPS, OFFSET_MAPS
from fatescope.predict import plane_statistics
from fatescope.predict.plane import segment_plane
from fatescope.predict.resample import working_length
from fatescope.predict.scratch import MemoryScratch
from fatescope.predict.search import Search
from fatescope.predict.tiling import one_tile, read_tile
from fatescope.prepare import read_plane, read_truth
from fatescope.train.planes import unit_diameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fatescope.base.types import LabelImage
    from fatescope.models import Model, ModelDescription, Thresholds
    from fatescope.prepare import Sample

FOREGROUND = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)
CORE = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)
BORDER_WEIGHT = (0.0, 0.25, 0.5, 0.75, 1.0)
MERGE_BORDER = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
MERGE_DISTANCE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
MIN_AREA_PX = (10, 20, 30, 40, 60)
MIN_SCORE = (0.0, 0.5, 0.6, 0.7, 0.75, 0.8)
VOTES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
APART_PX = (4, 5, 6, 7)
Grids = tuple[tuple[str, Sequence[float]], ...]
_OF_OBJECTS: Grids = (("min_area_px", MIN_AREA_PX), ("min_score", MIN_SCORE))
GRIDS: dict[tuple[str, ...], Grids] = {
    DISTANCE_MAPS: (
        ("core", CORE),
        ("border_weight", BORDER_WEIGHT),
        ("foreground", FOREGROUND),
        ("merge_distance", MERGE_DISTANCE),
        ("merge_border", MERGE_BORDER),
        *_OF_OBJECTS,
    ),
    OFFSET_MAPS: (
        ("votes", VOTES),
        ("apart_px", APART_PX),
        ("foreground", FOREGROUND),
        *_OF_OBJECTS,
    ),
}
"""What is tried for each threshold of a route, in the order in which they are tuned."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A sample and what the engine made of it."""

    sample: Sample
    scores: LabelScores
    diameter_px: float
    labels: LabelImage  # (Y, X), as scored


class RememberedMaps:
    """A model that runs each tile once: thresholds change what comes after the maps."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._maps: dict[bytes, NDArray[np.uint8]] = {}

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the maps, to 1/255 as the engine uses them."""
        key = hashlib.sha256(batch.tobytes()).digest()
        if key not in self._maps:
            self._maps[key] = np.rint(self._model.run(batch) * 255).astype(np.uint8)
        return (self._maps[key] / np.float32(255)).astype(np.float32)


def score_samples(
    network: Any,
    samples: Sequence[Sample],
    *,
    description: ModelDescription,
    thresholds: Thresholds,
) -> list[Scored]:
    """Segment each sample at the working size by the true diameter of its unit, and score it."""
    scored = []
    for sample, diameter in zip(samples, unit_diameters(samples), strict=True):
        truth = read_truth(sample)
        size = diameter if np.isfinite(diameter) else description.image.diameter_px
        found = segment(
            network,
            read_plane(sample.image),
            description=description,
            thresholds=thresholds,
            scale=description.image.diameter_px / size,
        )
        labels = drop_unsure(found, truth < 0)
        scores = score_labels(np.maximum(truth, 0), labels)
        scored.append(Scored(sample, scores, diameter, labels))
    return scored


def drop_unsure(found: LabelImage, unsure: NDArray[np.bool_]) -> LabelImage:
    """Remove objects of which more than half lies where nobody can say what is there."""
    if not unsure.any():
        return found
    area = np.bincount(found.ravel())
    inside = np.bincount(found[unsure], minlength=len(area))
    return np.where((2 * inside > area)[found], 0, found)


def segment(
    network: Any,
    pixels: NDArray[Any],
    *,
    description: ModelDescription,
    thresholds: Thresholds,
    scale: float,
) -> NDArray[np.int32]:
    """Return labels of a plane that is analysed at ``scale`` times its size."""
    labels = segment_plane(
        Search(network=network, model=description, scale=(scale, scale), thresholds=thresholds),
        pixels,
        plane_statistics(lambda: [pixels], percentiles=description.image.percentiles),
        scratch=MemoryScratch(),
    )
    return np.asarray(labels.array(), np.int32)


GUARD_PX, GUARD_ZOOMS = 256, (0.75, 1.0, 1.4)
"""What the guard measures: the middle of a training image, at several sizes; not measured."""


def working_tile(
    pixels: NDArray[Any], *, description: ModelDescription, scale: float, side_px: int
) -> NDArray[np.float32]:
    """Return the middle of a plane as the engine shows it to a network.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Normalised, at ``scale`` times its size; at most ``side_px`` a side, and a multiple of the
        model's divisor where the plane is large enough.
    """
    lengths = [working_length(n, scale) for n in pixels.shape]
    sides = [
        min(side_px, n // least * least if n >= least else n)
        for n, least in zip(lengths, description.image.tiling.divisor, strict=True)
    ]
    return read_tile(
        pixels,
        one_tile(pixels.shape, (scale, scale), sides),
        plane_statistics(lambda: [pixels], percentiles=description.image.percentiles),
        *((n - s) // 2 for n, s in zip(lengths, sides, strict=True)),
    )


def merit(scored: Sequence[Scored]) -> float:
    """Return what thresholds are chosen by: AP at 0.50 and mean AP 0.50-0.90, kind by kind.

    Pooled within each kind of image, then the mean weighted by the square root of its nuclei,
    so that a crowded kind does not decide alone.
    """
    kinds: dict[str, list[LabelScores]] = {}
    for s in scored:
        kinds.setdefault(s.sample.kind, []).append(s.scores)
    total = weight = 0.0
    for scores in kinds.values():
        pooled = pool_scores(scores)
        share = max(pooled.n_true, 1) ** 0.5
        total += share * (pooled.ap(50) + pooled.mean_ap) / 2
        weight += share
    return total / weight if weight else 0.0


def tune_thresholds(
    model: Model,
    samples: Sequence[Sample],
    *,
    description: ModelDescription,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[Thresholds, float]:
    """Choose thresholds on validation samples, one after the other, twice around.

    Returns
    -------
    Thresholds, float
        The best ones and their `merit`.
    """
    network = RememberedMaps(model)

    def tried(thresholds: Thresholds) -> float:
        return merit(
            score_samples(network, samples, description=description, thresholds=thresholds)
        )

    best = description.instances.thresholds
    best_merit = tried(best)
    rounds = GRIDS[description.instances.channels] * 2
    for done, (name, values) in enumerate(rounds):
        if progress:
            progress(done, len(rounds), "choosing thresholds")
        for value in values:
            candidate = best.replace(**{name: value})
            if candidate != best and (found := tried(candidate)) > best_merit + 1e-4:
                best, best_merit = candidate, found
    return best, best_merit
