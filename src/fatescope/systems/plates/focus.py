"""Frames of a plate that are out of focus: their cells do not count, and findings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table, write_table
from fatescope.base import Finding, Table
from fatescope.systems.plates.units import blurred_of
from fatescope.systems.viability.focus import BLURRED, blurred_finding, sharpness_shares

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import PlateLayout
    from fatescope.engine import Run


def focus_table(well: str, field: str, frames: list[int], sharpness: list[float]) -> Table:
    """Return a row for each frame of a field: how sharp it is."""
    n = len(frames)
    return Table(
        {
            "well": np.full(n, well, dtype=object),
            "field": np.full(n, field, dtype=object),
            "frame": np.array(frames, dtype=np.int64),
            "sharpness": np.round(np.array(sharpness, dtype=np.float64), 5),
        }
    )


_NO_FRAMES = focus_table("", "", [], []).with_columns({"share": np.zeros(0)})


def write_blurred(run: Run, layout: PlateLayout) -> None:
    """List the frames of each well that are out of focus, where the list is not there already."""
    table = run.rows("frames")
    sharpness = table["sharpness"].astype(np.float64) if len(table) else np.zeros(0)
    shares = sharpness_shares(sharpness)
    table = table.with_columns({"share": shares.round(3)}) if len(table) else table
    blurred = shares < BLURRED
    wells = table["well"].astype(str) if len(table) else np.zeros(0, dtype=str)
    for well in layout.images:
        found = table.rows(blurred & (wells == well)) if len(table) else _NO_FRAMES
        path = run.out / blurred_of(well)
        if not (path.is_file() and _same(read_table(path), found)):
            write_table(found, path)
        run.wrote(path)


def _same(a: Table, b: Table) -> bool:
    return len(a) == len(b) and all(
        np.array_equal(a[c].astype(str), b[c].astype(str)) for c in ("field", "frame", "share")
    )


def in_focus(cells: Table, blurred: Table) -> NDArray[np.bool_]:
    """Return which cells lie in frames that are in focus."""
    out = {(str(f), int(t)) for f, t in zip(blurred["field"], blurred["frame"], strict=True)}
    return np.array(
        [(str(f), int(t)) not in out for f, t in zip(cells["field"], cells["frame"], strict=True)],
        dtype=bool,
    )


def focus_findings(well: str, blurred: Table) -> list[Finding]:
    """Return a finding for each field with frames out of focus."""
    findings = []
    fields = blurred["field"].astype(str) if len(blurred) else np.zeros(0, dtype=str)
    for field in sorted(set(fields.tolist())):
        mine = blurred.rows(fields == field)
        frames = (mine["frame"].astype(int).tolist(), mine["share"].astype(float).tolist())
        findings.append(
            blurred_finding(
                dict(zip(*frames, strict=True)),
                file=f"{well}, field {field}",
                among="plate",
                so="Cells seen there do not count.",
            )
        )
    return findings


def read_blurred(path: Path) -> Table:
    """Read what `write_blurred` wrote."""
    return read_table(path)
