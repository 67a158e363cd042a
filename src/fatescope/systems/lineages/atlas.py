"""Average named embryos into an atlas: read -> cells -> clock, frame, means and spreads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.acquire.lineages import LineageFile, LineageReading, find_lineages
from fatescope.acquire.lineages.atlas_file import IN_FOLDER, write_arrays
from fatescope.acquire.lineages.cell_summaries import holds_cell_summaries, read_cell_summaries
from fatescope.acquire.lineages.scale import EPIC_SPACING_UM
from fatescope.base import InputError, Spacing, Table
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, unreadable
from fatescope.engine.portable import tried
from fatescope.engine.summary import Summary
from fatescope.lineage.atlas import AXES, Atlas, atlas_arrays
from fatescope.lineage.atlas_build import build_atlas
from fatescope.lineage.atlas_cells import EmbryoCells, cells_of_births, cells_of_lineage
from fatescope.lineage.body_axes import MIRROR, birth_axes, is_mirrored, mirrored
from fatescope.lineage.division_axes import axes_of_atlas
from fatescope.lineage.naming import AtlasSettings
from fatescope.systems.lineages.reading import (
    assumed_scale,
    describe,
    in_its_hand,
    open_atlas,
    read_to_scale,
    record_reading,
)

if TYPE_CHECKING:
    from fatescope.base import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasSummary(Summary):
    """What every command says, and the size of the atlas."""

    n_embryos: int
    n_cells: int

    def as_json(self) -> dict[str, str | int | float]:
        """Return the keys that every command has, and the embryos and cells of the atlas."""
        return {**Summary.as_json(self), "embryos": self.n_embryos, "cells": self.n_cells}

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        return [f"{self.n_cells} cells of {self.n_embryos} embryos -> {self.out / IN_FOLDER}"]


def make_atlas(
    inputs: Sequence[Path | str] = (),
    *,
    out: Path | str,
    settings: AtlasSettings | None = None,
    reading: LineageReading | None = None,
    leave_out: Sequence[str] = (),
    fresh: bool = False,
    progress: Progress | None = None,
) -> AtlasSummary:
    """Make an atlas of named tables, in full or with one row per cell.

    Parameters
    ----------
    inputs : sequence of paths
        Lineage files, tables of cells (``table, cell, first, last, x, y, z``), folders. None at
        all: the shipped atlas is written out.
    out : path
        Gets ``atlas.npz``, and the same as tables to read: ``cells.csv``, ``neighbours.csv``.
    settings : AtlasSettings, optional
    reading : LineageReading, optional
    leave_out : sequence of str
        Titles (file names without ending) that must not enter it, such as test embryos.
    fresh : bool
    progress : callable, optional

    Raises
    ------
    InputError
        If fewer than four embryos can be read.
    """
    reading = reading or LineageReading()
    title = (settings or AtlasSettings()).title
    asked = {"title": title, "leave_out": sorted(leave_out), **record_reading(reading)}
    files = find_lineages(inputs) if inputs else []
    with Run.open(out, command="lineage atlas", settings=asked, fresh=fresh) as run:
        if inputs:
            embryos = _gather(run, files, reading, frozenset(leave_out), progress)
            atlas = build_atlas(embryos, metadata={"title": title})
        else:
            atlas = open_atlas()
        run.wrote(*_write(run.out, atlas))
        summary = run.finish()
    return AtlasSummary(
        **{f.name: getattr(summary, f.name) for f in fields(summary)},
        n_embryos=len(atlas.metadata["embryos"]),
        n_cells=int(atlas.known.sum()),
    )


def _gather(
    run: Run,
    files: list[LineageFile],
    reading: LineageReading,
    leave_out: frozenset[str],
    progress: Progress | None,
) -> list[EmbryoCells]:
    """Read all embryos; a table that cannot be read costs a finding."""
    pending(run, files)
    embryos: list[EmbryoCells] = []
    for done, file in enumerate(files, start=1):
        got = tried(embryos_of, file, reading, leave_out)
        if isinstance(got, Exception):
            run.fail(file.key, unreadable(file, got))
        else:
            cells, outcome = got
            embryos += cells
            run.record(file.key, input=outcome.input, findings=outcome.findings)
        if progress is not None:
            progress(done, len(files), file.key)
    return embryos


def embryos_of(
    file: LineageFile, reading: LineageReading, leave_out: frozenset[str]
) -> tuple[list[EmbryoCells], Outcome]:
    """Return the embryos of a file, all in one hand, and what there is to say of it."""
    if holds_cell_summaries(file.path):
        return _summarised(file, reading, leave_out)
    title = file.path.name.split(".")[0]
    if title in leave_out:
        return [], Outcome(input={**describe_files(file.paths), "left_out": True})
    got = in_its_hand(read_to_scale(file, reading), file, "averaged in its place")
    if not any(got.lineage.name):
        raise InputError(
            f"{file.path}: holds no names, so it cannot enter an atlas. Name it first."
        )
    about = Outcome(input=describe(file, got), findings=got.findings)
    return [cells_of_lineage(got.lineage, title=title)], about


def _summarised(
    file: LineageFile, reading: LineageReading, leave_out: frozenset[str]
) -> tuple[list[EmbryoCells], Outcome]:
    summaries, findings = read_cell_summaries(file.path, spacing_um=reading.spacing_um)
    findings = [replace(f, file=file.key) for f in findings]
    if reading.spacing_um is None:
        findings += assumed_scale(Spacing.of(source="assumed", **EPIC_SPACING_UM), file=file.key)
    used = [s for s in summaries if s.title not in leave_out]
    reference, cells = axes_of_atlas(open_atlas()), []
    for s in used:
        place = s.xyz_um
        if is_mirrored(birth_axes(s.name, place[:, ::-1]), reference):
            place = place * MIRROR
            findings.append(mirrored(f"{file.key}/{s.title}", "averaged in its place"))
        cells.append(
            cells_of_births(title=s.title, name=s.name, first=s.first, last=s.last, xyz_um=place)
        )
    record = {**describe_files(file.paths), "format": "cells", "embryos": len(used)}
    return cells, Outcome(input=record, findings=findings)


def _write(out: Path, atlas: Atlas) -> list[Path]:
    tables = {"cells.csv": atlas_cell_table(atlas), "neighbours.csv": neighbour_table(atlas)}
    for name, table in tables.items():
        write_table(table, out / name)
    write_arrays(out / IN_FOLDER, atlas_arrays(atlas), atlas.metadata)
    return [out / name for name in (*tables, IN_FOLDER)]


def atlas_cell_table(atlas: Atlas) -> Table:
    """Return one row per known cell: births, lives, place at birth and division axis."""
    i = np.flatnonzero(atlas.known)
    agreement = np.linalg.norm(atlas.settled_axis, axis=1)
    length = np.where(agreement > 0, agreement, np.nan)
    columns: dict[str, np.ndarray] = {
        "cell": atlas.names[i],
        "birth_min": atlas.birth_min[i].round(2),
        "birth_sd": atlas.birth_sd[i].round(2),
        "life_min": np.where(atlas.n_lives[i] > 0, atlas.life_min[i], np.nan).round(2),
        "life_log_sd": np.where(atlas.n_lives[i] > 0, atlas.life_sd[i], np.nan).round(4),
        "n_births": atlas.n_births[i],
        "n_lives": atlas.n_lives[i],
    }
    for a, letters in enumerate(AXES):
        columns[f"{letters.lower()}_um"] = atlas.position[i, 0, a].round(2)
        columns[f"{letters.lower()}_sd_um"] = atlas.position_sd[i, a].round(2)
    for a, letters in enumerate(AXES):
        columns[f"axis_{letters.lower()}"] = (atlas.settled_axis[i, a] / length[i]).round(3)
    columns["axis_agreement"] = length[i].round(3)
    columns["n_axes"] = atlas.n_axes[i]
    return Table(columns)


def neighbour_table(atlas: Atlas) -> Table:
    """Return one row per pair of neighbours, with the share of embryos that show it."""
    pairs = atlas.neighbours
    return Table(
        {
            "cell": atlas.names[pairs.pair[:, 0]],
            "neighbour": atlas.names[pairs.pair[:, 1]],
            "share": pairs.share.round(2),
            "n_embryos": pairs.n_embryos,
        }
    )
