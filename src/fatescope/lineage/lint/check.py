"""Check a lineage: one ranked list of what is wrong, odd or doubtful, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, sister_of
from fatescope.lineage.body_axes import is_mirrored, mirror_image, mirrored
from fatescope.lineage.division_axes import axes_of_atlas, division_axes
from fatescope.lineage.lint.exchanged import exchanged_lineages, exchanges, traded_places
from fatescope.lineage.lint.jumps import jumps, steps_of
from fatescope.lineage.lint.names import (
    axis_fit,
    file_order,
    misfit,
    outside_tree,
    oversplit,
    swapped_daughters,
)
from fatescope.lineage.lint.ranking import bounded, ranked
from fatescope.lineage.lint.scope import cliffs, drops, open_ends, partial
from fatescope.lineage.lint.structure import (
    duplicate_positions,
    holes,
    nonpositive_times,
    odd_families,
    orphans,
)
from fatescope.lineage.lint.timing import division_order, odd_lives, species_and_kind
from fatescope.numeric import Tracks, tracks_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.lint.settings import LintSettings


def lint_one_lineage(
    lineage: Lineage, *, file: str, settings: LintSettings, atlas: Atlas
) -> list[Finding]:
    """Apply every rule to one lineage.

    Parameters
    ----------
    lineage : Lineage
        Named or not, linked or not; rules that do not apply stay silent.
    file : str
        What the findings call it.
    settings : LintSettings
    atlas : Atlas
        What division axes and lengths of life are held against.

    Returns
    -------
    list of Finding
        Errors first, then by how far each is beyond its limit. At most ``settings.listed`` of one
        rule, and then one that says how many there are.
    """
    tracks = tracks_of(lineage)
    scope = [
        *cliffs(lineage, tracks, file=file, settings=settings),
        *drops(lineage, file=file, settings=settings),
    ]
    cliff_frames = {f.frame for f in scope if f.frame is not None}
    found = [
        *nonpositive_times(lineage, tracks, file=file),
        *holes(lineage, tracks, file=file),
        *orphans(lineage, tracks, file=file),
        *odd_families(tracks, file=file),
        *scope,
        *partial(
            lineage,
            tracks,
            file=file,
            settings=settings,
            ends_at=min(cliff_frames, default=None),
        ),
        *open_ends(lineage, tracks, file=file, cliff_frames=cliff_frames),
        *outside_tree(tracks, file=file),
        *oversplit(tracks, file=file),
        *duplicate_positions(lineage, file=file),
        *_geometry(lineage, tracks, atlas, file=file, settings=settings),
        *division_order(tracks, file=file),
        *odd_lives(tracks, atlas, file=file, settings=settings),
        *species_and_kind(
            tracks, file=file, settings=settings, interval_min=_stated_interval(lineage)
        ),
    ]
    return bounded(ranked(found), listed=settings.listed)


def _stated_interval(lineage: Lineage) -> float | None:
    step = lineage.spacing.steps.get("T")
    return step.value if step is not None and step.source in ("file", "user") else None


def _geometry(
    lineage: Lineage, tracks: Tracks, atlas: Atlas, *, file: str, settings: LintSettings
) -> list[Finding]:
    in_order = file_order(lineage, tracks, file=file)
    if not (lineage.parent >= 0).any():
        return in_order
    if lineage.spacing.um("ZYX") is None:
        return [
            *in_order,
            Finding(
                file=file,
                rule="no-scale",
                severity="warning",
                reason=(
                    "the spacing is unknown, so jumps, swaps and exchanged lineages are not "
                    "checked. Give it with --spacing-um Z,Y,X."
                ),
            ),
        ]
    reference = axes_of_atlas(atlas)
    hand = []
    if is_mirrored(division_axes(lineage, tracks), reference):
        lineage, hand = mirror_image(lineage), [mirrored(file, "checked in its place")]
    steps = steps_of(lineage)
    pairs = traded_places(lineage, steps, settings=settings)
    traded = exchanges(lineage, pairs, file=file)
    since = {str(f.object): f.frame for f in traded if f.frame is not None}
    whole = exchanged_lineages(lineage, atlas, file=file, settings=settings, since=since)
    moved = {cell for f in whole for cell in str(f.object).split("|")}
    explained = {row for pair in pairs for row in pair}
    explained |= {int(tracks.first_row[t]) for n, t in tracks.by_name().items() if n in moved}
    # What follows from a whole lineage being exchanged is said once.
    others = [f for f in (*in_order, *traded) if not moved & set(str(f.object).split("|"))]
    known = {f"{n}|{sister_of(n)}" for n in moved if is_cell_name(n)}
    known |= {f"{sister_of(n)}|{n}" for n in moved if is_cell_name(n)}
    known |= {str(f.object) for f in traded}
    fit = axis_fit(lineage, tracks, reference)
    by_axis = (
        []
        if fit is None
        else [
            *swapped_daughters(tracks, fit, reference, file=file, settings=settings, known=known),
            *misfit(fit, file=file, settings=settings),
        ]
    )
    return [
        *hand,
        *whole,
        *others,
        *by_axis,
        *jumps(lineage, steps, file=file, settings=settings, explained=explained),
    ]
