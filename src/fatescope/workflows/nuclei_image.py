"""One unit of ``predict nuclei``: an image, from its file to label image and table.

read -> scale -> normalise -> network on tiles -> nuclei -> joined -> measured -> written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import ImageFile, check_image, label_tiles, read_image, write_labels
from fatescope.base import Finding, Image, InputError, Spacing, Table
from fatescope.measure import DoubtSettings, ObjectSums, doubtful_objects, objects_table
from fatescope.predict import (
    FrameLabels,
    NucleiSettings,
    Predictor,
    check_modality,
    choose_scale,
    open_frames,
    open_predictor,
    segment_frame,
)
from fatescope.run import FileScratch, describe_input
from fatescope.workflows.driver import Outcome
from fatescope.workflows.nuclei_sizes import kind_of, plan_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.models.runtime import Device
    from fatescope.predict import Frame, Plane, ScalePlan
    from fatescope.workflows.nuclei_sizes import Sizes

_BAND_ROWS = 512


def segment_file(
    file: ImageFile,
    *,
    out: Path,
    settings: NucleiSettings,
    threads: int,
    device: Device = "cpu",
    sizes: Sizes | None = None,
) -> Outcome:
    """Do one unit: read an image, write its labels, and return its objects.

    Parameters
    ----------
    file : ImageFile
    out : Path
        Output folder; the labels go to ``labels/<key>.tif`` (or the folder
        ``<key>.ome.zarr``), nothing else is written.
    settings : NucleiSettings
    threads : int
        Threads of the network; the labels are the same for any number.
    device : {"cpu", "cuda"}
        Where the network runs.
    sizes : dict, optional
        Where the run decided how large nuclei are (`decide_sizes`): the diameter by kind of image.
    """
    begun = time.perf_counter()
    image = open_image(file, settings)
    predictor = _predictor(settings.model, settings.precision, threads, device)
    frames, findings = open_frames(image, channel=settings.channel, predictor=predictor)
    findings = [*check_image(image), *findings, *_joined(image)]
    plan = plan_for(image, frames, predictor, settings, sizes)
    findings.append(plan.finding(image.name))
    findings += check_modality(frames, plan, predictor, file=image.name)
    seconds = {"read and scale": time.perf_counter() - begun, "segment": 0.0, "measure": 0.0}

    scratch = FileScratch(out) if _is_large(image) else None
    percentiles = predictor.description.percentiles
    segmented: list[FrameLabels] = []
    objects: list[Table] = []
    for frame in frames:
        started = time.perf_counter()
        findings += frame.findings(image.name, percentiles)
        labels = segment_frame(frame, predictor, plan, settings, scratch=scratch)
        found = time.perf_counter()
        objects.append(measure_frame(labels, frame, image))
        segmented.append(labels)
        frame.release()
        seconds["segment"] += found - started
        seconds["measure"] += time.perf_counter() - found
    table = Table.concatenate(objects)
    table = add_doubts(table)
    named = Table({"image": np.full(len(table), file.key, dtype=object), **table.columns})

    path = f"labels/{file.key}" + (".ome.zarr" if settings.labels == "zarr" else ".tif")
    begun = time.perf_counter()
    write_frame_labels(out / path, segmented, image)
    for labels in segmented:
        labels.close()
    seconds["write"] = time.perf_counter() - begun
    return Outcome(
        input={**describe_input(image, file.paths), "diameter": _diameter(plan)},
        tables={"objects": named},
        findings=findings,
        files=[path],
        seconds=seconds,
    )


def look_at_file(
    file: ImageFile,
    *,
    settings: NucleiSettings,
    threads: int,
    device: Device,
    known: Sequence[str] = (),
) -> tuple[str, ScalePlan | None]:
    """Return the kind of an image, and what it alone says of the size unless its kind is known."""
    image = open_image(file, settings)
    predictor = _predictor(settings.model, settings.precision, threads, device)
    frames, _ = open_frames(image, channel=settings.channel, predictor=predictor)
    kind = kind_of(image, frames)
    return kind, None if kind in known else choose_scale(frames, predictor, settings)


def open_image(file: ImageFile, settings: NucleiSettings) -> Image:
    """Open an image and put in what the user says of its scale."""
    image = read_image(file, axes=settings.axes)
    given = settings.spacing_um
    steps: dict[str, float | None] = {"T": settings.interval_min}
    if given is not None:
        spatial = [a for a in "ZYX" if a in image.axes]
        if len(given) > len(spatial):
            raise InputError(
                f"{image.name}: --spacing-um gives {len(given)} steps, but the image has the axes "
                f"{image.axes}. Give X, or Y,X" + (", or Z,Y,X." if "Z" in image.axes else ".")
            )
        values = given * 2 if len(given) == 1 else given
        steps |= dict(zip(spatial[-len(values) :], values, strict=True))
    said = Spacing.of(source="user", **steps).only(image.axes)
    return replace(image, spacing=image.spacing.replaced_by(said))


def measure_frame(labels: FrameLabels, frame: Frame, image: Image) -> Table:
    """Measure the nuclei of one frame in all channels, band by band; held pixels are used again."""
    names = image.channels or tuple(str(c) for c in range(image.size("C")))
    depth = len(labels.planes)
    sums = []
    for z in range(depth):
        for first in range(0, labels.shape[-2], _BAND_ROWS):
            rows = slice(first, min(first + _BAND_ROWS, labels.shape[-2]))
            sums.append(_sums_of_band(labels, frame.planes[z], image, names, rows))
        if depth > 1:
            frame.planes[z].release()
    table = objects_table(
        ObjectSums.merged(sums),
        shape=labels.shape,
        spacing_um=image.spacing.um("ZYX" if len(labels.shape) == 3 else "YX"),
        frame=labels.frame,
    )
    return table.with_columns({"score": labels.scores[table["label"] - 1]})


def add_doubts(table: Table) -> Table:
    """Add how doubtful each nucleus is among those of its image, and why; 0 and empty if not."""
    ranked = doubtful_objects(table, DoubtSettings())
    doubt = np.zeros(len(table))
    reason = np.full(len(table), None, dtype=object)
    doubt[ranked["row"]], reason[ranked["row"]] = ranked["doubt"], ranked["reason"]
    return table.with_columns({"doubt": doubt, "doubt_reason": reason})


def _sums_of_band(
    labels: FrameLabels, plane: Plane, image: Image, names: Sequence[str], rows: slice
) -> ObjectSums:
    flat = len(labels.shape) == 2
    z = plane.at["Z"]
    block = labels[(rows, slice(None)) if flat else (z, rows, slice(None))]
    pixels = {
        name: plane(rows.start, rows.stop, 0, plane.shape[1])
        if c == plane.at["C"]
        else image.read(**{**plane.at, "C": c}, Y=rows)
        for c, name in enumerate(names)
    }
    if flat:
        return ObjectSums.of_block(block, pixels, origin=(rows.start, 0))
    solid = {name: values[None] for name, values in pixels.items()}
    return ObjectSums.of_block(block[None], solid, origin=(z, rows.start, 0))


def write_frame_labels(path: Path, frames: Sequence[FrameLabels], image: Image) -> None:
    """Write the labels of all frames as one image on the input's grid, a block at a time."""
    axes = image.axes.replace("C", "")
    shape = tuple(image.size(a) for a in axes)
    most = max((f.n for f in frames), default=0)

    def blocks() -> Iterator[NDArray[Any]]:
        for index in label_tiles(shape):
            t, rest = (index[0], index[1:]) if "T" in axes else (0, index)
            assert isinstance(t, int)
            yield frames[t][rest]

    write_labels(
        path,
        blocks(),
        shape=shape,
        axes=axes,
        dtype=np.min_scalar_type(most),
        spacing=image.spacing.only(axes),
    )


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


def _is_large(image: Image) -> bool:
    """Say whether the labels of all frames should wait on disk."""
    planes = image.size("T") * image.size("Z")
    return planes * image.size("Y") * image.size("X") > 2**25


@lru_cache(maxsize=1)
def _predictor(model: str, precision: Any, threads: int, device: Device) -> Predictor:
    """Open the model once for each worker."""
    return open_predictor(model, precision=precision, threads=threads, device=device)


def _joined(image: Image) -> Iterator[Finding]:
    """Say that planes were segmented one by one, where there are several."""
    if image.size("Z") > 1:
        yield Finding(
            file=image.name,
            rule="joined-planes",
            severity="info",
            value=float(image.size("Z")),
            reason=f"The {image.size('Z')} planes were segmented one by one, and outlines that "
            "overlap across Z were joined into nuclei.",
        )
