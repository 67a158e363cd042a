"""The scale at which nuclei of an image are looked for, in one frame and over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Finding
from fatescope.base.errors import SettingsError
from fatescope.models.outputs import DISTANCE_MAPS
from fatescope.predict.looks import SamplePlane, sample_pixels
from fatescope.predict.size import (
    ScalePlan,
    estimate_scale,
    pixel_stretch,
    scale_from_settings,
    shared_scale,
    typical_diameter,
)
from fatescope.systems.nuclei.settings import NucleiSettings

if TYPE_CHECKING:
    from fatescope.base import Spacing
    from fatescope.models import ModelDescription
    from fatescope.predict.frames import ImageFrame, Plane
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.volume import SolidNuclei

_KEYFRAMES = 9
"""Frames in which the size of nuclei is looked for, where it changes over time."""
_SAME_SIZE = 1.2
"""Estimates of one size differ by less from frame to frame (record 0378)."""

_WIDER, _MUCH_WIDER, _FAR_WIDER = 1.15, 1.26, 1.7
_FEW_PARTS, _MANY_PARTS, _STEP = 0.05, 0.1, 1.15
"""The median nucleus of a volume is wider than estimated from planes, which cut it anywhere. Where
it is much wider and more than few nuclei are small, or many are, or it is far wider, the volume was
divided too finely: it is looked at again a step coarser, or as its nuclei say (record 0397)."""


def choose_scale(
    frames: Sequence[ImageFrame], predictor: Predictor, settings: NucleiSettings
) -> ScalePlan:
    """Return how large nuclei are and what the network is shown: given, known, or estimated.

    Parameters
    ----------
    frames : sequence of Frame
        At most three are looked at, and of each the middle plane; where that shows nothing in a
        volume whose nuclei are divided in space, the plane with the most contrast. A movie that
        shows nothing so far is looked at in `_KEYFRAMES` frames, each by itself: nuclei that one
        frame shows well are few beside what three frames have of bright haze (record 0394).
    predictor : Predictor
    settings : NucleiSettings
    """
    model = predictor.description
    spacing = frames[0].planes[0].image.spacing
    plan = scale_from_settings(settings, model, spacing)
    if plan is not None:
        return plan
    chosen = [frames[i] for i in sorted({0, len(frames) // 2, len(frames) - 1})]
    middles = [frame.planes[len(frame.planes) // 2] for frame in chosen]
    plan = _estimate(chosen, middles, predictor, alone=len(frames) == len(frames[0].planes) == 1)
    if plan.source == "none" and len(frames[0].planes) > 1 and is_solid(settings, predictor):
        plan = _estimate(chosen, [_most_contrast(f) for f in chosen], predictor, alone=False)
    if plan.source == "none" and len(frames) >= _KEYFRAMES:
        return _voted(frames, plan, predictor, settings)
    return plan


def _voted(
    frames: Sequence[ImageFrame], none: ScalePlan, predictor: Predictor, settings: NucleiSettings
) -> ScalePlan:
    """Return the median over frames, each looked at by itself, where half of them show nuclei."""
    plans = []
    for t in _keyframes(len(frames)):
        plans.append(choose_scale([frames[t]], predictor, settings))
        frames[t].release()
    known = [plan for plan in plans if plan.source == "estimated"]
    if 2 * len(known) < len(plans):
        return none
    plan = shared_scale(typical_diameter(known), predictor.description, stretch=none.scale)
    return replace(plan, shared=False, seen=sum(p.seen for p in known))


def _keyframes(n: int) -> list[int]:
    return [int(t) for t in np.unique(np.linspace(0, n - 1, _KEYFRAMES).round())]


def _estimate(
    frames: Sequence[ImageFrame], planes: Sequence[Plane], predictor: Predictor, *, alone: bool
) -> ScalePlan:
    """Estimate the size from one plane of each frame; ``alone`` where it is all of the image."""
    model = predictor.description
    samples = []
    for frame, plane in zip(frames, planes, strict=True):
        statistics = frame.statistics(model.image.percentiles)
        if not statistics.constant:
            network = predictor.network(frame.parts, statistics)
            whole = plane if alone else None
            samples.append(SamplePlane(sample_pixels(plane), statistics, network, whole))
    return estimate_scale(samples, model, stretch=pixel_stretch(planes[0].image.spacing))


def scales_over_time(
    frames: Sequence[ImageFrame], plan: ScalePlan, predictor: Predictor, settings: NucleiSettings
) -> Callable[[int], ScalePlan]:
    """Return the plan of each frame: the movie's, unless nuclei of its volumes shrink or grow.

    Nuclei of a cleaving embryo halve their diameter. Where those of the first and of the last frame
    differ, sizes are estimated in `_KEYFRAMES` frames, each by itself, and its two neighbours vote
    on each; between them the logarithm is interpolated. None is below the movie's own estimate:
    small sizes found in single frames are less sure than that one.
    """
    n = len(frames)
    if plan.source != "estimated" or plan.shared or n < _KEYFRAMES or len(frames[0].planes) < 2:
        return lambda _: plan

    def diameter(t: int) -> float:
        found = choose_scale([frames[t]], predictor, settings).diameter_px
        frames[t].release()
        return math.nan if found is None else math.log(found)

    ends = [diameter(0), diameter(n - 1)]
    if abs(ends[0] - ends[1]) <= math.log(_SAME_SIZE):
        return lambda _: plan
    at = np.array(_keyframes(n))
    size = np.array([ends[0], *(diameter(int(t)) for t in at[1:-1]), ends[1]])
    at, size = at[np.isfinite(size)], size[np.isfinite(size)]
    if not len(at):
        return lambda _: plan
    voted = size.copy()
    voted[1:-1] = np.median([size[:-2], size[1:-1], size[2:]], axis=0)
    stretch = pixel_stretch(frames[0].planes[0].image.spacing)
    model = predictor.description

    def of_frame(t: int) -> ScalePlan:
        own = max(math.exp(float(np.interp(t, at, voted))), plan.diameter_px or 0.0)
        return _at(own, plan, model, stretch)

    return of_frame


def closer_look(
    plan: ScalePlan, found: SolidNuclei, model: ModelDescription, spacing: Spacing
) -> ScalePlan | None:
    """Return the plan at which a volume is looked at again, if it was divided too finely.

    Nuclei are then larger than estimated, or parts of them lie beside whole ones. ``None`` where
    that is not so, or where the size is not the image's own estimate.
    """
    if plan.source != "estimated" or plan.shared:
        return None
    broken = found.small > (_FEW_PARTS if found.width > _MUCH_WIDER else _MANY_PARTS)
    if not broken and found.width <= _FAR_WIDER:
        return None
    diameter = (plan.diameter_px or 0.0) * max(_STEP, found.width / _WIDER)
    return _at(diameter, plan, model, pixel_stretch(spacing))


def _at(
    diameter: float, plan: ScalePlan, model: ModelDescription, stretch: tuple[float, float]
) -> ScalePlan:
    """Return an image's own plan at another diameter."""
    return replace(shared_scale(diameter, model, stretch=stretch), shared=False, seen=plan.seen)


def size_change(file: str, first: float, last: float) -> Finding:
    """Say that each frame was analysed at a size of its own."""
    return Finding(
        file=file,
        rule="scaled",
        severity="info",
        value=round(last / first, 3),
        reason=f"Nuclei become {'smaller' if last < first else 'larger'}: about {first:.0f} px in "
        f"the first frame and {last:.0f} px in the last. Each frame was analysed at its own size; "
        "--diameter-px gives one size to all.",
    )


def looked_again(file: str, plan: ScalePlan, own_px: Sequence[float], frames: int) -> Finding:
    """Say of which frames the nuclei were much larger than estimated."""
    where = "Nuclei" if frames == 1 else f"In {len(own_px)} of {frames} frames nuclei"
    wide = float(np.median(own_px))
    return Finding(
        file=file,
        rule="scaled",
        severity="info",
        value=round(wide, 1),
        reason=f"{where} are larger than the estimate of {plan.diameter_px or 0:.0f} px, at which "
        f"they fell into parts: they were looked at again as about {wide:.0f} px wide. "
        "--diameter-px gives one size to all.",
    )


def _most_contrast(frame: ImageFrame) -> Plane:
    """Return the plane of a volume whose grey values differ most."""
    contrast = []
    for plane in frame.planes:
        part = plane[:, :][::8, ::8]
        contrast.append(float(np.nan_to_num(part.astype(np.float64)).std()))
        plane.release()
    return frame.planes[int(np.argmax(contrast))]


def is_solid(settings: NucleiSettings, predictor: Predictor) -> bool:
    """Say whether nuclei of a stack are divided in space, as far as settings and model say it.

    Raises
    ------
    SettingsError
        If it is asked for, and the model draws no depth.
    """
    model = predictor.description
    draws_depth = model.instances.channels == DISTANCE_MAPS
    asked = settings.stack in ("solid", "rule")
    if asked and not draws_depth:
        raise SettingsError(
            f"stack = {settings.stack}: the model {model.name!r} does not draw how deep a pixel "
            "lies in its nucleus. Give --stack planes."
        )
    trained = model.training.n_images > 0 and model.image.modality == "fluorescence"
    fits = draws_depth and trained and settings.core is None
    return asked or (settings.stack == "auto" and fits)
