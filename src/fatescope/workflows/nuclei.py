"""Nuclei, from files on disk to outlines, tables and a report.

read -> scale -> normalise -> network on tiles -> nuclei -> joined -> measured -> written. The unit
of work is an image; workers do units, and the driver alone writes the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import (
    ImageFile,
    check_image,
    find_images,
    label_tiles,
    read_image,
    write_labels,
)
from fatescope.base import (
    Execution,
    FatescopeError,
    Finding,
    Image,
    InputError,
    Spacing,
    Table,
    size_and_time,
)
from fatescope.measure import DoubtSettings, ObjectSums, doubtful_objects, objects_table
from fatescope.models import shipped_names
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
from fatescope.report import nuclei_report_from_folder, write_report
from fatescope.run import FileScratch, Run, Summary, describe_input, memory_limit
from fatescope.workflows.driver import Outcome, pending, work_through
from fatescope.workflows.execute import Progress, available_workers
from fatescope.workflows.plan import Cost, RunPlan, estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.models.runtime import Device

Command = Literal["predict nuclei", "predict nuclei-em"]
_BAND_ROWS = 512
_COST = Cost(
    cpu_seconds=0.25, memory_mb=25.0, output_mb=0.15, unit_mb=0.02, start_mb=300.0, most_mb=950.0
)
"""By megapixel, where nuclei have the model's size (`benchmarks/nuclei_speed.py`)."""
_SHARING_A_GPU = 4
"""Processes that use one GPU at a time, unless --workers says otherwise: each needs its memory."""


def predict_nuclei(
    inputs: Sequence[Path | str] | Path | str,
    *,
    out: Path | str,
    settings: NucleiSettings | None = None,
    execution: Execution | None = None,
    command: Command = "predict nuclei",
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Outline, count and measure the nuclei of images; the story behind ``predict nuclei``.

    Parameters
    ----------
    inputs : path or sequence of paths
        Pictures, stacks, movies, or folders of them.
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
        Counts of units and findings, seconds, memory. The results are in ``out``: label images,
        ``objects.parquet`` and ``.csv``, ``findings.csv``, ``run.json`` and ``report.html``.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_nuclei("embryo.tif", out="results")  # doctest: +SKIP
    """
    settings, execution = settings or NucleiSettings(), execution or Execution()
    files = _files(inputs, settings)
    predictor, device = _model_and_device(settings, execution)
    model = {"name": predictor.name, "sha256": predictor.sha256, "device": device}
    with Run.open(
        out, command=command, settings=settings.model_dump(), model=model, fresh=fresh
    ) as run:
        todo = pending(run, files)
        workers = _workers(todo, settings, execution, device)
        job = partial(
            segment_file,
            out=run.out.absolute(),
            settings=_with_absolute_model(settings) if execution.cluster else settings,
            threads=_threads(execution, workers),
            device=device,
        )
        team = execution.replace(workers=workers)
        work_through(run, todo, job, execution=team, progress=progress)
        summary = run.finish(workers=workers)
        if summary.units_done:
            write_report(run.out / "report.html", nuclei_report_from_folder(run.out))
            run.wrote("report.html")
    return summary


def plan_nuclei(
    inputs: Sequence[Path | str] | Path | str,
    *,
    settings: NucleiSettings | None = None,
    execution: Execution | None = None,
    command: Command = "predict nuclei",
) -> RunPlan:
    """Say what `predict_nuclei` would do, without reading a pixel.

    Parameters
    ----------
    inputs, settings, execution, command
        As for `predict_nuclei`.

    Returns
    -------
    RunPlan
        Units, and estimates of time, memory and size of the results.
    """
    settings, execution = settings or NucleiSettings(), execution or Execution()
    files = _files(inputs, settings)
    _model_and_device(settings, execution)
    return estimate(
        command,
        (_megapixels(f, settings) for f in files),
        cost=_COST,
        what="images",
        execution=execution,
        memory_bytes=memory_limit(execution.memory_bytes),
    )


def segment_file(
    file: ImageFile, *, out: Path, settings: NucleiSettings, threads: int, device: Device = "cpu"
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
    """
    begun = time.perf_counter()
    image = open_image(file, settings)
    predictor = _predictor(settings.model, settings.precision, threads, device)
    frames, findings = open_frames(image, channel=settings.channel)
    findings = [*check_image(image), *findings, *_joined(image)]
    plan = choose_scale(frames, predictor, settings)
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
        objects.append(measure_frame(labels, image))
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
        input=describe_input(image, file.paths),
        tables={"objects": named},
        findings=findings,
        files=[path],
        seconds=seconds,
    )


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


def measure_frame(labels: FrameLabels, image: Image) -> Table:
    """Measure the nuclei of one frame in all channels, band by band."""
    names = image.channels or tuple(str(c) for c in range(image.size("C")))
    depth = len(labels.planes)
    sums = []
    for z in range(depth):
        for first in range(0, labels.shape[-2], _BAND_ROWS):
            rows = slice(first, min(first + _BAND_ROWS, labels.shape[-2]))
            sums.append(_sums_of_band(labels, image, names, z, rows))
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
    labels: FrameLabels, image: Image, names: Sequence[str], z: int, rows: slice
) -> ObjectSums:
    flat = len(labels.shape) == 2
    block = labels[(rows, slice(None)) if flat else (z, rows, slice(None))]
    pixels = {name: image.read(T=labels.frame, C=c, Z=z, Y=rows) for c, name in enumerate(names)}
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


def _files(inputs: Sequence[Path | str] | Path | str, settings: NucleiSettings) -> list[ImageFile]:
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    return find_images(given, pattern=settings.pattern, sequence=settings.sequence)


def _is_large(image: Image) -> bool:
    """Say whether the labels of all frames should wait on disk."""
    planes = image.size("T") * image.size("Z")
    return planes * image.size("Y") * image.size("X") > 2**25


def _threads(execution: Execution, workers: int) -> int:
    """Share the cores among the workers; the network's threads do not change its numbers."""
    if execution.cluster:
        return 1
    return max(1, available_workers(execution.workers, 10**6) // workers)


def _workers(
    files: Sequence[ImageFile], settings: NucleiSettings, execution: Execution, device: str
) -> int:
    """Return how many workers there are units, cores and memory for."""
    workers = available_workers(execution.workers, len(files))
    if device == "cuda" and execution.workers is None:
        workers = min(workers, _SHARING_A_GPU)
    if workers == 1 or execution.cluster:
        return 1
    largest = max(files, key=_bytes_on_disk)
    return _COST.workers_that_fit(
        workers, _megapixels(largest, settings)[1], memory_limit(execution.memory_bytes)
    )


def _bytes_on_disk(file: ImageFile) -> int:
    return sum(size_and_time(p)[0] for p in file.paths if p.exists())


@lru_cache(maxsize=1)
def _predictor(model: str, precision: Any, threads: int, device: Device) -> Predictor:
    """Open the model once for each worker."""
    return open_predictor(model, precision=precision, threads=threads, device=device)


def _model_and_device(
    settings: NucleiSettings, execution: Execution
) -> tuple[Predictor, Literal["cpu", "cuda"]]:
    """Return the model and where all workers run it; on a cluster the driver needs no GPU."""
    asked: Device = execution.device
    if execution.cluster:
        asked = "cpu"
    predictor = open_predictor(settings.model, precision=settings.precision, device=asked)
    on_gpu = "cuda" in (predictor.device, execution.device)
    return predictor, "cuda" if on_gpu else "cpu"


def _with_absolute_model(settings: NucleiSettings) -> NucleiSettings:
    """Let workers in another folder find a package that was given by its path."""
    if settings.model in ("classical", *shipped_names()):
        return settings
    return settings.replace(model=str(Path(settings.model).absolute()))


def _megapixels(file: ImageFile, settings: NucleiSettings) -> tuple[float, float]:
    """Return the pixels of one channel in all, and those of a plane; 0 if it cannot be read."""
    try:
        image = open_image(file, settings)
    except FatescopeError:
        return 0, 0
    plane = image.size("Y") * image.size("X") / 1e6
    return image.size("T") * image.size("Z") * plane, plane


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
