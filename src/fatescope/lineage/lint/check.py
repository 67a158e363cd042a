"""Check a lineage: one ranked list of what is wrong, odd or doubtful, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base.finding import Finding
from fatescope.base.tracks import Tracks, tracks_of
from fatescope.lineage.division_axes import axes_of_atlas
from fatescope.lineage.lint.axes import axis_fit, misfit, swapped_daughters
from fatescope.lineage.lint.geometry import (
    duplicate_positions,
    exchanges,
    jumps,
    steps_um,
    traded_places,
)
from fatescope.lineage.lint.names import file_order, outside_tree, oversplit
from fatescope.lineage.lint.ranking import bounded, ranked
from fatescope.lineage.lint.scope import cliffs, drops, open_ends, partial
from fatescope.lineage.lint.structure import holes, nonpositive_times, odd_families, orphans
from fatescope.lineage.lint.timing import division_order, odd_lives, species_and_kind

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.division_axes import DivisionAxes
    from fatescope.lineage.lint.settings import LintSettings


def lint_lineage(
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
        *file_order(lineage, tracks, file=file),
        *duplicate_positions(lineage, file=file),
        *_geometry(lineage, tracks, axes_of_atlas(atlas), file=file, settings=settings),
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
    lineage: Lineage,
    tracks: Tracks,
    reference: DivisionAxes,
    *,
    file: str,
    settings: LintSettings,
) -> list[Finding]:
    if not (lineage.parent >= 0).any():
        return []
    if lineage.spacing.um("ZYX") is None:
        return [
            Finding(
                file=file,
                rule="no-scale",
                severity="warning",
                reason=(
                    "the spacing is unknown, so jumps and swaps are not checked. Give it with "
                    "--spacing-um Z,Y,X."
                ),
            )
        ]
    rows, step = steps_um(lineage)
    pairs = traded_places(lineage, rows, step, settings=settings)
    explained = {row for pair in pairs for row in pair}
    traded = exchanges(lineage, pairs, file=file)
    known = {str(f.object) for f in traded}
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
        *traded,
        *by_axis,
        *jumps(lineage, rows, step, file=file, settings=settings, explained=explained),
    ]
