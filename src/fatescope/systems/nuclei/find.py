"""Nuclei, from files on disk to outlines, tables and a report.

read -> scale -> normalise -> network on tiles -> nuclei -> joined -> measured -> written. What is
not about nuclei is in `engine/predict.py`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import gauged
from fatescope.base import Execution, Image, Progress, Table
from fatescope.engine import Run, Summary
from fatescope.engine.execute import map_units
from fatescope.engine.found import Found, Raster
from fatescope.engine.in_memory import as_image, find_in_image
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.engine.worker import Worker
from fatescope.measurement import (
    DoubtSettings,
    border_findings,
    doubtful_objects,
    objects_table,
    sum_in_bands,
)
from fatescope.predict import (
    FrameLabels,
    Predictor,
    ScalePlan,
    open_frames,
    open_predictor,
    pixel_stretch,
    scale_from_settings,
    shared_scale,
    typical_diameter,
)
from fatescope.predict.decoders.instances import check_maps
from fatescope.predict.predictor import solid_sha256
from fatescope.systems.nuclei.outline import ImageNuclei, frame_by_frame, segment_image
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.acquire import ImageFile
    from fatescope.engine.given import Inputs
    from fatescope.engine.in_memory import ImageLike, SegmentedImage
    from fatescope.predict import ImageFrame, Scratch

Command = Literal["predict nuclei", "predict nuclei-em"]
Sizes = dict[str, float | None]
"""Diameter in pixels by kind of image; ``None`` where no image of a kind shows nuclei."""
Looking = Callable[..., tuple[str, ScalePlan | None]]
"""What a worker does with a file: the kind of image, and its size unless the kind is known."""


def predict_nuclei(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: NucleiSettings | None = None,
    execution: Execution | None = None,
    command: Command = "predict nuclei",
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Outline, count and measure the nuclei of images; what ``predict nuclei`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Images, stacks, movies, or folders of them.
    out : path
        Output folder. The same call again continues, also with more inputs.
    settings : NucleiSettings, optional
        What decides the result.
    execution : Execution, optional
        How the machine is used; never changes a result.
    command : str
        What stands in the record; the model, which ``settings`` names, decides what is found.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Summary
        Counts of units and findings, seconds, memory. The results are in ``out``: ``images.csv``,
        label images, ``objects.parquet`` and ``.csv``, ``findings.csv``,
        ``run.json`` and ``report.html``.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_nuclei("embryo.tif", out="results")  # doctest: +SKIP
    """
    return predict_images(
        replace(NUCLEI, command=command),
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def segment_nuclei(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: NucleiSettings | None = None,
    progress: Progress | None = None,
) -> SegmentedImage:
    """Find and measure the nuclei of an image, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : NucleiSettings, optional
        Model, channel, diameter, thresholds.
    progress : callable, optional
        Called as ``progress(done, total, what)`` after each tile.

    Returns
    -------
    SegmentedImage
        The same labels and rows, to the bit, as `predict_nuclei` writes for a file of the image.

    Raises
    ------
    InputError, SettingsError, ModelError

    Examples
    --------
    >>> import fatescope as fs
    >>> y, x = np.mgrid[:64, :64]
    >>> discs = np.maximum(np.hypot(y - 20, x - 20) < 9, np.hypot(y - 44, x - 44) < 9) * 200
    >>> settings = fs.NucleiSettings(model="classical", diameter_px=18)
    >>> found = fs.segment_nuclei(discs.astype(np.uint8), settings=settings)
    >>> len(found.objects), int(found.labels.max())
    (2, 2)
    """
    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    return find_in_image(NUCLEI, whole, settings, progress=progress)


def open_nuclei_model(name_or_path: str, **how: Any) -> Predictor:
    """Open a model as `open_predictor` does, and refuse one of whose maps no nuclei are made."""
    predictor = open_predictor(name_or_path, volumes=True, **how)
    check_maps(predictor.description.instances)
    return predictor


def record_solid(settings: NucleiSettings) -> dict[str, str]:
    """Return the content of the network in space for the record: another is refused later."""
    if settings.stack in ("rule", "planes"):
        return {}
    return {"solid_sha256": solid_sha256(settings.model)}


def find_nuclei(
    image: Image,
    settings: NucleiSettings,
    *,
    predictor: Predictor,
    scratch: Scratch | None,
    decided: Sizes | None,
    kept: Callable[[int], FrameLabels | None] | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find and measure the nuclei of one image; the `System.find` of nuclei."""
    channels: list[int] = []

    def choose(frames: Sequence[ImageFrame]) -> ScalePlan:
        channels.append(frames[0].planes[0].at["C"])
        return _plan_for(image, predictor, settings, decided, frames)

    found, table, seconds = segment_and_measure(
        image,
        settings,
        predictor=predictor,
        choose=choose,
        scratch=scratch,
        kept=kept,
        progress=progress,
    )
    return Found(
        tables={"objects": table},
        rasters={"labels": found.frames},
        kind=settings.labels,
        findings=[
            *found.findings,
            *border_findings(
                table, file=image.name, called="nuclei", lost="volumes", severity="info"
            ),
        ],
        record={"diameter": _diameter(found.plan), "channel": channels[0]},
        seconds=seconds,
        close=found.close,
    )


def find_by_frame(
    image: Image, settings: NucleiSettings, *, predictor: Predictor, decided: Sizes | None
) -> Callable[[int], FrameLabels] | None:
    """Return what finds the nuclei of one frame; the `System.by_frame` of nuclei."""
    choose = partial(_plan_for, image, predictor, settings, decided)
    return frame_by_frame(image, settings, predictor=predictor, choose=choose)


def follow_nuclei(found: Found, image: Image, settings: NucleiSettings) -> Found:
    """Link nuclei through time where that is asked for; the `System.follow` of nuclei."""
    from fatescope.systems.nuclei.linked_labels import link_found

    return link_found(found, image) if settings.link else found


def segment_and_measure(
    image: Image,
    settings: NucleiSettings,
    *,
    predictor: Predictor | None = None,
    choose: Callable[[Sequence[ImageFrame]], ScalePlan] | None = None,
    scratch: Scratch | None = None,
    kept: Callable[[int], FrameLabels | None] | None = None,
    progress: Progress | None = None,
) -> tuple[ImageNuclei, Table, dict[str, float]]:
    """Find the nuclei of an image and measure each frame while its pixels are at hand.

    Parameters
    ----------
    image, settings, predictor, choose, scratch, kept, progress
        As for `fatescope.systems.nuclei.outline.segment_image`.

    Returns
    -------
    ImageNuclei, Table, dict
        Labels, one row for each object and frame, and seconds by stage.
    """
    image = gauged(image)
    objects: list[Table] = []
    measuring = 0.0

    def measure(labels: FrameLabels, frame: ImageFrame) -> None:
        nonlocal measuring
        begun = time.perf_counter()
        objects.append(measure_frame(labels, frame, image))
        measuring += time.perf_counter() - begun

    found = segment_image(
        image,
        settings,
        predictor=predictor,
        choose=choose,
        scratch=scratch,
        each=measure,
        kept=kept,
        progress=progress,
    )
    table = add_doubts(Table.concatenate(objects))
    return found, table, {**found.seconds, "measure": measuring}


def measure_frame(labels: FrameLabels, frame: ImageFrame, image: Image) -> Table:
    """Measure the nuclei of one frame, and how sure each is."""
    table = measure_labels(labels, labels.shape, frame, image)
    return table.with_columns({"score": labels.scores[table["label"] - 1]})


def measure_labels(
    labels: Raster, shape: tuple[int, ...], frame: ImageFrame, image: Image
) -> Table:
    """Measure the objects of one frame in all channels by bands; held pixels are used again."""
    names = image.channels or tuple(str(c) for c in range(image.size("C")))
    solid = len(shape) == 3

    def read(z: int, rows: slice) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        if z and rows.start == 0:
            frame.planes[z - 1].release()
        plane = frame.planes[z]
        channels = {
            name: plane[rows, :]
            if c == plane.at["C"]
            else image.read(**{**plane.at, "C": c}, Y=rows)
            for c, name in enumerate(names)
        }
        return labels[(z, rows, slice(None)) if solid else (rows, slice(None))], channels

    return objects_table(
        sum_in_bands(shape, read),
        shape=shape,
        spacing_um=image.spacing.um("ZYX" if solid else "YX"),
        frame=frame.frame,
    )


def add_doubts(table: Table, settings: DoubtSettings | None = None) -> Table:
    """Add how doubtful each object is among those of its image, and why; 0 and empty if not."""
    ranked = doubtful_objects(table, settings or DoubtSettings())
    doubt = np.zeros(len(table))
    reason = np.full(len(table), None, dtype=object)
    doubt[ranked["row"]], reason[ranked["row"]] = ranked["doubt"], ranked["reason"]
    return table.with_columns({"doubt": doubt, "doubt_reason": reason})


def decide_sizes(
    run: Run,
    files: Sequence[ImageFile],
    worker: Worker[Any],
    *,
    execution: Execution,
    progress: Progress | None = None,
    look: Looking | None = None,
) -> Sizes | None:
    """Return one diameter for each kind of image, decided once for the run: ``--same-size``.

    Each image is looked at alone, by the workers; the median over the images of a kind (one pixel
    size, one channel) is the diameter of them all, and an image that shows nothing of that size
    gets no objects. The decision stands in the ledger before the first unit is done, so a run
    that continues, also with more images, works with the same sizes. An image that cannot be read
    says nothing here; as a unit it is a finding. ``look`` is what workers do with an image, by
    default `look_at_file`.
    """
    if not worker.settings.same_size:
        return None
    known: Sizes = run.decided().get("diameter_px", {})
    if execution.cluster:
        files = [f.absolute() for f in files]
    plans: dict[str, list[ScalePlan]] = {}
    seen = map_units(
        partial(look or look_at_file, worker=worker, known=tuple(known)),
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


def look_at_file(
    file: ImageFile, *, worker: Worker[NucleiSettings], known: Sequence[str]
) -> tuple[str, ScalePlan | None]:
    """Return the kind of an image, and what it alone says of the size unless its kind is known."""
    image, predictor = worker.open(file)
    frames, _ = open_frames(image, channel=worker.settings.channel, predictor=predictor)
    kind = kind_of_labels(image, frames)
    return kind, None if kind in known else choose_scale(frames, predictor, worker.settings)


def kind_of_labels(image: Image, frames: Sequence[ImageFrame]) -> str:
    """Return what images must share to share a size: pixel size and channel."""
    um = image.spacing.um("YX")
    pixel = "unknown pixel size" if um is None else f"{um[0]:.4g} x {um[1]:.4g} um"
    number = frames[0].planes[0].at["C"]
    name = image.channels[number] if image.channels else str(number)
    return f"{pixel}, channel {name}"


def _plan_for(
    image: Image,
    predictor: Predictor,
    settings: NucleiSettings,
    sizes: Mapping[str, float | None] | None,
    frames: Sequence[ImageFrame],
) -> ScalePlan:
    """Return the plan of an image: its own, or that of its kind where sizes were decided."""
    plan = scale_from_settings(settings, predictor.description, image.spacing)
    if plan is not None:
        return plan
    if sizes is None:
        return choose_scale(frames, predictor, settings)
    diameter = sizes.get(kind_of_labels(image, frames))
    return shared_scale(diameter, predictor.description, stretch=pixel_stretch(image.spacing))


def _diameter(plan: ScalePlan) -> dict[str, float | str]:
    """Return what the record says of the diameter, and who said it; nothing where nobody did."""
    if plan.diameter_px is None:
        return {}
    return {
        "value": round(plan.diameter_px, 2),
        "unit": "px",
        "source": plan.source,
        "scale": round(math.sqrt(plan.scale[0] * plan.scale[1]), 4),
    }


def _write_pages(out: Path) -> tuple[str, ...]:
    from fatescope.systems.nuclei.page.again import write_settings
    from fatescope.systems.nuclei.page.folder import nuclei_report_from_folder
    from fatescope.systems.nuclei.page.page import write_report

    report = nuclei_report_from_folder(out)
    write_report(out / "report.html", report)
    write_settings(out / "settings.toml", report)
    return "report.html", "settings.toml"


NUCLEI: System[NucleiSettings] = System(
    command="predict nuclei",
    settings=NucleiSettings,
    cost=Cost(
        cpu_seconds=0.25,
        unit_seconds=0.03,
        memory_mb=25.0,
        output_mb=0.15,
        unit_mb=0.02,
        start_mb=300.0,
        most_mb=950.0,
    ),
    find=find_nuclei,
    open_model=open_nuclei_model,
    write_pages=_write_pages,
    decide=decide_sizes,
    record=record_solid,
    follow=follow_nuclei,
    by_frame=find_by_frame,
)
"""By megapixel, where nuclei have the model's size, and by image: its size is estimated, its files
are written (`benchmarks/nuclei_speed.py`)."""
