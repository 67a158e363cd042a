"""Volumes of embryos with labels to slices for training: one grid, lossless, divided by time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import listed_paths, read_recorded_nuclei, write_table
from fatescope.base import Execution, Table
from fatescope.engine import Run, input_record
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.pages.images import display_limits, to_grey
from fatescope.prepare import (
    SliceSettings,
    Volume,
    find_volumes,
    read_label_plane,
    read_plane,
    rendered_samples,
    slice_samples,
    split_frames,
    split_units,
    write_datasheet,
    write_samples,
    write_slices,
    write_sums,
)
from fatescope.prepare.published_slices import image_of_2020, mask_of_2020
from fatescope.prepare.store import write_image_file
from fatescope.systems.membranes.compare_page import painted
from fatescope.systems.training.divided import DividedSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.prepare import Sample
    from fatescope.prepare.splits import Split

PREVIEW = "preview.png"
_GAP_PX = 6  # between panels of the preview


def prepare_slices(
    folder: Path,
    *,
    out: Path,
    settings: SliceSettings,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Write the planes of labelled volumes as PNG files, with ``samples.csv``.

    Parameters
    ----------
    folder : Path
        Holds the volumes and their labels, named as ``settings`` says.
    out : Path
        Takes ``images/``, ``labels/`` (cells by number) and ``parts/`` (0 outside, 1 inside of a
        cell, 2 wall), a folder for each volume and a file for each plane; ``samples.csv``;
        ``markers.csv`` where there is a table of nuclei; ``preview.png``, see
        `write_preparations`, if asked for; ``DATASHEET.md`` and ``SHA256SUMS``.
    settings : SliceSettings
    execution : Execution, optional
    progress : callable, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.

    Raises
    ------
    InputError
        If nothing is found, labels are JPEG, or one embryo has too few times for a split.
    """
    execution = execution or Execution()
    volumes = find_volumes(folder, settings=settings)
    splits = _split(volumes, settings)
    rendered = [s for f in listed_paths(settings.rendered) for s in rendered_samples(f)]
    record = settings.model_dump() | {"folder": str(folder)}
    with Run.open(out, command="prepare slices", settings=record, fresh=fresh) as run:
        todo = pending(run, volumes)
        job = partial(cut_volume, out=run.out, settings=settings)
        work_through(run, todo, job, execution=execution, progress=progress)
        samples = [
            s
            for v, split in zip(volumes, splits, strict=True)
            for s in slice_samples(run.out, v, split)
        ]
        write_samples(run.out / "samples.csv", [*samples, *rendered])
        written = ["samples.csv", *_write_markers(run, folder, volumes, settings)]
        if settings.preview and samples:
            write_preparations(run.out / PREVIEW, samples)
            written.append(PREVIEW)
        write_datasheet(
            run.out / "DATASHEET.md", volumes, splits, samples, settings, n_rendered=len(rendered)
        )
        listed = [*written, "DATASHEET.md"]
        write_sums(run.out, listed, samples)
        run.wrote(*listed, "SHA256SUMS")
        return DividedSummary.of(run.finish(), [*samples, *rendered])


def write_preparations(path: Path, samples: Sequence[Sample]) -> None:
    """Draw a plane of the training set in four panels: old image and map, new image and map.

    Parameters
    ----------
    path : Path
        PNG file. Above the preparation of 2020: the image and the labels as JPEG, closed and
        opened. Below that of today: as recorded, and cells by number, each in a colour.
    samples : sequence of Sample
        Planes from `prepare slices`; the one with most cells among those for training is drawn.
    """
    training = [s for s in samples if s.split == "train"] or list(samples)
    labels = {s: read_label_plane(s.labels) for s in training[len(training) // 2 :]}
    sample = max(labels, key=lambda s: len(np.unique(labels[s])))
    pixels, cells = read_plane(sample.image), labels[sample]
    grey = to_grey(pixels, limits=display_limits(pixels))
    panels = [image_of_2020(grey), mask_of_2020(cells), grey]
    drawn = [np.repeat(p[..., None], 3, axis=2) for p in panels]
    drawn.append(painted(np.zeros_like(grey), cells))
    framed = [np.pad(p, ((_GAP_PX, 0), (_GAP_PX, 0), (0, 0)), constant_values=255) for p in drawn]
    rows = [np.concatenate(framed[i : i + 2], axis=1) for i in (0, 2)]
    write_image_file(path, np.concatenate(rows)[_GAP_PX:, _GAP_PX:])


def cut_volume(volume: Volume, *, out: Path, settings: SliceSettings) -> Outcome:
    """Do one unit: the slices of one volume; see `write_slices`."""
    image, written = write_slices(out, volume, settings=settings)
    return Outcome(
        input={**input_record(image, [volume.image]), **describe_files(volume.paths)},
        files=written,
    )


def _split(volumes: Sequence[Volume], settings: SliceSettings) -> list[Split]:
    """Divide by embryo where there are several, by time where there is one."""
    embryos = [v.embryo for v in volumes]
    if len(set(embryos)) > 1:
        return split_units(embryos, embryos, settings=settings)
    if len(volumes) == 1:
        return ["train"]
    return split_frames([v.time for v in volumes], settings=settings)


def _write_markers(
    run: Run, folder: Path, volumes: Sequence[Volume], settings: SliceSettings
) -> list[str]:
    """Write the nuclei of all times as markers on the grid of the slices, if there are any."""
    path = folder / settings.nuclei
    if not path.is_file():
        return []
    nuclei = read_recorded_nuclei(path, pixels_per_recorded=settings.nuclei_scale)
    stem = {v.time: v.image.stem for v in volumes}
    embryo = {v.time: v.embryo for v in volumes}
    mine = nuclei.rows(np.isin(nuclei["time"], list(stem)))
    image = np.array([stem[t] for t in mine["time"].tolist()], dtype=object)
    columns: dict[str, NDArray[Any]] = {"image": image}
    columns |= {name: mine[name] for name in ("frame", "z", "y", "x", "name", "time")}
    columns["embryo"] = np.array([embryo[t] for t in mine["time"].tolist()], dtype=object)
    write_table(Table(columns), run.out / "markers.csv")
    return ["markers.csv"]
