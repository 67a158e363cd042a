"""Living and dead cells without a stain, from files on disk to classes, tables and a report.

read -> light and contrast -> network on tiles -> class map -> objects -> measured -> written. What
is not about viability is in `engine/predict.py`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_pixels, gauged
from fatescope.base import Execution, Finding, Image, InputError, Progress, Table
from fatescope.engine.found import Found
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.engine.waiting import KeptFrames
from fatescope.measurement import objects_table, sum_in_bands
from fatescope.models import PixelClasses
from fatescope.predict import LevelledPlane, Plane, Predictor
from fatescope.systems.viability.classes import (
    choose_size,
    choose_transmitted,
    classify_plane,
    open_viability_model,
    plane_findings,
    unlike_reasons,
)
from fatescope.systems.viability.focus import blurred_finding, blurred_frames
from fatescope.systems.viability.settings import ViabilitySettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.engine import Summary
    from fatescope.engine.given import Inputs
    from fatescope.models.description import ModelDescription
    from fatescope.predict import Scratch
    from fatescope.predict.decoders.classes import ClassifiedPlane
    from fatescope.predict.level import PlaneContrast
    from fatescope.systems.viability.classes import Sized


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifiedFrame:
    """One frame: what its pixels are, its objects measured, and what contrast it has."""

    found: ClassifiedPlane
    objects: Table
    contrast: PlaneContrast


def predict_viability(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: ViabilitySettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Say of each cell whether it lives; what ``predict viability`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Images without a stain (bright field, phase), movies, or folders of them.
    out : path
        Output folder. The same call again continues, also with more inputs.
    settings : ViabilitySettings, optional
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Returns
    -------
    Summary
        The results are in ``out``: ``labels/`` (nuclei), ``classes/`` (the class of each pixel),
        ``objects`` (with ``class, p_dead, score``), ``images.csv``, ``findings.csv``,
        ``run.json`` and ``report.html``.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_viability("well.tif", out="results")  # doctest: +SKIP
    """
    return predict_images(
        VIABILITY,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def find_viability(
    image: Image,
    settings: ViabilitySettings,
    *,
    predictor: Predictor,
    scratch: Scratch | None = None,
    decided: None = None,
) -> Found:
    """Classify the frames of one image; the `System.find` of viability.

    Raises `InputError` if the image is a stack: focus differs from plane to plane, and cells would
    be counted in each.
    """
    if image.size("Z") > 1:
        raise InputError(
            f"image {image.name!r} is a stack of {image.size('Z')} planes. Give the plane in "
            "focus, or a projection."
        )
    model = predictor.description
    image = gauged(image)
    channel = choose_transmitted(image, settings.channel)
    sized = choose_size(image.spacing, settings, model)
    findings = size_findings(sized, model, file=image.name)
    labels, classes = (KeptFrames(scratch, n_frames=image.size("T")) for _ in range(2))
    tables, sharpness = [], []
    seconds = {"classify": 0.0}
    for t in range(image.size("T")):
        begun = time.perf_counter()
        plane = Plane(image, {"T": t, "C": channel, "Z": 0})
        levelled = LevelledPlane(plane)
        if t == 0:
            findings += check_likeness_of_plane(levelled, model, sized, file=image.name, frame=t)
        frame = classify_frame(image, plane, levelled, predictor, sized)
        sharpness.append(levelled.sharpness)
        plane.release()
        n = len(frame.objects)
        findings += plane_findings(frame.contrast, n, file=image.name, frame=t)
        tables.append(frame.objects)
        labels.append(frame.found.labels.astype(np.min_scalar_type(n)))
        classes.append(frame.found.classes)
        seconds["classify"] += time.perf_counter() - begun

    findings += check_pixels(image, channel=channel)
    if blurred := blurred_frames(sharpness):
        so = "Their cells are in the tables; leave these frames out where you compare."
        findings.append(blurred_finding(blurred, file=image.name, among="movie", so=so))

    def close() -> None:
        labels.close()
        classes.close()

    return Found(
        tables={"objects": Table.concatenate(tables)},
        rasters={"labels": labels.frames, "classes": classes.frames},
        findings=findings,
        record={
            "channel": channel,
            "classes": list(model.output_as(PixelClasses).channels),
            "diameter": {
                "value": round(model.image.diameter_px / float(np.sqrt(np.prod(sized.scale))), 2),
                "unit": "px",
                "source": "given" if sized.source == "given" else "model",
            },
        },
        seconds=seconds,
        close=close,
    )


def classify_frame(
    image: Image, plane: Plane, levelled: LevelledPlane, predictor: Predictor, sized: Sized
) -> ClassifiedFrame:
    """Classify and measure one frame of one channel."""
    model = predictor.description
    network = predictor.network(plane.parts, None)
    found = classify_plane(network, levelled, model, scale=sized.scale)
    return ClassifiedFrame(
        found=found,
        objects=_measure_cells(image, plane, found, model),
        contrast=levelled.contrast,
    )


def _measure_cells(
    image: Image, plane: Plane, found: ClassifiedPlane, model: ModelDescription
) -> Table:
    """Return a row for each object: place, size, brightness, then ``class, p_dead, score``."""
    output = model.output_as(PixelClasses)
    c = plane.at["C"]
    name = image.channels[c] if image.channels else str(c)
    labels = found.labels

    def read(_: int, rows: slice) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        return labels[rows], {name: plane[rows, :]}

    table = objects_table(
        sum_in_bands(labels.shape, read),
        shape=labels.shape,
        spacing_um=image.spacing.um("YX"),
        frame=plane.at["T"],
    )
    row = table["label"] - 1
    p_dead = found.p_dead[row]
    state = np.where(p_dead >= output.least_dead, output.dead, output.live).astype(object)
    return table.with_columns({"class": state, "p_dead": p_dead, "score": found.score[row]})


def size_findings(sized: Sized, model: ModelDescription, *, file: str) -> list[Finding]:
    """Say where the size of a pixel was assumed."""
    if sized.source != "assumed":
        return []
    um = model.image.spacing_um
    pixel = f" ({um[-1]:g} µm a pixel)" if um is not None else ""
    return [
        Finding(
            file=file,
            rule="no-scale",
            severity="warning",
            reason=f"The pixel size is not known; nuclei of about {model.image.diameter_px:g} px"
            f"{pixel}, those of the model, were assumed. Give --spacing-um or --diameter-px.",
        )
    ]


def check_likeness_of_plane(
    plane: LevelledPlane, model: ModelDescription, sized: Sized, *, file: str, frame: int
) -> list[Finding]:
    """Say in what an image is unlike the training images, in one finding or none."""
    reasons = unlike_reasons(plane, model, sized.scale)
    if not reasons:
        return []
    return [
        Finding(
            file=file,
            frame=frame,
            rule="unlike-training",
            severity="warning",
            value=float(len(reasons)),
            reason=f"The image is unlike the training images of {model.name}: "
            f"{'; '.join(reasons)}. Look at the outlines before you use the numbers."
            f"{f' {weighed.rates}' if (weighed := model.image.likeness) is not None else ''}",
        )
    ]


def _write_pages(out: Path) -> Sequence[str]:
    from fatescope.pages.page import write_page
    from fatescope.systems.viability.page import viability_page

    write_page(out / "report.html", viability_page(out))
    return ("report.html",)


VIABILITY: System[ViabilitySettings] = System(
    command="predict viability",
    settings=ViabilitySettings,
    cost=Cost(
        cpu_seconds=0.22,
        unit_seconds=0.03,
        memory_mb=25.0,
        output_mb=0.3,
        unit_mb=0.02,
        start_mb=300.0,
    ),
    find=find_viability,
    open_model=open_viability_model,
    write_pages=_write_pages,
)
"""By megapixel of a well that cells fill by a quarter."""
