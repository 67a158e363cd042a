"""Measure the objects of label images in the pictures they belong to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from fatescope.acquire import check_image, read_image, read_labels
from fatescope.base import Execution, Finding, Image, InputError, Spacing, Table
from fatescope.measure import MeasureSettings, ObjectSums, objects_table
from fatescope.run import Run, Summary, describe_input
from fatescope.workflows.driver import Outcome, pending, work_through
from fatescope.workflows.execute import Progress
from fatescope.workflows.pairs import Pair, pair_files

_BAND_ROWS = 512


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
        Gets ``images.csv``, ``objects.parquet`` and ``.csv``, ``findings.csv``, ``run.json``.
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
        return run.finish()


def measure_pair(pair: Pair, *, settings: MeasureSettings) -> Outcome:
    """Measure all frames of one picture, in bands, so that memory holds a band and no more."""
    begun = time.perf_counter()
    image = _scaled(read_image(pair.first, axes=settings.axes), settings)
    labels = read_labels(pair.second.paths[0])
    _check_grid(image, labels)
    frames = [_measure_frame(image, labels, frame) for frame in range(image.size("T"))]
    table = Table.concatenate(frames)
    named = Table({"image": np.full(len(table), pair.key, dtype=object), **table.columns})
    return Outcome(
        input=describe_input(image, pair.paths),
        tables={"objects": named},
        findings=list(check_image(image)),
        seconds={"measure": time.perf_counter() - begun},
    )


def _scaled(image: Image, settings: MeasureSettings) -> Image:
    """Return the image with what the user says of its scale."""
    given = settings.spacing_um or ()
    values = given * 2 if len(given) == 1 else given
    if len(values) == 3 and "Z" not in image.axes:
        raise InputError(
            f"{image.name}: --spacing-um gives three steps, but the image has the axes "
            f"{image.axes}. Give X, or Y,X."
        )
    steps: dict[str, float | None] = dict(zip("ZYX"[3 - len(values) :], values, strict=True))
    said = Spacing.of(source="user", T=settings.interval_min, **steps).only(image.axes)
    return replace(image, spacing=image.spacing.replaced_by(said))


def _check_grid(image: Image, labels: Image) -> None:
    if any(image.size(a) != labels.size(a) for a in "TZYX"):
        raise InputError(
            f"{image.name}: has axes {image.axes} and shape {image.shape}, but its labels have "
            f"{labels.axes} and {labels.shape}. Give labels on the grid of the picture."
        )


def _measure_frame(image: Image, labels: Image, frame: int) -> Table:
    axes = "ZYX" if "Z" in image.axes else "YX"
    sums = ObjectSums.merged(list(_bands(image, labels, frame, solid=axes == "ZYX")))
    shape = tuple(image.size(a) for a in axes)
    return objects_table(sums, shape=shape, spacing_um=image.spacing.um(axes), frame=frame)


def _bands(image: Image, labels: Image, frame: int, *, solid: bool) -> Iterator[ObjectSums]:
    names = image.channels or tuple(str(c) for c in range(image.size("C")))
    for z in range(image.size("Z")):
        for first in range(0, image.size("Y"), _BAND_ROWS):
            rows = slice(first, min(first + _BAND_ROWS, image.size("Y")))
            block = labels.read(T=frame, Z=z, Y=rows)
            pixels = {n: image.read(T=frame, C=c, Z=z, Y=rows) for c, n in enumerate(names)}
            if solid:
                pixels = {name: values[None] for name, values in pixels.items()}
                yield ObjectSums.of_block(block[None], pixels, origin=(z, first, 0))
            else:
                yield ObjectSums.of_block(block, pixels, origin=(first, 0))
