"""Measure the objects of label images in the images they belong to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    check_image,
    check_pixels,
    gauged,
    mask_findings,
    read_image,
    read_labels,
    unknown_frames,
)
from fatescope.base import Execution, Finding, Image, InputError, Progress, Table
from fatescope.engine import Run, Summary, input_record
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.engine.inputs import within_file
from fatescope.engine.pairs import FilePair, pair_files
from fatescope.measurement import MeasureSettings, find_contacts, objects_table, sum_in_bands
from fatescope.measurement.bands import BAND_ROWS
from fatescope.pages.page import write_page
from fatescope.systems.labels.measure_page import measure_page

if TYPE_CHECKING:
    from numpy.typing import NDArray


def measure_files(
    images: Path,
    labels: Path,
    *,
    out: Path,
    settings: MeasureSettings,
    execution: Execution,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Measure objects that are already outlined, by fatescope or by another program.

    Parameters
    ----------
    images, labels : Path
        Two files, or two folders whose files are matched by name.
    out : Path
        Gets ``images.csv``, ``objects.parquet`` and ``.csv``, ``findings.csv``, ``run.json`` and
        ``report.html``.
    settings : MeasureSettings
        Axes and spacing where the files do not say them.
    execution : Execution
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Summary

    Raises
    ------
    InputError, RunError
        When nothing can be done. A file that cannot be measured costs a finding instead.
    """
    found = pair_files(images, labels, what="label image")
    with Run.open(
        out, command="measure", settings=settings.model_dump(mode="json"), fresh=fresh
    ) as run:
        job = partial(measure_pair, settings=settings)
        todo = pending(run, found.pairs)
        work_through(run, todo, job, execution=execution, progress=progress)
        for key, why in found.problems.items():
            alone = Finding(
                file=why.split(": ")[0], rule="unreadable", severity="error", reason=why
            )
            run.fail(key, alone)
        run.list_images()
        summary = run.finish()
        if summary.units_done:
            run.wrote(write_page(run.out / "report.html", measure_page(run.out)))
    return summary


def measure_pair(pair: FilePair, *, settings: MeasureSettings) -> Outcome:
    """Measure all frames of one image, in bands, so that memory holds a band and no more."""
    begun = time.perf_counter()
    image = gauged(read_image(pair.first, axes=settings.axes)).with_scale(
        spacing_um=settings.spacing_um, interval_min=settings.interval_min
    )
    labels = read_labels(pair.second.paths[0])
    table = measure_image(image, labels)
    named = Table({"image": np.full(len(table), pair.key, dtype=object), **table.columns})
    return Outcome(
        input={
            **input_record(image, pair.paths),
            **within_file(pair.first),
            "labels": str(pair.second.paths[0]),
        },
        tables={"objects": named},
        findings=[*check_image(image), *check_pixels(image), *mask_findings(labels)],
        seconds={"measure": time.perf_counter() - begun},
    )


def measure_image(image: Image, labels: Image) -> Table:
    """Measure the objects of all frames; memory holds a band.

    Raises `InputError` if the labels do not lie on the grid of the image.
    """
    _check_grid(image, labels)
    return Table.concatenate(
        [_measure_frame(image, labels, frame) for frame in range(image.size("T"))]
    )


def _check_grid(image: Image, labels: Image) -> None:
    if any(image.size(a) != labels.size(a) for a in "TZYX"):
        raise InputError(
            f"{image.name}: has axes {image.axes} and shape {image.shape}, but its labels have "
            f"{labels.axes} and {labels.shape}. Give labels on the grid of the image."
        )


def _measure_frame(image: Image, labels: Image, frame: int) -> Table:
    axes = "ZYX" if "Z" in image.axes else "YX"
    shape = tuple(image.size(a) for a in axes)
    names = image.channels or tuple(str(c) for c in range(image.size("C")))

    def read(z: int, rows: slice) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        at: dict[str, Any] = {"T": frame, "Z": z, "Y": rows}
        return labels.read(**at), {n: image.read(C=c, **at) for c, n in enumerate(names)}

    sums = sum_in_bands(shape, read)
    table = objects_table(sums, shape=shape, spacing_um=image.spacing.um(axes), frame=frame)
    if frame in unknown_frames(image):
        means = {f"mean_{n}": np.full(len(table), np.nan) for n in names}
        table = table.with_columns(means)
    return table.with_columns({"n_neighbours": _count_neighbours(labels, frame, table["label"])})


def _count_neighbours(labels: Image, frame: int, label: NDArray[Any]) -> NDArray[np.int64]:
    """Count the objects that share a side of a pixel with each; a band and the next row at once."""
    pairs = {
        pair
        for z in range(labels.size("Z"))
        for first in range(0, labels.size("Y"), BAND_ROWS)
        for pair in _touching(labels, frame, z, first)
    }
    ends = np.array([end for pair in pairs for end in pair], dtype=np.int64)
    return np.bincount(np.searchsorted(label, ends), minlength=len(label))


def _touching(labels: Image, frame: int, z: int, first: int) -> Iterator[tuple[int, int]]:
    rows = slice(first, min(first + BAND_ROWS + 1, labels.size("Y")))
    planes = slice(z, min(z + 2, labels.size("Z")))
    at = {"T": frame, "Z": planes if "Z" in labels.axes else 0}
    contacts = find_contacts(labels.read(**at, Y=rows))
    yield from zip(contacts["label_a"].tolist(), contacts["label_b"].tolist(), strict=True)
