"""Warn where an image is unlike those that the model was trained on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fatescope.base.finding import Finding
from fatescope.models.check import list_models
from fatescope.models.guard import (
    check_input,
    check_likeness,
    describe_input,
    looks_like,
    without_sizes,
)
from fatescope.models.likeness import SIDE_PX
from fatescope.predict.normalise import normalise
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import one_tile, read_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.predict.frames import ImageFrame
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.size import ScalePlan

_KINDS = {"fluorescence": "a fluorescence image", "electron": "an electron micrograph"}

_RESIN, _DARK_THINGS = 0.75, -1.0
"""Ground and lean of sections in resin: all of 6 electron micrographs pass, of 248 brightfield
images 16, of 26 phase contrast images none (without this, 6, 217 and 13)."""

_LIT = 0.2
"""Fluorescence has a dark background; a brighter one is that of transmitted light or electrons."""


def check_modality(
    frames: Sequence[ImageFrame],
    plan: ScalePlan,
    predictor: Predictor,
    *,
    file: str,
    if_lit: str = "",
) -> list[Finding]:
    """Compare the middle of the first frame with the model's training images.

    Parameters
    ----------
    frames : sequence of Frame
    plan : ScalePlan
    predictor : Predictor
    file : str
        For the finding.
    if_lit : str
        Advice where a model for fluorescence meets transmitted light.

    Returns
    -------
    list of Finding
        One ``unlike-training`` with all reasons, or none.
    """
    model = predictor.description
    tile = middle_tile(frames[0], plan, model)
    if tile is None:
        return []
    measured, taken = measure_tile(tile, plan), middle_as_taken(frames[0], model)
    reasons = check_input(measured, model) or check_likeness(tile, model, as_taken=taken)
    if not reasons:
        return []
    advice = _advice(reasons, tile, taken, measured, model, if_lit)
    return [
        Finding(
            file=file,
            rule="unlike-training",
            severity="warning",
            value=round(measured["lean"], 3),
            reason=f"The image is unlike the training images of {predictor.name}: "
            f"{'; '.join(reasons)}. {advice}{_rates(model)}",
        )
    ]


def middle_tile(
    frame: ImageFrame, plan: ScalePlan, model: ModelDescription
) -> NDArray[np.float32] | None:
    """Return the middle of a frame, normalised, on the working grid; ``None`` of a flat one."""
    statistics = frame.statistics(model.image.percentiles)
    if statistics.constant:
        return None
    plane = frame.planes[len(frame.planes) // 2]
    lengths = [working_length(n, s) for n, s in zip(plane.shape, plan.scale, strict=True)]
    sizes = [min(SIDE_PX, n) for n in lengths]
    y, x = ((n - size) // 2 for n, size in zip(lengths, sizes, strict=True))
    view = plane.view
    if view is not None and view.grid.scale == plan.scale:  # the same pixels
        return view.tile[y : y + sizes[0], x : x + sizes[1]]
    grid = one_tile(plane.shape, plan.scale, sizes)
    return read_tile(plane, grid, statistics, y, x)


def middle_as_taken(frame: ImageFrame, model: ModelDescription) -> NDArray[np.float32]:
    """Return the middle of a frame, normalised, at its own pixels."""
    plane = frame.planes[len(frame.planes) // 2]
    starts = [max(0, (n - SIDE_PX) // 2) for n in plane.shape]
    window = tuple(slice(s, s + SIDE_PX) for s in starts)
    return normalise(plane[window], frame.statistics(model.image.percentiles))


def measure_tile(tile: NDArray[np.float32], plan: ScalePlan) -> dict[str, float]:
    """Measure a tile; how much structure is of which size needs the working size."""
    measured = describe_input(tile)
    return without_sizes(measured) if plan.source == "none" else measured


def _rates(model: ModelDescription) -> str:
    likeness = model.image.likeness
    return f" {likeness.rates}" if likeness is not None else ""


def _advice(
    reasons: Sequence[str],
    tile: NDArray[np.float32],
    taken: NDArray[np.float32],
    measured: dict[str, float],
    model: ModelDescription,
    if_lit: str,
) -> str:
    """Say what to do: another shipped model whose kind of image this could be, or inverting."""
    steps = [
        f"for {_KINDS.get(d.image.modality, 'such an image')} use `fatescope predict {d.task}`"
        for d in _shipped()
        if d.name != model.name
        and d.image.modality != model.image.modality
        and _could_be(measured, d)
    ]
    if any("trained on the opposite" in reason for reason in reasons) and _fits(
        1 - tile, 1 - taken, model
    ):
        steps.insert(0, "invert the image if it is a negative")
    if if_lit and model.image.modality == "fluorescence" and measured["ground"] > _LIT:
        steps.append(if_lit)
    if not steps:
        return "Look at the outlines before you use them, or train with your own images."
    text = "; ".join(steps)
    return f"{text[0].upper()}{text[1:]}. Look at the outlines before you use them."


def _fits(tile: NDArray[np.float32], taken: NDArray[np.float32], model: ModelDescription) -> bool:
    alike = not check_likeness(tile, model, as_taken=taken)
    return alike and looks_like(describe_input(tile), model)


def _could_be(measured: dict[str, float], model: ModelDescription) -> bool:
    """Say whether an image could be of the model's kind.

    The range of a model for micrographs is wide, since it was also trained within embryos, and
    holds most brightfield images; the light resin around a section tells the two apart.
    """
    resin = measured["ground"] >= _RESIN and measured["lean"] <= _DARK_THINGS
    return looks_like(measured, model) and (model.image.modality != "electron" or resin)


@lru_cache(maxsize=1)
def _shipped() -> tuple[ModelDescription, ...]:
    """Return the descriptions of the shipped packages whose maps of images become instances."""
    tasks = tuple(p.description for p in list_models() if p.description.task.startswith("nuclei"))
    return tuple(d for d in tasks if d.image.axes == "YX")
