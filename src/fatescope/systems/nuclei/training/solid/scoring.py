"""Nuclei in space by the rule and by a network, against the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate import LabelScores, pool_scores, score_labels
from fatescope.models.outputs import SOLID_MAPS
from fatescope.predict.decoders.solid import SolidGrid, SolidSums, add_block, join_solids
from fatescope.predict.predictor import open_predictor
from fatescope.predict.scratch import MemoryScratch
from fatescope.predict.solid_maps import draw_solid
from fatescope.predict.volume import segment_volume
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings
from fatescope.systems.nuclei.training.solid.stacks import plane_search, read_stack
from fatescope.train.scoring import drop_unsure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.predict.search import Search
    from fatescope.predict.tiling import Network
    from fatescope.prepare import Sample
    from fatescope.systems.nuclei.training.solid.stacks import DrawnStack, LabelledStack

RULE = "the rule, without a network in space"

SCORES = {
    "f1_30": "F1 at IoU 0.30",
    "f1_50": "F1 at IoU 0.50",
    "counted": "1 less the share by which counts are off",
}


@dataclass(frozen=True, slots=True)
class ScoredStack:
    """A stack, and the scores of both ways to divide it."""

    sample: Sample
    rule: LabelScores
    network: LabelScores


def solid_row(scores: Sequence[LabelScores]) -> dict[str, float]:
    """Return `SCORES`, pooled over stacks; counts stack by stack."""
    pooled = pool_scores(scores)
    off = [abs(s.n_pred - s.n_true) / s.n_true for s in scores if s.n_true]
    counted = max(0.0, 1 - float(np.mean(off))) if off else 1.0
    return {"f1_30": pooled.f1(30), "f1_50": pooled.f1(50), "counted": counted}


def score_drawn(
    drawn: DrawnStack, network: Network | None, *, radius: float, least: float
) -> LabelScores:
    """Score a stack on the grid of its maps: what a training looks at between epochs.

    Parameters
    ----------
    drawn : DrawnStack
    network : Network, optional
        Draws the maps again; without it the rule divides those of planes.
    radius : float
        Of a nucleus, in pixels of the grid.
    least : float
        Least foreground of a voxel of a nucleus, 0..1.
    """
    foreground, depth, light = drawn.maps
    planes, rows, columns = drawn.truth.shape
    grid = SolidGrid(
        shape=(planes, rows, columns),
        radius=radius,
        radius_planes=radius / drawn.apart,
        drawn=network is not None,
    )
    if network is not None:
        foreground, depth = _redrawn(drawn, network, grid)
    labels, sums = np.zeros(drawn.truth.shape, np.uint32), SolidSums()
    for own, seen in grid.blocks():
        maps = foreground[seen], depth[seen], light[seen]
        labels[own], _ = add_block(sums, *maps, grid=grid, own=own, seen=seen, least=least)
    solids = join_solids(sums, grid)
    found = solids.label_of[labels]
    found = np.where(solids.filled[found, np.arange(planes)[:, None, None]], found, 0)
    return _against(drawn.truth, np.asarray(found, np.int32))


def _redrawn(drawn: DrawnStack, network: Network, grid: SolidGrid) -> NDArray[np.uint8]:
    """Return `SOLID_MAPS` of a stack, uint8 (2, planes, Y, X)."""
    new = np.zeros((len(SOLID_MAPS), *grid.shape), np.uint8)

    def read(planes: slice, rows: slice) -> NDArray[np.uint8]:
        return drawn.maps[:, planes, rows]

    def write(planes: slice, rows: slice, maps: NDArray[np.uint8]) -> None:
        new[:, planes, rows] = maps

    draw_solid(network, read, write, grid, drawn.apart)
    return new


def score_stacks(
    samples: Sequence[Sample],
    network: Network,
    *,
    plane_model: str,
    least: float,
    progress: Progress | None = None,
) -> list[ScoredStack]:
    """Score whole stacks on their own grid, by both ways, at the size that prediction estimates.

    Parameters
    ----------
    samples : sequence of Sample
    network : Network
        Draws `SOLID_MAPS`.
    plane_model : str
    least : float
        Least foreground of a voxel of a nucleus that the network draws.
    progress : callable, optional
    """
    predictor = open_predictor(plane_model)
    scored = []
    for done, sample in enumerate(samples):
        if progress is not None:
            progress(done, len(samples), "scoring stacks")
        stack = read_stack(sample, predictor)
        plan = choose_scale([stack.frame], predictor, NucleiSettings())
        both = [np.zeros(stack.truth.shape, np.int32) for _ in range(2)]
        if plan.source != "none":
            search = plane_search(stack.frame, predictor, plan)
            for labels, solid in zip(both, (None, network), strict=True):
                way = search
                if solid is not None:
                    way = replace(search, thresholds=search.thresholds.replace(foreground=least))
                labels[:] = _segmented(stack, way, solid)
        stack.frame.release()
        rule, drawn = (_against(stack.truth, labels) for labels in both)
        scored.append(ScoredStack(sample, rule, drawn))
    return scored


def _segmented(stack: LabelledStack, search: Search, solid: Network | None) -> NDArray[np.int32]:
    found = segment_volume(
        search, stack.frame, plane_px=stack.plane_px, scratch=MemoryScratch(), solid=solid
    )
    labels = np.asarray(found.labels.array(), np.int32)
    found.labels.close()
    return labels


def _against(truth: NDArray[np.int32], found: NDArray[np.int32]) -> LabelScores:
    return score_labels(np.maximum(truth, 0), drop_unsure(found, truth < 0))
