"""Cells of an image in boxes, live or dead: scale, planes, frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import ModelError
from fatescope.models.outputs import BOX_CORNERS, Boxes
from fatescope.predict.decoders.boxes import FoundBoxes, find_boxes
from fatescope.predict.decoders.ellipses import EllipseLabels
from fatescope.predict.size import ScalePlan, pixel_stretch, scale_from_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray
    from fatescope.models.description import ModelDescription
    from fatescope.predict.frames import ImageFrame, Plane
    from fatescope.predict.predictor import Predictor
    from fatescope.systems.live_dead.settings import LiveDeadSettings

_TRIED = (0.5, 2.0, 0.25, 0.125)
"""Working pixels per input pixel that are looked at where nobody says how large cells are."""
_LOOK_PX = 640
"""Side of a look, in working pixels."""
_ENOUGH = 3.0
"""A look at another size than the image's own is believed with as many cells, each counted as
sure as it is; at its own size any cell is enough."""
_BY_FAR = 2.0
"""And only where it sees so many times as many as the image's own size."""
_KEEP = 1.7
"""Within this ratio an image keeps its size: the model knows such sizes."""
_NEARLY = 0.95
"""But for this: networks learn from resampled crops, and an image as it was taken is sharper than
any of them (validation, F1 of detection: 0.948 at 0.95, 0.92 at 1 and at 1.04)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCells:
    """The cells of one frame, numbered from 1 in the order of planes, rows and columns."""

    frame: int
    plane: FloatArray  # (n,) plane of each cell
    corners: FloatArray  # (n, 4): y0, x0, y1, x1
    score: FloatArray  # (n,)
    p_dead: FloatArray  # (n,)
    labels: EllipseLabels

    def __len__(self) -> int:
        return len(self.score)


def open_live_dead(predictor: Predictor) -> Boxes:
    """Return the output of a model that finds live and dead cells; `ModelError` for another."""
    output = predictor.description.output_as(Boxes)
    if output.channels != (*BOX_CORNERS, "live", "dead"):
        raise ModelError(
            f"model {predictor.name!r} gives {', '.join(output.channels)}, and boxes of live and "
            "dead cells are needed here."
        )
    return output


def choose_cell_scale(
    frames: Sequence[ImageFrame], predictor: Predictor, settings: LiveDeadSettings
) -> ScalePlan:
    """Return how large cells are and what the network is shown: given, known, or estimated.

    Up to three frames are looked at, in their middle, at several sizes. The image's own size is
    kept unless another shows clearly more cells.
    """
    model = predictor.description
    spacing = frames[0].planes[0].image.spacing
    plan = scale_from_settings(settings, model, spacing)
    if plan is not None:
        return plan
    stretch = pixel_stretch(spacing)
    chosen = [frames[i] for i in sorted({0, len(frames) // 2, len(frames) - 1})]
    best: tuple[float, float] | None = None  # seen, diameter in pixels of the image
    for scale in (_NEARLY, *_TRIED):
        looks = [_look(frame, predictor, scale, stretch) for frame in chosen]
        sides = np.concatenate([side for side, _ in looks])
        seen = float(sum(score.sum() for _, score in looks))
        if (scale == _NEARLY and seen > 0) or seen >= max(
            _ENOUGH, _BY_FAR * best[0] if best else 0.0
        ):
            best = seen, float(np.median(sides)) / scale
    if best is None:
        return ScalePlan(scale=stretch, diameter_px=None, source="none")
    seen, diameter = best
    few = seen < _ENOUGH  # two cells that the edge cuts say little of the size of others
    ratio = _NEARLY if few else working_ratio(model.image.diameter_px / diameter)
    return ScalePlan(
        scale=(ratio * stretch[0], ratio * stretch[1]),
        diameter_px=diameter,
        source="estimated",
        seen=seen,
    )


def shared_cell_scale(
    diameter_px: float | None, model: ModelDescription, *, stretch: tuple[float, float]
) -> ScalePlan:
    """Return the plan of an image whose run decided how large cells are, or that none are there."""
    if diameter_px is None:
        return ScalePlan(scale=stretch, diameter_px=None, source="none", shared=True)
    ratio = working_ratio(model.image.diameter_px / diameter_px)
    return ScalePlan(
        scale=(ratio * stretch[0], ratio * stretch[1]),
        diameter_px=diameter_px,
        source="estimated",
        shared=True,
    )


def working_ratio(ratio: float) -> float:
    """Return how much an image is enlarged whose cells would have the model's size at ``ratio``.

    Nearly its own size, where the model knows such cells.
    """
    return _NEARLY if 1 / _KEEP <= ratio <= _KEEP else ratio


def _look(
    frame: ImageFrame, predictor: Predictor, scale: float, stretch: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return side (working pixels) and score of the cells of the model's sizes in a look."""
    model = predictor.description
    statistics = frame.statistics(model.image.percentiles)
    plane = frame.planes[len(frame.planes) // 2]
    if statistics.constant or scale * max(plane.shape) < model.image.diameter_px:
        return np.zeros(0), np.zeros(0)
    sides = [
        min(n, math.ceil(_LOOK_PX / scale / s)) for n, s in zip(plane.shape, stretch, strict=True)
    ]
    pixels = plane[
        tuple(
            slice((n - s) // 2, (n - s) // 2 + s) for n, s in zip(plane.shape, sides, strict=True)
        )
    ]
    both = (scale * stretch[0], scale * stretch[1])
    network = predictor.network(lambda: [pixels], statistics)
    found = find_boxes(network, pixels, statistics, model, open_live_dead(predictor), scale=both)
    lengths = (found.corners[:, 2:] - found.corners[:, :2]) * both
    side = lengths.mean(axis=1)
    low, high = model.image.diameter_range_px
    inside = (side >= low) & (side <= high)
    return side[inside], found.score[inside]


def find_whole_cells(
    frame: ImageFrame,
    predictor: Predictor,
    plan: ScalePlan,
    settings: LiveDeadSettings,
) -> FrameCells:
    """Find the cells of a frame; planes of a stack are looked at one by one.

    Parameters
    ----------
    frame : Frame
    predictor : Predictor
    plan : ScalePlan
    settings : LiveDeadSettings
    """
    model, output = predictor.description, open_live_dead(predictor)
    if settings.least_score is not None:
        output = output.replace(least_score=settings.least_score)
    statistics = frame.statistics(model.image.percentiles)
    nothing = FoundBoxes(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 2)))
    planes = []
    for plane in frame.planes:
        if statistics.constant or plan.source == "none":
            planes.append(nothing)
            continue
        found = _of_plane(frame, plane, predictor, output, plan)
        centre = (found.corners[:, :2] + found.corners[:, 2:]) / 2
        planes.append(found.rows(np.lexsort((centre[:, 1], centre[:, 0]))))
        if len(frame.planes) > 1:
            plane.release()
    shape = frame.shape if frame.stacked else frame.shape[1:]
    return FrameCells(
        frame=frame.frame,
        plane=np.repeat(np.arange(len(planes), dtype=np.float64), [len(p) for p in planes]),
        corners=np.concatenate([p.corners for p in planes]),
        score=np.concatenate([p.score for p in planes]),
        p_dead=np.concatenate([p.p[:, 1] for p in planes]),
        labels=EllipseLabels(shape, [p.corners for p in planes]),
    )


def _of_plane(
    frame: ImageFrame, plane: Plane, predictor: Predictor, output: Boxes, plan: ScalePlan
) -> FoundBoxes:
    model = predictor.description
    statistics = frame.statistics(model.image.percentiles)
    network = predictor.network(frame.parts, statistics)
    return find_boxes(network, plane, statistics, model, output, scale=plan.scale)
