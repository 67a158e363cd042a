"""How every lineage workflow reads its inputs and describes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_exclusions
from fatescope.acquire.images.scale import PLAUSIBLE
from fatescope.acquire.lineages import read_lineage_checked
from fatescope.acquire.lineages.scale import with_radius
from fatescope.base import Finding, Spacing, excluded_rows
from fatescope.engine.driver import describe_files
from fatescope.lineage import without_rows
from fatescope.lineage.division_axes import axes_of_atlas, division_axes
from fatescope.lineage.hand import is_mirrored, mirror_image, mirrored
from fatescope.lineage.naming import LARGE, USUAL_UM, guess_spacing
from fatescope.systems.lineages.atlas_source import open_atlas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.acquire.lineages import LineageFile, LineageReading, ReadLineage
    from fatescope.base import BoolArray, Lineage


def record_reading(reading: LineageReading) -> dict[str, Any]:
    """Return what decides how inputs are read: of an exclusion its rows, not only its path.

    Raises
    ------
    FileFormatError, InputError
        If the exclusion cannot be read.
    """
    asked = reading.model_dump(mode="json")
    if reading.exclude is None:
        return asked
    return {**asked, "excluded": sorted(map(repr, read_exclusions(reading.exclude)))}


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

    Parameters
    ----------
    used : str
        Ends the sentence "only the mirror image fits; it was ...".
    atlas : Path, optional
        Whose hand is meant; by default that of the atlas that ships.
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
