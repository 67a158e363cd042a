"""Average named embryos into an atlas: read -> cells -> clock, frame, means and spreads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire.lineages import LineageReading, find_lineages, read_lineage_checked
from fatescope.acquire.lineages.atlas_file import write_arrays
from fatescope.acquire.lineages.cell_summaries import holds_cell_summaries, read_cell_summaries
from fatescope.base import FatescopeError, InputError, Lineage
from fatescope.lineage.atlas_arrays import atlas_arrays
from fatescope.lineage.atlas_build import EmbryoCells, build_atlas, cells_of_births, cells_of_rows
from fatescope.lineage.naming import AtlasSettings

if TYPE_CHECKING:
    from fatescope.workflows.execute import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeAtlas:
    """What ``lineage atlas`` reports."""

    out: Path
    n_embryos: int
    n_cells: int
    n_read: int
    seconds: float
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the keys that every command reports, and the size of the atlas."""
        return {
            "command": "lineage atlas",
            "out": str(self.out),
            "units_done": self.n_read,
            "units_failed": len(self.problems),
            "findings": 0,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": None,
            "embryos": self.n_embryos,
            "cells": self.n_cells,
        }

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        return [f"{self.n_cells} cells of {self.n_embryos} embryos in {self.out}"]

    @property
    def errors(self) -> tuple[str, ...]:
        """Return one sentence for each table that could not be read."""
        return self.problems

    @property
    def exit_code(self) -> int:
        """1 if a table could not be read."""
        return 1 if self.problems else 0


def make_atlas(
    inputs: Sequence[Path | str],
    *,
    out: Path,
    settings: AtlasSettings | None = None,
    reading: LineageReading | None = None,
    leave_out: Sequence[str] = (),
    progress: Progress | None = None,
) -> MadeAtlas:
    """Make an atlas of named tables, in full or with one row per cell.

    Parameters
    ----------
    inputs : sequence of paths
        Lineage files, tables of cells (``table, cell, first, last, x, y, z``), folders.
    out : path
        The atlas, ``.npz``.
    leave_out : sequence of str
        Titles (file names without ending) that must not enter it, such as test embryos.

    Raises
    ------
    InputError
        If fewer than four embryos can be read.
    """
    begun = time.perf_counter()
    reading = reading or LineageReading()
    files = find_lineages(inputs)
    embryos, problems = [], []
    for done, file in enumerate(files):
        try:
            embryos += [e for e in _embryos(file.path, reading) if e.title not in leave_out]
        except FatescopeError as error:
            problems.append(str(error))
        if progress is not None:
            progress(done + 1, len(files), file.key)
    title = (settings or AtlasSettings()).title
    atlas = build_atlas(embryos, metadata={"title": title})
    if Path(out).suffix != ".npz":
        raise InputError(f"{out}: an atlas ends in .npz. Rename it.")
    write_arrays(Path(out), atlas_arrays(atlas), atlas.metadata)
    return MadeAtlas(
        out=Path(out),
        n_embryos=len(atlas.metadata["embryos"]),
        n_cells=int(atlas.known.sum()),
        n_read=len(files) - len(problems),
        seconds=time.perf_counter() - begun,
        problems=tuple(problems),
    )


def _embryos(path: Path, reading: LineageReading) -> list[EmbryoCells]:
    if holds_cell_summaries(path):
        return [
            cells_of_births(title=s.title, name=s.name, first=s.first, last=s.last, xyz_um=s.xyz_um)
            for s in read_cell_summaries(path, spacing_um=reading.spacing_um)
        ]
    read = read_lineage_checked(path, format=reading.format, spacing_um=reading.spacing_um)
    return [_of_lineage(path, read.lineage)]


def _of_lineage(path: Path, lineage: Lineage) -> EmbryoCells:
    if not any(lineage.name):
        raise InputError(f"{path}: holds no names, so it cannot enter an atlas. Name it first.")
    after_start = lineage.frame >= 0
    return cells_of_rows(
        title=path.name.split(".")[0],
        name=lineage.name[after_start],
        frame=lineage.frame[after_start],
        xyz_um=lineage.position_um()[after_start][:, ::-1],
    )
