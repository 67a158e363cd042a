"""How every lineage story reads its inputs and describes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fatescope.acquire.lineages import read_lineage_checked
from fatescope.base import Finding, Spacing
from fatescope.workflows.driver import describe_files

if TYPE_CHECKING:
    from fatescope.acquire.lineages import LineageFile, LineageReading, ReadLineage


def read(file: LineageFile, reading: LineageReading) -> ReadLineage:
    """Read one lineage as the user wants it read.

    Its findings name the input by its key, and one of them says which steps are a guess.

    Raises
    ------
    FileFormatError, InputError
        If it is no lineage.
    """
    got = read_lineage_checked(
        file.path,
        format=reading.format,
        spacing_um=reading.spacing_um,
        interval_min=reading.interval_min,
    )
    findings = [replace(f, file=file.key) for f in got.findings]
    return replace(got, findings=findings + assumed_scale(got.lineage.spacing, file=file.key))


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
