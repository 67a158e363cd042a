"""Warn where a picture is unlike those that the model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base.finding import Finding
from fatescope.models.find import shipped_names
from fatescope.models.guard import check_input, describe_input
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import Grid, Tiles, read_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.models.description import ModelDescription
    from fatescope.predict.frames import Frame
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.size import ScalePlan

_SIDE_PX = 256
_ELECTRON = "nuclei-em"


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
            f"{'; '.join(reasons)}. {_advice(reasons, model)}",
        )
    ]


def _advice(reasons: Sequence[str], model: ModelDescription) -> str:
    turned = any("trained on the opposite" in reason for reason in reasons)
    if turned and model.polarity == "bright" and _ELECTRON in shipped_names():
        return (
            "Invert a fluorescence picture; for an electron micrograph use --model "
            f"{_ELECTRON}. Look at the outlines before you use them."
        )
    if turned:
        return "Invert the picture. Look at the outlines before you use them."
    return "Look at the outlines before you use them, or train with your own pictures."
