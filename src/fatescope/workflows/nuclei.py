"""Nuclei, from files on disk to outlines, tables and a report.

The unit of work is an image (`nuclei_image`); workers do units, the driver alone writes the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fatescope.acquire import ImageFile, find_images, without_labels
from fatescope.base import Execution, FatescopeError, Finding, Progress, escape
from fatescope.models import shipped_names
from fatescope.predict import NucleiSettings, Predictor, open_predictor
from fatescope.predict.instances import reach_px
from fatescope.report import nuclei_report_from_folder, write_report, write_settings
from fatescope.run import Run, Summary, memory_limit
from fatescope.storage import size_and_time
from fatescope.workflows.driver import pending, work_through
from fatescope.workflows.execute import available_workers
from fatescope.workflows.nuclei_image import look_at_file, open_image, segment_file
from fatescope.workflows.nuclei_sizes import decide_sizes
from fatescope.workflows.plan import Cost, RunPlan, estimate

if TYPE_CHECKING:
    from fatescope.models.runtime import Device

_log = logging.getLogger(__name__)

Command = Literal["predict nuclei", "predict nuclei-em"]
_COST = Cost(
    cpu_seconds=0.25,
    unit_seconds=0.03,
    memory_mb=25.0,
    output_mb=0.15,
    unit_mb=0.02,
    start_mb=300.0,
    most_mb=950.0,
)
"""By megapixel, where nuclei have the model's size, and by image: its size is estimated, its files
are written (`benchmarks/nuclei_speed.py`)."""
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
    settings, execution = settings or NucleiSettings(), execution or Execution()
    _COST.refuse_less(execution.memory_bytes)
    files, labels = _files(inputs, settings)
    predictor, device = _model_and_device(settings, execution)
    model = {"name": predictor.name, "sha256": predictor.sha256, "device": device}
    with Run.open(
        out, command=command, settings=settings.model_dump(), model=model, fresh=fresh
    ) as run:
        left_out = _note_left_out(run, labels, files)
        todo = pending(run, files)
        workers = _workers(todo, settings, execution, device)
        team = execution.replace(workers=workers)
        asked = _with_absolute_model(settings) if execution.cluster else settings
        threads = _threads(execution, workers)
        sizes = None
        if settings.same_size:
            look = partial(look_at_file, settings=asked, threads=threads, device=device)
            sizes = decide_sizes(run, todo, look, execution=team, progress=progress)
        job = partial(
            segment_file,
            out=run.out.absolute(),
            settings=asked,
            threads=threads,
            device=device,
            sizes=sizes,
        )
        work_through(run, todo, job, execution=team, progress=progress)
        run.list_images()
        summary = run.finish(findings=left_out, workers=workers)
        if summary.units_done:
            report = nuclei_report_from_folder(run.out)
            write_report(run.out / "report.html", report)
            write_settings(run.out / "settings.toml", report)
            run.wrote("report.html", "settings.toml")
    return summary


def plan_nuclei(
    inputs: Sequence[Path | str] | Path | str,
    *,
    settings: NucleiSettings | None = None,
    execution: Execution | None = None,
    command: Command = "predict nuclei",
) -> RunPlan:
    """Say what `predict_nuclei` would do, without doing or writing anything.

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
    _COST.refuse_less(execution.memory_bytes)
    files, _ = _files(inputs, settings)
    _model_and_device(settings, execution)
    return estimate(
        command,
        (_megapixels(f, settings) for f in files),
        cost=_COST,
        what="images",
        execution=execution,
        memory_bytes=memory_limit(execution.memory_bytes),
    )


def _files(
    inputs: Sequence[Path | str] | Path | str, settings: NucleiSettings
) -> tuple[list[ImageFile], list[Finding]]:
    """Return the images, and a finding for each label image that lies beside them."""
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    found = find_images(given, pattern=settings.pattern, sequence=settings.sequence)
    images, labels = without_labels(found, partial(open_image, settings=settings))
    if labels:
        named = ", ".join(escape(Path(f.file).name) for f in labels[:3])
        _log.warning(
            "%d label image%s left out (%s%s). To use one, give it by itself.",
            len(labels),
            " beside images is" if len(labels) == 1 else "s beside images are",
            named,
            ", ..." if len(labels) > 3 else "",
        )
    return images, labels


def _note_left_out(
    run: Run, labels: Sequence[Finding], files: Sequence[ImageFile]
) -> list[Finding]:
    """Keep in the record what was left out, and forget what this call takes."""
    known: dict[str, str] = run.decided().get("left_out", {})
    now = {f.file: f.reason for f in labels}
    taken = {str(f) for f in files}
    reasons = {k: v for k, v in sorted({**known, **now}.items()) if k not in taken}
    if reasons or known:
        run.decide("left_out", reasons)
    return [
        Finding(file=file, rule="label-image", severity="info", reason=reason)
        for file, reason in reasons.items()
    ]


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


def _model_and_device(
    settings: NucleiSettings, execution: Execution
) -> tuple[Predictor, Literal["cpu", "cuda"]]:
    """Return the model and where all workers run it; on a cluster the driver needs no GPU."""
    asked: Device = execution.device
    if execution.cluster:
        asked = "cpu"
    predictor = open_predictor(settings.model, precision=settings.precision, device=asked)
    reach_px(predictor.description.instances.channels)  # other kinds are refused here, once
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
