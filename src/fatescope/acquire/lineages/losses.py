"""What a format cannot hold of a given lineage, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.numeric import tracks_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.acquire.lineages.settings import LineageFormat
    from fatescope.base.lineage import Lineage

_ACETREE_EXTRA = frozenset(
    [
        *("gweight", "reporter_mean", "reporter_sum", "reporter_pixels", "forced_name"),
        *("rwraw", "rwcorr1", "rwcorr2", "rwcorr3", "rwcorr4"),
        *("none", "global", "local", "blot", "cross"),
    ]
)


def losses(lineage: Lineage, *, format: LineageFormat) -> list[str]:
    """Say what of this lineage is lost if it is written in a format; empty if nothing is.

    Positions are counted as kept if they come back to 1e-9 px.

    Examples
    --------
    >>> from fatescope.base.lineage import Lineage
    >>> spot = Lineage(frame=np.array([0]), position=np.zeros((1, 3)), parent=np.array([-1]),
    ...                name=np.array(["AB"], dtype=object), radius_px=np.ones(1))
    >>> losses(spot, format="csv")
    []
    """
    return [sentence for check in _CHECKS[format] if (sentence := check(lineage))]


def _links_not_in_names(lineage: Lineage) -> str:
    from fatescope.acquire.lineages.links import links_by_name

    lost = int((links_by_name(lineage.frame, lineage.name) != lineage.parent).sum())
    return f"{lost} links do not follow from the names and are lost" if lost else ""


def _spacing(lineage: Lineage) -> str:
    return "spacing and interval are not in the file" if lineage.spacing.steps else ""


def _interval(lineage: Lineage) -> str:
    return "the interval is not in the file" if "T" in lineage.spacing.steps else ""


def _all_extra(lineage: Lineage) -> str:
    return f"the columns {', '.join(lineage.extra)} are lost" if lineage.extra.columns else ""


def _foreign_extra(lineage: Lineage) -> str:
    lost = [h for h in lineage.extra if h not in _ACETREE_EXTRA]
    return f"the columns {', '.join(lost)} are lost" if lost else ""


def _gaps(lineage: Lineage) -> str:
    linked = lineage.parent >= 0
    step = lineage.frame[linked] - lineage.frame[lineage.parent[linked]]
    lost = int((step > 1).sum())
    return f"{lost} links across empty frames are lost" if lost else ""


def _gaps_within_cells(lineage: Lineage) -> str:
    tracks = tracks_of(lineage)
    empty = int((tracks.last - tracks.first + 1 - tracks.n_rows).sum())
    return f"{empty} empty frames within cells are filled" if empty else ""


def _third_daughters(lineage: Lineage) -> str:
    counts = np.bincount(lineage.parent[lineage.parent >= 0], minlength=1)
    lost = int(np.maximum(counts - 2, 0).sum())
    return f"{lost} third successors are named by the later frame only" if lost else ""


def _whole_pixels(lineage: Lineage) -> str:
    values = np.concatenate([lineage.position[:, 1:].ravel(), 2 * lineage.radius_px])
    values = values[np.isfinite(values)]
    return "" if (values == np.round(values)).all() else "x, y and diameter are rounded to pixels"


def _unknown_radius(lineage: Lineage) -> str:
    lost = int(np.isnan(lineage.radius_px).sum())
    return f"{lost} unknown diameters are written as 0" if lost else ""


def _radius_for_trackmate(lineage: Lineage) -> str:
    from fatescope.acquire.lineages.trackmate import RADIUS_PX

    lost = int(np.isnan(lineage.radius_px).sum())
    return f"{lost} unknown radii are written as {RADIUS_PX:g} px" if lost else ""


def _positions(lineage: Lineage) -> str:
    return "positions, radii and columns are lost" if np.isfinite(lineage.position).any() else ""


def _masks(lineage: Lineage) -> str:
    return "positions and radii are rounded to voxels; spacing, interval and columns are lost"


_CHECKS: dict[str, tuple[Callable[[Lineage], str], ...]] = {
    "epic": (_links_not_in_names, _spacing),
    "csv": (_spacing,),
    "acetree": (
        *(_gaps, _third_daughters, _whole_pixels, _unknown_radius, _foreign_extra, _interval),
    ),
    "newick": (_positions, _gaps_within_cells, _spacing),
    "ctc": (_masks,),
    "geff": (),
    "trackmate": (_radius_for_trackmate, _all_extra),
}
