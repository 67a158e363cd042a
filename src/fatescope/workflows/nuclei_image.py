"""One unit of ``predict nuclei``: an image, from its file to label image and table.

read -> scale -> normalise -> network on tiles -> nuclei -> joined -> measured -> written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import ImageFile, check_image, label_tiles, read_image, write_labels
from fatescope.base import Finding, Image, Table
from fatescope.measurement import DoubtSettings, doubtful_objects, objects_table, sum_in_bands
from fatescope.predict import (
    FrameLabels,
    ImageNuclei,
    NucleiSettings,
    Predictor,
    choose_scale,
    open_frames,
    open_predictor,
    segment_image,
)
from fatescope.run import FileScratch, describe_input
from fatescope.workflows.driver import Outcome
from fatescope.workflows.nuclei_sizes import kind_of, plan_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.models.runtime import Device
    from fatescope.predict import Frame, Plane, ScalePlan, Scratch
    from fatescope.workflows.nuclei_sizes import Sizes


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
    image = open_image(file, settings)
    predictor = _predictor(settings.model, settings.precision, threads, device)
    found, table, seconds = segment_and_measure(
        image,
        settings,
        predictor=predictor,
        choose=lambda frames: plan_for(image, frames, predictor, settings, sizes),
        scratch=FileScratch(out) if _is_large(image) else None,
    )
    named = Table({"image": np.full(len(table), file.key, dtype=object), **table.columns})
    path = f"labels/{file.key}" + (".ome.zarr" if settings.labels == "zarr" else ".tif")
    begun = time.perf_counter()
    write_frame_labels(out / path, found.frames, image)
    found.close()
    return Outcome(
        input={**describe_input(image, file.paths), "diameter": _diameter(found.plan)},
        tables={"objects": named},
        findings=[*check_image(image), *_joined(image), *found.findings],
        files=[path],
        seconds={**seconds, "write": time.perf_counter() - begun},
    )


def segment_and_measure(
    image: Image,
    settings: NucleiSettings,
    *,
    predictor: Predictor | None = None,
    choose: Callable[[Sequence[Frame]], ScalePlan] | None = None,
    scratch: Scratch | None = None,
    progress: Progress | None = None,
) -> tuple[ImageNuclei, Table, dict[str, float]]:
    """Find the nuclei of an image and measure each frame while its pixels are at hand.

    Parameters
    ----------
    image, settings, predictor, choose, scratch, progress
        As for `fatescope.predict.segment_image`.

    Returns
    -------
    ImageNuclei, Table, dict
        Labels, one row for each object and frame, and seconds by stage.
    """
    objects: list[Table] = []
    measuring = 0.0

    def measure(labels: FrameLabels, frame: Frame) -> None:
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
        progress=progress,
    )
    table = add_doubts(Table.concatenate(objects))
    return found, table, {**found.seconds, "measure": measuring}


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
    return read_image(file, axes=settings.axes).with_scale(
        spacing_um=settings.spacing_um, interval_min=settings.interval_min
    )


def measure_frame(labels: FrameLabels, frame: Frame, image: Image) -> Table:
    """Measure the nuclei of one frame in all channels, band by band; held pixels are used again."""
    names = image.channels or tuple(str(c) for c in range(image.size("C")))
    solid = len(labels.shape) == 3

    def read(z: int, rows: slice) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        if z and rows.start == 0:
            frame.planes[z - 1].release()
        plane = frame.planes[z]
        block = labels[(z, rows, slice(None)) if solid else (rows, slice(None))]
        return block, _channels(plane, image, names, rows)

    table = objects_table(
        sum_in_bands(labels.shape, read),
        shape=labels.shape,
        spacing_um=image.spacing.um("ZYX" if solid else "YX"),
        frame=labels.frame,
    )
    if len(labels.planes) > 1:
        frame.planes[-1].release()
    return table.with_columns({"score": labels.scores[table["label"] - 1]})


def _channels(
    plane: Plane, image: Image, names: Sequence[str], rows: slice
) -> dict[str, NDArray[Any]]:
    """Return some rows of a plane in all channels."""
    return {
        name: plane(rows.start, rows.stop, 0, plane.shape[1])
        if c == plane.at["C"]
        else image.read(**{**plane.at, "C": c}, Y=rows)
        for c, name in enumerate(names)
    }


def add_doubts(table: Table) -> Table:
    """Add how doubtful each nucleus is among those of its image, and why; 0 and empty if not."""
    ranked = doubtful_objects(table, DoubtSettings())
    doubt = np.zeros(len(table))
    reason = np.full(len(table), None, dtype=object)
    doubt[ranked["row"]], reason[ranked["row"]] = ranked["doubt"], ranked["reason"]
    return table.with_columns({"doubt": doubt, "doubt_reason": reason})


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
