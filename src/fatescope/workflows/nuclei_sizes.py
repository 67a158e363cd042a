"""One size of nuclei for all images of a run: ``--same-size``.

Each image is looked at alone, by the workers; the median over the images of a kind (one pixel
size, one channel) is then the diameter of them all, and an image that shows nothing of that size
gets no objects. The decision stands in the ledger before the first unit is done, so a run that
continues, also with more images, works with the same sizes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fatescope.predict import (
    NucleiSettings,
    ScalePlan,
    choose_scale,
    pixel_stretch,
    scale_from_settings,
    shared_scale,
    typical_diameter,
)
from fatescope.workflows.execute import map_units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fatescope.acquire import ImageFile
    from fatescope.base import Execution, Image, Progress
    from fatescope.predict import Frame, Predictor
    from fatescope.run import Run

Sizes = dict[str, float | None]
"""Diameter in pixels by kind of image; ``None`` where no image of a kind shows nuclei."""


def decide_sizes(
    run: Run,
    files: Sequence[ImageFile],
    look: Callable[..., tuple[str, ScalePlan | None]],
    *,
    execution: Execution,
    progress: Progress | None = None,
) -> Sizes:
    """Return the diameter for each kind of image, decided once for the run.

    Parameters
    ----------
    run : Run
        A kind that it has met keeps its size.
    files : sequence of ImageFile
        Those still to do. One that cannot be read says nothing here; as a unit it is a finding.
    look : callable
        `fatescope.workflows.nuclei_image.look_at_file`, with all but file and ``known`` filled in.
    execution : Execution
    progress : callable, optional
    """
    known: Sizes = run.decided().get("diameter_px", {})
    if execution.cluster:
        files = [f.absolute() for f in files]
    plans: dict[str, list[ScalePlan]] = {}
    seen = map_units(
        partial(look, known=tuple(known)),
        files,
        workers=execution.workers,
        cluster=execution.cluster,
        progress=progress,
    )
    for _, outcome in seen:
        if not isinstance(outcome, Exception) and outcome[1] is not None:
            plans.setdefault(outcome[0], []).append(outcome[1])
    sizes = {**known, **{kind: typical_diameter(plans[kind]) for kind in sorted(plans)}}
    run.decide("diameter_px", sizes)
    return sizes


def kind_of(image: Image, frames: Sequence[Frame]) -> str:
    """Return what images must share to share a size: pixel size and channel."""
    um = image.spacing.um("YX")
    pixel = "unknown pixel size" if um is None else f"{um[0]:.4g} x {um[1]:.4g} um"
    number = frames[0].planes[0].at["C"]
    name = image.channels[number] if image.channels else str(number)
    return f"{pixel}, channel {name}"


def plan_for(
    image: Image,
    frames: Sequence[Frame],
    predictor: Predictor,
    settings: NucleiSettings,
    sizes: Mapping[str, float | None] | None,
) -> ScalePlan:
    """Return the plan of an image: its own, or that of its kind where sizes were decided."""
    plan = scale_from_settings(settings, predictor.description, image.spacing)
    if plan is not None:
        return plan
    if sizes is None:
        return choose_scale(frames, predictor, settings)
    diameter = sizes.get(kind_of(image, frames))
    return shared_scale(diameter, predictor.description, stretch=pixel_stretch(image.spacing))
