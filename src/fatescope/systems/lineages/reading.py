"""How every lineage workflow reads its inputs, describes them and says what they would cost."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fatescope.acquire import read_exclusions
from fatescope.acquire.lineages import find_lineages, read_lineage_checked
from fatescope.acquire.lineages.atlas_file import IN_FOLDER, read_arrays
from fatescope.acquire.lineages.scale import with_radius
from fatescope.base import Finding, InputError, Spacing, escape, excluded_rows
from fatescope.base.spacing import PLAUSIBLE
from fatescope.engine.driver import describe_files
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.lineage import without_rows
from fatescope.lineage.atlas import atlas_from_arrays
from fatescope.lineage.body_axes import is_mirrored, mirror_image, mirrored
from fatescope.lineage.division_axes import axes_of_atlas, division_axes
from fatescope.lineage.naming import LARGE, USUAL_UM, guess_spacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.acquire.lineages import LineageFile, LineageReading, ReadLineage
    from fatescope.base import BoolArray, Execution, Lineage
    from fatescope.lineage.atlas import Atlas

F = TypeVar("F")


def open_atlas(path: Path | None = None) -> Atlas:
    """Read an atlas once per process, and again where its file has changed.

    Raises
    ------
    FileFormatError
        If it cannot be read.
    """
    file = path / IN_FOLDER if path is not None and path.is_dir() else path
    if file is None or not file.is_file():
        return _atlas_at(path, 0, 0)
    now = file.stat()
    return _atlas_at(path, now.st_mtime_ns, now.st_size)


@cache
def _atlas_at(path: Path | None, _time: int, _size: int) -> Atlas:
    return atlas_from_arrays(*read_arrays(path))


def record_reading(reading: LineageReading) -> dict[str, Any]:
    """Return what decides how inputs are read: of an exclusion its rows, not only its path.

    Raises `FileFormatError` or `InputError` if the exclusion cannot be read.
    """
    asked = reading.model_dump(mode="json")
    if reading.exclude is None:
        return asked
    return {**asked, "excluded": sorted(map(repr, read_exclusions(reading.exclude)))}


def the_only(found: Sequence[F], given: Path | str, what: str) -> F:
    """Return the one input that was found; ``what`` says what there may be and what to give."""
    if len(found) != 1:
        raise InputError(f"{escape(given)}: holds {len(found)} {what}")
    return found[0]


def one_table(given: Path | str) -> LineageFile:
    """Return the one lineage at a path, or raise `InputError`."""
    return the_only(find_lineages([given]), given, "lineages. Give one table.")


def read(file: LineageFile, reading: LineageReading) -> ReadLineage:
    """Read one lineage as the user wants it read, without estimating what its file does not say.

    Rows that ``reading.exclude`` takes out are not in it.

    Its findings name the input by its key, and one of them says which steps are a guess.

    Raises
    ------
    FileFormatError, InputError
        If it is no lineage.
    """
    return _with_note(_opened(file, reading), file)


def read_to_scale(file: LineageFile, reading: LineageReading) -> ReadLineage:
    """Read one lineage as `read` does; steps that nobody states are estimated from the embryo."""
    got = _opened(file, reading)
    return _with_note(replace(got, lineage=with_estimated_spacing(got.lineage)), file)


def _opened(file: LineageFile, reading: LineageReading) -> ReadLineage:
    got = read_lineage_checked(
        file.path,
        format=reading.format,
        spacing_um=reading.spacing_um,
        interval_min=reading.interval_min,
    )
    out = find_excluded(got.lineage, file, reading)
    return replace(got, lineage=without_rows(got.lineage, out)) if out.any() else got


def find_excluded(lineage: Lineage, file: LineageFile, reading: LineageReading) -> BoolArray:
    """Return which rows of a file ``reading.exclude`` takes out."""
    exclusions = read_exclusions(reading.exclude) if reading.exclude is not None else []
    return excluded_rows(exclusions, file.key, lineage.frame, lineage.name)


def _with_note(got: ReadLineage, file: LineageFile) -> ReadLineage:
    findings = [replace(f, file=file.key) for f in got.findings]
    return replace(got, findings=findings + assumed_scale(got.lineage.spacing, file=file.key))


def with_estimated_spacing(lineage: Lineage) -> Lineage:
    """Replace what is unknown or merely assumed in the spacing by what the embryo's size says."""
    steps = lineage.spacing.steps
    unstated = [a for a in "ZYX" if a not in steps or steps[a].source == "assumed"]
    finite = np.isfinite(lineage.position).all(axis=1)
    if not unstated or not finite.any():
        return lineage
    position, frame = lineage.position[finite], lineage.frame[finite]
    assumed = lineage.spacing.um("ZYX")
    if assumed is not None and np.bincount(frame - frame.min()).max() < LARGE:
        return lineage
    guess = guess_spacing(open_atlas(), position=position, frame=frame)
    if assumed is not None and guess not in USUAL_UM and _alike(guess, assumed):
        # Tables of which only some branches were followed look small: the usual scale stands.
        return lineage
    values = dict(zip("ZYX", guess, strict=True))
    if not all(low <= values[a] <= high for a, (low, high) in PLAUSIBLE.items() if a in unstated):
        return lineage
    estimated = Spacing.of(source="estimated", **{a: values[a] for a in unstated})
    return with_radius(replace(lineage, spacing=lineage.spacing.replaced_by(estimated)))


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say whether two spacings differ by less than a factor of two along each axis."""
    return bool(np.abs(np.log2(np.divide(one, other))).max() < 1)


def assumed_scale(spacing: Spacing, *, file: str) -> list[Finding]:
    """Say in one finding which steps nobody stated; nothing where all were."""
    guessed = _guesses(spacing)
    if not guessed:
        return []
    reason = f"{'; '.join(guessed)}. Give --spacing-um and --interval-min if you know them."
    return [Finding(file=file, rule="assumed-scale", severity="info", reason=reason)]


def _guesses(spacing: Spacing) -> list[str]:
    steps, found = spacing.steps, []
    if any(a in steps and steps[a].source in ("assumed", "estimated") for a in "ZYX"):
        values = ", ".join(f"{steps[a].value:g}" for a in "ZYX" if a in steps)
        source = next(steps[a].source for a in "XYZ" if a in steps)
        found.append(f"the spacing {values} µm (z, y, x) is {source}")
    if "T" in steps and steps["T"].source in ("assumed", "estimated"):
        found.append(f"the interval of {steps['T'].value:g} min is {steps['T'].source}")
    return found


def in_its_hand(
    got: ReadLineage, file: LineageFile, used: str, *, atlas: Path | None = None
) -> ReadLineage:
    """Return a named lineage turned where its coordinates are clearly a mirror image, and say so.

    ``used``: ends the sentence "only the mirror image fits; it was ..."; ``atlas``: whose hand is
    meant; by default that of the atlas that ships.
    """
    lineage = got.lineage
    if lineage.spacing.um("ZYX") is None:
        return got
    if not is_mirrored(division_axes(lineage), axes_of_atlas(open_atlas(atlas))):
        return got
    findings = [*got.findings, mirrored(file.key, used)]
    return replace(got, lineage=mirror_image(lineage), findings=findings)


def describe(file: LineageFile, got: ReadLineage) -> dict[str, Any]:
    """Return what `describe_files` does, and format, rows, spacing and what is guessed."""
    lineage = got.lineage
    known = ("species", "pose", "scope")
    return {
        **describe_files(file.paths),
        "format": got.format,
        "rows": len(lineage),
        "spacing": lineage.spacing.as_record(),
        **{k: lineage.metadata[k] for k in known if k in lineage.metadata},
    }


_ROW_BYTES, _PACKED_ROW_BYTES = 75.0, 22.0
"""Of a CD table, as it is and compressed; other formats are within a factor of three."""
_PACKED = (".gz", ".zip")

_COSTS = {
    "lineage lint": Cost(cpu_seconds=0.03, memory_mb=1.5, output_mb=0.001),
    "lineage convert": Cost(cpu_seconds=0.02, memory_mb=2.0, output_mb=0.05),
    "lineage link": Cost(cpu_seconds=0.12, memory_mb=3.0, output_mb=0.2),
    "lineage name": Cost(cpu_seconds=0.4, memory_mb=10.0, output_mb=0.1),
    "lineage draw": Cost(cpu_seconds=0.12, memory_mb=5.0, output_mb=0.25),
    "lineage compare": Cost(cpu_seconds=0.008, memory_mb=1.5, output_mb=0.03),
}
"""Measured on tables of the EPIC collection; `name` without tracks, the dearest case."""


def plan_lineages(command: str, inputs: Sequence[Path | str], *, execution: Execution) -> RunPlan:
    """Estimate a run of a lineage command; nothing is read but headers.

    Raises
    ------
    InputError
        If there is no lineage.
    """
    rows = [_rows(f.paths) / 1000 for f in find_lineages(inputs)]
    sizes = zip(rows, rows, strict=True)
    return estimate(command, sizes, cost=_COSTS[command], what="lineages", execution=execution)


def _rows(files: Sequence[Path]) -> float:
    """Guess the rows of a lineage from the bytes of its files; a missing file has none."""
    return sum(
        p.stat().st_size / (_PACKED_ROW_BYTES if p.suffix in _PACKED else _ROW_BYTES)
        for p in files
        if p.is_file()
    )
