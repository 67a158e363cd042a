"""What all predicting commands share: inputs, device, workers, memory, plan, units, tables, pages.

A system (`systems/nuclei/find.py` and its like) is a `System`: what it finds in one image, what
that costs, and which pages it writes. The unit of work is an image; workers do units, the driver
alone writes the ledger.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

from fatescope.acquire import (
    ImageFile,
    check_image,
    label_tiles,
    open_image,
    read_exclusions,
    shows_labels,
    write_labels,
    write_table,
)
from fatescope.base import (
    Execution,
    FatescopeError,
    Finding,
    Image,
    Progress,
    Table,
)
from fatescope.engine import FileScratch, Run, Summary, input_record, memory_limit
from fatescope.engine.driver import Outcome, pending, unreadable, work_through
from fatescope.engine.execute import available_workers
from fatescope.engine.found import Found, Raster, without_excluded
from fatescope.engine.frames import STAGE as FRAMES
from fatescope.engine.frames import ByFrame, find_frames, frames_of, is_long, kept_frames
from fatescope.engine.given import Inputs, files_given, note_left_out, note_unfitting
from fatescope.engine.inputs import within_file
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.engine.worker import Worker
from fatescope.models import shipped_names
from fatescope.predict import Predictor, open_predictor
from fatescope.predict.settings import PredictSettings
from fatescope.storage import size_and_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.models.runtime import Device


S = TypeVar("S", bound=PredictSettings)

_LARGE_PX = 2**25
"""Of an image with more pixels, what is found waits on disk."""
_SHARING_A_GPU = 4
"""Processes that use one GPU at a time, unless --workers says otherwise: each needs its memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System(Generic[S]):
    """A predicting command, apart from what it shares with the others.

    Parameters
    ----------
    command : str
        As it stands in the record.
    settings : type
        Its class of settings; where a caller gives none, their defaults hold.
    cost : Cost
        By megapixel of all frames and planes, and by image.
    find : callable
        ``find(image, settings, predictor=..., scratch=..., decided=...)`` returns `Found`.
    write_pages : callable
        ``write_pages(out)`` writes the report of a finished folder and returns the files' names.
    open_model : callable
        As `open_predictor`, which it is where no model is refused for what it draws.
    decide : callable, optional
        ``decide(run, files, worker, execution=..., progress=...)`` returns what all images of the
        run are to agree on, before the first is done; each `find` gets it as ``decided``.
    record : callable, optional
        ``record(settings)`` returns what the record keeps beside the settings, by name: of a file
        that they name, its content. A folder begun with something else is refused.
    holds : str
        Axes of what a worker holds at a time: a plane, or with Z a volume.
    called : str
        The column that tells images apart, at the front of every table.
    follow : callable, optional
        ``follow(found, image, settings)`` returns what was found in a movie, followed through
        time; frames that are excluded are empty by then.
    bridges : bool
        Frames that are excluded have results all the same, from the frames around them: ``find``
        obeys ``settings.exclude`` itself.
    by_frame : callable, optional
        Frames of long movies are units (see `frames`), and ``find`` takes ``kept``, which returns
        the labels of a frame that was found, or ``None``.
    """

    command: str
    settings: type[S]
    cost: Cost
    find: Callable[..., Found]
    write_pages: Callable[[Path], Sequence[str]]
    open_model: Callable[..., Predictor] = open_predictor
    decide: Callable[..., Any] | None = None
    record: Callable[[S], Mapping[str, Any]] = lambda _: {}
    holds: str = "YX"
    called: str = "image"
    follow: Callable[..., Found] | None = None
    bridges: bool = False
    by_frame: ByFrame | None = None

    def plan(
        self, inputs: Inputs, *, settings: S | None = None, execution: Execution | None = None
    ) -> RunPlan:
        """Say what it would do, without doing or writing anything; see `plan_images`."""
        return plan_images(self, inputs, settings=settings, execution=execution)


def predict_images(
    system: System[S],
    inputs: Inputs,
    *,
    out: Path | str,
    settings: S | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    only: Callable[[ImageFile], bool] | None = None,
) -> Summary:
    """Run a system over images: from files to an output folder with tables and report.

    Parameters
    ----------
    system : System
    inputs : path or sequence of paths
        Images, stacks, movies, or folders of them.
    out : path
        Output folder. The same call again continues, also with more inputs.
    settings : PredictSettings, optional
        What decides the result.
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``.
    only : callable, optional
        Which of the images are ready; others wait for another call, and none is no error.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.
    """
    settings, execution = settings or system.settings(), execution or Execution()
    system.cost.refuse_less(execution.memory_bytes)
    files, labels, unfitting = files_given(inputs, settings, only)
    predictor, device = _model_and_device(system, settings, execution)
    model = {"name": predictor.name, "sha256": predictor.sha256, "device": device}
    asked = {**_recorded(settings), **system.record(settings)}
    with Run.open(out, command=system.command, settings=asked, model=model, fresh=fresh) as run:
        left_out = note_left_out(run, labels, files)
        todo = pending(run, files)

        def hire(n: int) -> tuple[Execution, Worker[S]]:
            workers = _workers(system, todo, settings, execution, device, n=n)
            return execution.replace(workers=workers), Worker(
                settings=_with_absolute_paths(settings) if execution.cluster else settings,
                open_model=system.open_model,
                threads=_threads(execution, workers),
                device=device,
            )

        team, worker = hire(len(todo))
        decided = None
        if todo and system.decide is not None:
            decided = system.decide(run, todo, worker, execution=team, progress=progress)
        if system.by_frame is not None:
            frames = frames_of(todo, worker, system.by_frame, decided)
            for_frames, framer = hire(len(frames))
            find_frames(
                run,
                frames,
                framer,
                system.by_frame,
                decided=decided,
                execution=for_frames,
                progress=progress,
            )
        job = partial(
            predict_file,
            find=system.find,
            worker=worker,
            out=run.out,
            decided=decided,
            called=system.called,
            follow=system.follow,
            bridges=system.bridges,
            by_frame=system.by_frame is not None,
        )
        work_through(run, todo, job, execution=team, progress=progress)
        if system.by_frame is not None:
            run.stage(FRAMES).forget()
        run.list_images()
        summary = run.finish(findings=[*left_out, *note_unfitting(run, unfitting)])
        if summary.units_done:
            run.wrote(*system.write_pages(run.out))
    return summary


def plan_images(
    system: System[S],
    inputs: Inputs,
    *,
    settings: S | None = None,
    execution: Execution | None = None,
) -> RunPlan:
    """Say what `predict_images` would do, without doing or writing anything.

    Returns
    -------
    RunPlan
        Units, and estimates of time, memory and size of the results; an image that cannot be
        opened is no unit, and a sentence of ``errors``.
    """
    settings, execution = settings or system.settings(), execution or Execution()
    system.cost.refuse_less(execution.memory_bytes)
    files, _, _ = files_given(inputs, settings)
    _model_and_device(system, settings, execution)
    sizes, errors, n_parts = [], [], 0
    for file in files:
        try:
            image = open_image(file, settings)
            sizes.append(_megapixels(image, system.holds))
            n_parts += image.size("T") if system.by_frame and is_long(image) else 1
        except (FatescopeError, OSError, ModuleNotFoundError) as error:
            errors.append(unreadable(file, error).reason)
    plan = estimate(
        system.command,
        sizes,
        cost=system.cost,
        what="images",
        execution=execution,
        memory_bytes=memory_limit(execution.memory_bytes),
        n_parts=n_parts,
    )
    return replace(plan, errors=tuple(errors))


def predict_file(
    file: ImageFile,
    *,
    find: Callable[..., Found],
    worker: Worker[S],
    out: Path,
    decided: Any,
    called: str = "image",
    follow: Callable[..., Found] | None = None,
    bridges: bool = False,
    by_frame: bool = False,
) -> Outcome:
    """Do one unit: read an image, write what is found on its grid, and return the rest.

    Images go to ``<folder>/<key>.tif`` of the output folder (or a folder ``<key>.ome.zarr``),
    tables of their own to ``<folder>/<key>.csv``; nothing else is written.
    """
    image, predictor = worker.open(file)
    scratch = FileScratch(out) if math.prod(map(image.size, "TZYX")) > _LARGE_PX else None
    kept = {"kept": kept_frames(file, out)} if by_frame else {}
    found = find(
        image, worker.settings, predictor=predictor, scratch=scratch, decided=decided, **kept
    )
    if not bridges:
        found = without_excluded(found, file, image, worker.settings)
    if follow is not None:
        found = follow(found, image, worker.settings)
    begun = time.perf_counter()
    ending = ".ome.zarr" if found.kind == "zarr" else ".tif"
    written = {f"{folder}/{file.key}{ending}": frames for folder, frames in found.rasters.items()}
    for path, frames in written.items():
        _write_frames(out / path, frames, image)
    found.close()
    sheets = {f"{folder}/{file.key}.csv": table for folder, table in found.sheets.items()}
    for path, table in sheets.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        write_table(table, out / path)
    named = {name: _told_apart(table, file.key, called) for name, table in found.tables.items()}
    return Outcome(
        input={**input_record(image, file.paths), **within_file(file), **found.record},
        tables=named,
        findings=[*check_image(image), *_labels_given(image), *found.findings],
        files=[*written, *sheets],
        seconds={**found.seconds, "write": time.perf_counter() - begun},
    )


def _told_apart(table: Table, key: str, called: str) -> Table:
    """Return a table whose rows say of which image they are."""
    column = next((c for c in ("movie", "table") if c in table), called)
    values = np.full(len(table), key, dtype=object)
    if column in table:
        return table.with_columns({column: values})
    return Table({column: values, **table.columns})


def _labels_given(image: Image) -> Iterator[Finding]:
    """Say that an image looks like labels: who gives them as images has taken the wrong folder."""
    if shows_labels(image):
        yield Finding(
            file=image.name,
            rule="label-image",
            severity="warning",
            reason="This looks like a label image: each value lies in one piece on background. "
            "Give the image that it belongs to.",
        )


def _write_frames(path: Path, frames: Sequence[Raster], image: Image) -> None:
    """Write what was found in all frames as one image on the input's grid, a block at a time."""
    axes = image.axes.replace("C", "")
    shape = tuple(image.size(a) for a in axes)

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
        dtype=np.result_type(*(frame.dtype for frame in frames)),
        spacing=image.spacing.only(axes),
    )


def _threads(execution: Execution, workers: int) -> int:
    """Share the cores among the workers; the network's threads do not change its numbers."""
    if execution.cluster:
        return 1
    return max(1, available_workers(execution.workers, 10**6) // workers)


def _workers(
    system: System[S],
    files: Sequence[ImageFile],
    settings: PredictSettings,
    execution: Execution,
    device: str,
    *,
    n: int,
) -> int:
    """Return how many workers there are ``n`` units, cores and memory for."""
    workers = available_workers(execution.workers, n)
    if device == "cuda" and execution.workers is None:
        workers = min(workers, _SHARING_A_GPU)
    if workers == 1 or execution.cluster:
        return 1
    largest = 0.0
    with suppress(FatescopeError, OSError, ModuleNotFoundError):  # said when its turn comes
        image = open_image(max(files, key=_bytes_on_disk), settings)
        largest = _megapixels(image, system.holds)[1]
    return system.cost.workers_that_fit(workers, largest, memory_limit(execution.memory_bytes))


def _bytes_on_disk(file: ImageFile) -> int:
    return sum(size_and_time(p)[0] for p in file.paths if p.exists())


def _model_and_device(
    system: System[S], choice: PredictSettings, execution: Execution
) -> tuple[Predictor, Literal["cpu", "cuda"]]:
    """Return the model and where all workers run it; on a cluster the driver needs no GPU."""
    asked: Device = execution.device
    if execution.cluster:
        asked = "cpu"
    predictor = system.open_model(choice.model, precision=choice.precision, device=asked)
    on_gpu = "cuda" in (predictor.device, execution.device)
    return predictor, "cuda" if on_gpu else "cpu"


def _with_absolute_paths(choice: S) -> S:
    """Let workers in another folder find what was given by its path."""
    if choice.exclude is not None:
        choice = choice.replace(exclude=choice.exclude.absolute())
    if choice.model in ("classical", *shipped_names()):
        return choice
    return choice.replace(model=str(Path(choice.model).absolute()))


def _recorded(settings: PredictSettings) -> dict[str, Any]:
    """Return the settings as the record keeps them: of an exclusion its rows, not only its path."""
    if settings.exclude is None:
        return settings.model_dump(mode="json", exclude={"exclude"})
    rows = sorted(map(repr, read_exclusions(settings.exclude)))
    return {**settings.model_dump(mode="json"), "excluded": rows}


def _megapixels(image: Image, holds: str) -> tuple[float, float]:
    """Return the pixels of one channel in all, and those held at once."""
    whole, held = (math.prod(map(image.size, axes)) / 1e6 for axes in ("TZYX", holds))
    return whole, held
