"""Name the cells of embryos: read -> scale -> names -> tables with confidence, and flags."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.acquire.lineages import LineageFile, LineageReading, find_lineages
from fatescope.acquire.lineages.columns import original_columns
from fatescope.base import Execution, Finding, Progress, Table
from fatescope.base.sulston import compact_name
from fatescope.engine import Run, Summary
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.lineage.body_axes import mirrored
from fatescope.lineage.naming import NameSettings, name_embryo
from fatescope.systems.lineages.name_network import name_by_network, network_model
from fatescope.systems.lineages.name_page import write_named
from fatescope.systems.lineages.named_table import NamedTable, add_names
from fatescope.systems.lineages.reading import (
    describe,
    find_excluded,
    open_atlas,
    read_to_scale,
    record_reading,
)

if TYPE_CHECKING:
    from fatescope.base import Lineage


def name_lineages(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    settings: NameSettings | None = None,
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Name every nucleus of tables, movies and frames; the workflow behind ``lineage name``.

    Parameters
    ----------
    inputs : sequence of paths
        Files of any lineage format, or folders of them.
    out : path
        Gets ``named/<table>.csv``, ``embryos.csv``, ``findings.csv``, ``run.json`` and
        ``report.html``.
    settings : NameSettings, optional
    reading : LineageReading, optional
        Scale and format, where the files do not say them.
    execution : Execution, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Returns
    -------
    Summary

    Raises
    ------
    InputError, FileFormatError, RunError
        When nothing can be done. A file that cannot be named costs a finding instead.
    """
    settings, reading = settings or NameSettings(), reading or LineageReading()
    files = find_lineages(inputs)
    if settings.method == "atlas":
        open_atlas(settings.atlas)
    asked = {**settings.model_dump(mode="json"), **record_reading(reading)}
    model = network_model() if settings.method == "network" else None
    with Run.open(out, command="lineage name", settings=asked, model=model, fresh=fresh) as run:
        job = partial(name_file, settings=settings, reading=reading, out=run.out.absolute())
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        summary = run.finish()
        if summary.units_done:
            run.wrote(write_named(run.out, reading))
    return summary


def name_file(
    file: LineageFile, *, settings: NameSettings, reading: LineageReading, out: Path
) -> Outcome:
    """Read one table, name its rows, and write them in their order."""
    begun = time.perf_counter()
    got = read_to_scale(file, reading.model_copy(update={"exclude": None}))
    excluded = find_excluded(got.lineage, file, reading)
    # Excluded rows stay in the table; without a place they get no name and lend none.
    position = np.where(excluded[:, None], np.nan, got.lineage.position)
    lineage = replace(got.lineage, position=position)
    middle = time.perf_counter()
    given = original_columns(file.path, got)
    named = name_rows(lineage, given, settings)
    path = out / "named" / f"{file.key}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(named.table, path)
    return Outcome(
        input=describe(file, got),
        tables={"embryos": embryo_row(file.key, got.lineage, named)},
        findings=[*got.findings, *why_atypical(file.key, named)],
        files=[path.relative_to(out)],
        seconds={"read": middle - begun, "name": time.perf_counter() - middle},
    )


def name_rows(lineage: Lineage, given: Table, settings: NameSettings) -> NamedTable:
    """Name the rows of a lineage of known spacing; ``given`` are its columns as they stand."""
    method = name_by_network if settings.method == "network" else name_by_atlas
    return method(lineage, given, settings)


def name_by_atlas(lineage: Lineage, given: Table, settings: NameSettings) -> NamedTable:
    """Name the rows of a tracked tree, a movie or a single frame in full."""
    atlas = open_atlas(settings.atlas)
    named = name_embryo(
        atlas,
        xyz_um=lineage.position_um()[:, ::-1],
        frame=lineage.frame.astype(np.int64),
        parent=lineage.parent.astype(np.int64),
        settings=settings,
    )
    limit = settings.abstain_flagged if named.reasons else settings.abstain_below
    abstained = (named.name < 0) | (named.confidence < limit)
    text = np.array([*atlas.names, ""], dtype=object)
    name = text[np.where(abstained, -1, named.name)]
    table = add_names(
        given,
        name=name,
        compact=np.array([compact_name(n) for n in name], dtype=object),
        confidence=named.confidence,
        second=text[np.where(abstained & (named.name >= 0), named.name, named.second)],
        abstained=abstained,
    )
    return NamedTable(
        table=table,
        kind=named.kind,
        species=named.species,
        reasons=named.reasons,
        minutes_per_frame=named.minutes_per_frame,
        mirrored=named.mirrored,
    )


def embryo_row(key: str, lineage: Lineage, named: NamedTable) -> Table:
    """Return the row of ``embryos.csv`` about one embryo."""
    steps = lineage.spacing.um("ZYX") or ()
    interval = lineage.spacing.interval_min
    if interval is None:
        interval = named.minutes_per_frame
    text = {
        "table": key,
        "flagged": int(bool(named.reasons)),
        "reason": "; ".join(named.reasons),
        "species": named.species,
        "spacing_um": ",".join(f"{s:g}" for s in steps),
    }
    columns: dict[str, np.ndarray] = {c: np.array([v], dtype=object) for c, v in text.items()}
    columns["flagged"] = np.array([text["flagged"]], dtype=np.int64)
    columns["interval_min"] = np.array([round(float(interval), 4)])
    columns["kind"] = np.array([named.kind], dtype=object)
    columns["pace"] = np.array([round(named.minutes_per_frame, 4)])
    columns["rows"] = np.array([len(named.table)], dtype=np.int64)
    columns["named"] = np.array([named.n_named], dtype=np.int64)
    return Table(columns)


def why_atypical(key: str, named: NamedTable) -> list[Finding]:
    """Say why an embryo as a whole does not fit, or fits only mirrored."""
    found = [mirrored(key, "named as its mirror image")] if named.mirrored else []
    if not named.reasons:
        return found
    rule = "species" if named.species == "C. briggsae" else "atypical"
    reason = f"this embryo is unlike those that the names come from: {'; '.join(named.reasons)}."
    return [*found, Finding(file=key, rule=rule, severity="warning", reason=reason)]
