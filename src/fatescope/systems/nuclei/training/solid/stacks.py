"""Stacks with labels as the network in space sees them: the maps of their planes, and the truth.

The network of planes runs once over each stack at each size, before anything is trained; what it
draws is kept in memory, a byte for each value.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import gauged, read_image
from fatescope.base import InputError
from fatescope.predict.channels import open_frames
from fatescope.predict.predictor import open_predictor
from fatescope.predict.scratch import MemoryScratch
from fatescope.predict.search import Search
from fatescope.predict.size import pixel_stretch, shared_scale
from fatescope.predict.solid_maps import STEP, count_steps, on_steps, to_step
from fatescope.predict.tiling import FULL
from fatescope.predict.volume import map_planes, round_planes, solid_grid
from fatescope.prepare.pixels import read_stack_truth
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.predict.frames import ImageFrame
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.size import ScalePlan
    from fatescope.prepare import Sample
    from fatescope.systems.nuclei.training.solid.settings import SolidRecipe

_LOG = logging.getLogger(__name__)

_WIDER = 1.05
"""Sizes are drawn around so many times the median diameter of largest outlines; not measured."""

_FAR = 1e6  # px: a nucleus that fills a stack has no surface in it


@dataclass(frozen=True, slots=True)
class LabelledStack:
    """A stack with its labels, and the kind of image that it is."""

    kind: str
    frame: ImageFrame
    truth: NDArray[np.int32]  # (Z, Y, X); -1 where nobody can say what is there

    @property
    def plane_px(self) -> float | None:
        """Distance of planes in pixels of the image; None where the file does not say it."""
        um = self.frame.planes[0].image.spacing.um("ZYX")
        return None if um is None else um[0] / math.sqrt(um[1] * um[2])


@dataclass(frozen=True, slots=True)
class DrawnStack:
    """What the network of planes draws of a stack at one size.

    Parameters
    ----------
    kind : str
    maps : ndarray of uint8, shape (3, planes, Y, X)
        `PLANE_MAPS`.
    truth : ndarray of int32, shape (planes, Y, X)
        Labels of the nearest pixel.
    apart : float
        Distance of planes in pixels of this grid.
    """

    kind: str
    maps: NDArray[np.uint8]
    truth: NDArray[np.int32]
    apart: float


@dataclass(frozen=True, slots=True)
class SolidVolume:
    """A stack on the grid of the network: what it is shown, and what it should draw."""

    kind: str
    shown: NDArray[np.uint8]  # (3, Z, Y, X)
    target: NDArray[np.uint8]  # (3, Z, Y, X): foreground, distance, and 255 where both are known


def read_stack(sample: Sample, predictor: Predictor) -> LabelledStack:
    """Read a sample that is one stack.

    Raises
    ------
    InputError
        If it is a plane or a movie, or its labels have another shape.
    """
    frames, _ = open_frames(gauged(read_image(sample.image)), predictor=predictor)
    truth = read_stack_truth(sample)
    if len(frames) != 1 or not frames[0].stacked:
        raise InputError(
            f"{sample.image}: nuclei in space are trained on Z stacks, and this is "
            f"{'a plane' if len(frames) == 1 else 'a movie'}. Leave it out, or save one stack a "
            "file."
        )
    if frames[0].shape != truth.shape:
        raise InputError(
            f"{sample.image} has shape {frames[0].shape}, but {sample.labels} has {truth.shape}. "
            "Labels must lie on the grid of their image."
        )
    return LabelledStack(sample.kind, frames[0], truth)


def load_volumes(samples: Sequence[Sample], *, recipe: SolidRecipe) -> list[SolidVolume]:
    """Draw each stack at the size that prediction would estimate, and at one near the true one.

    Raises
    ------
    InputError
        If there is no sample, or none shows a nucleus.
    """
    predictor = open_predictor(recipe.plane_model)
    volumes = []
    for number, sample in enumerate(samples):
        _LOG.info("drawing planes of %s, %d of %d", sample.image.name, number + 1, len(samples))
        stack = read_stack(sample, predictor)
        rng = np.random.default_rng((recipe.seed, number, 3))
        plans = [choose_scale([stack.frame], predictor, NucleiSettings())]
        diameter = true_diameter(stack.truth)
        if math.isfinite(diameter):
            low, high = np.log(recipe.crops.sizes)
            wanted = diameter * _WIDER * float(np.exp(rng.uniform(low, high)))
            stretch = pixel_stretch(stack.frame.planes[0].image.spacing)
            plans.append(shared_scale(wanted, predictor.description, stretch=stretch))
        drawn = (draw_stack(stack, predictor, plan) for plan in plans if plan.source != "none")
        volumes += [on_solid_grid(d) for d in drawn]
        stack.frame.release()
    if not volumes:
        raise InputError(
            "there is no stack to learn from. Check the column `split` of samples.csv, and that "
            "the stacks show nuclei."
        )
    return volumes


def load_drawn(samples: Sequence[Sample], *, plane_model: str) -> list[DrawnStack]:
    """Draw each stack at the size that prediction would estimate, where it shows one."""
    predictor = open_predictor(plane_model)
    found = []
    for sample in samples:
        stack = read_stack(sample, predictor)
        plan = choose_scale([stack.frame], predictor, NucleiSettings())
        if plan.source != "none":
            found.append(draw_stack(stack, predictor, plan))
        stack.frame.release()
    return found


def draw_stack(stack: LabelledStack, predictor: Predictor, plan: ScalePlan) -> DrawnStack:
    """Return what the network of planes draws of a stack at a scale, and the truth there."""
    search, frame = plane_search(stack.frame, predictor, plan), stack.frame
    grid = solid_grid(search, frame)
    volumes = map_planes(search, frame, scratch=MemoryScratch())
    planes, (rows, columns) = len(frame.planes), grid.working_shape
    plane_px, mean = stack.plane_px, math.sqrt(grid.scale[0] * grid.scale[1])
    if plane_px is None:
        least = search.thresholds.foreground
        plane_px = round_planes(volumes[0], planes, rows, least, mean) or 1.0
    whole = slice(0, planes), slice(0, rows)
    maps = np.stack([volume.read(*whole) for volume in volumes])
    down, across = (
        np.minimum(((np.arange(n) + 0.5) / scale).astype(int), most - 1)
        for n, scale, most in zip((rows, columns), grid.scale, stack.truth.shape[1:], strict=True)
    )
    truth = stack.truth[:, down[:, None], across]
    return DrawnStack(stack.kind, maps, truth, plane_px * mean)


def plane_search(frame: ImageFrame, predictor: Predictor, plan: ScalePlan) -> Search:
    """Return how nuclei of a stack are looked for in its planes."""
    model = predictor.description
    statistics = frame.statistics(model.image.percentiles)
    return Search(
        network=predictor.network(frame.parts, statistics),
        model=model,
        scale=plan.scale,
        thresholds=model.instances.thresholds,
    )


def on_solid_grid(drawn: DrawnStack) -> SolidVolume:
    """Bring a stack to the grid of the network, with its targets."""
    planes = len(drawn.truth)
    n = count_steps(planes, drawn.apart)
    nearest = np.rint((np.arange(n) + 0.5) * STEP / drawn.apart - 0.5).astype(int)
    truth = drawn.truth[np.clip(nearest, 0, planes - 1)]
    shown = on_steps(drawn.maps, to_step(planes, drawn.apart))
    return SolidVolume(drawn.kind, shown, solid_target(truth))


def solid_target(truth: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return foreground, distance and where both are known, shape (3, Z, Y, X), 255 for 1.

    Distance is that to the surface of the own nucleus, 1 where it is greatest in each; where a
    stack ends, a nucleus has no surface.
    """
    import edt

    labels = np.maximum(truth, 0)
    distance: FloatArray = edt.edt(
        np.ascontiguousarray(labels, np.uint32), anisotropy=(STEP, 1, 1), black_border=False
    )
    distance = np.minimum(distance, _FAR)
    most = np.zeros(int(labels.max(initial=0)) + 1, np.float32)
    np.maximum.at(most, labels.ravel(), distance.ravel())
    distance = np.where(labels > 0, distance / np.maximum(most[labels], 1e-3), 0)
    maps = np.stack([labels > 0, distance, truth >= 0])
    return np.asarray(np.rint(maps * FULL), np.uint8)


def true_diameter(truth: NDArray[np.int32]) -> float:
    """Return the median over nuclei of the diameter of their largest outline; NaN without any."""
    n = int(truth.max(initial=0)) + 1
    areas = [np.bincount(np.maximum(plane, 0).ravel(), minlength=n)[1:] for plane in truth]
    largest = np.max(areas, axis=0, initial=0)
    largest = largest[largest > 0]
    return float(np.median(2 * np.sqrt(largest / np.pi))) if largest.size else math.nan
