"""Warn where a picture is unlike those that the model was trained on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fatescope.base.finding import Finding
from fatescope.models.check import list_models
from fatescope.models.guard import check_input, describe_input, looks_like, without_sizes
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import Grid, Tiles, read_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.models.description import ModelDescription
    from fatescope.predict.frames import Frame
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.size import ScalePlan

_SIDE_PX = 256
_KINDS = {"fluorescence": "a fluorescence picture", "electron": "an electron micrograph"}


def check_modality(
    frames: Sequence[Frame], plan: ScalePlan, predictor: Predictor, *, file: str
) -> list[Finding]:
    """Compare the middle of the first frame with the model's training pictures.

    Parameters
    ----------
    frames : sequence of Frame
    plan : ScalePlan
    predictor : Predictor
    file : str
        For the finding.

    Returns
    -------
    list of Finding
        One ``unlike-training`` with all reasons, or none.
    """
    model = predictor.description
    frame = frames[0]
    statistics = frame.statistics(model.percentiles)
    if statistics.constant:
        return []
    plane = frame.planes[len(frame.planes) // 2]
    rows, columns = (
        Tiles(min(_SIDE_PX, n), (0,), (0, n))
        for n in (working_length(n, s) for n, s in zip(plane.shape, plan.scale, strict=True))
    )
    grid = Grid(shape=plane.shape, scale=plan.scale, rows=rows, columns=columns)
    y, x = ((t.edges[-1] - t.size) // 2 for t in (rows, columns))
    measured = describe_input(read_tile(plane, grid, statistics, y, x))
    if plan.source == "none":  # how much structure is of which size needs the working size
        measured = without_sizes(measured)
    reasons = check_input(measured, model)
    if not reasons:
        return []
    return [
        Finding(
            file=file,
            rule="unlike-training",
            severity="warning",
            value=round(measured["lean"], 3),
            reason=f"The picture is unlike the training pictures of {predictor.name}: "
            f"{'; '.join(reasons)}. {_advice(reasons, measured, model)}",
        )
    ]


def _advice(reasons: Sequence[str], measured: dict[str, float], model: ModelDescription) -> str:
    """Say what to do: another shipped model whose kind of picture this could be, or inverting."""
    turned = any("trained on the opposite" in reason for reason in reasons)
    uses = [
        f"for {_KINDS.get(d.modality, 'such a picture')} use `fatescope predict {d.task}`"
        for d in _shipped()
        if d.name != model.name and d.modality != model.modality and looks_like(measured, d)
    ]
    if turned:
        uses.insert(0, "invert the picture if it is a negative")
    if not uses:
        return "Look at the outlines before you use them, or train with your own pictures."
    text = "; ".join(uses)
    return f"{text[0].upper()}{text[1:]}. Look at the outlines before you use them."


@lru_cache(maxsize=1)
def _shipped() -> tuple[ModelDescription, ...]:
    """Return the descriptions of the shipped packages whose maps become instances as here."""
    return tuple(p.description for p in list_models() if p.description.task.startswith("nuclei"))
