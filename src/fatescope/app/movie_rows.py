"""The nuclei of a lineage for the page that lays it over its movie: all, or what changed."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.app.results import rows_of_images
from fatescope.systems.lineages.reading import with_estimated_spacing

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.app.context import Context
    from fatescope.app.store import Job
    from fatescope.base import Lineage

_MORE = ("radius_um", "link_score", "division_score")


def movies_of(app: Context, job: Job, out: Path, key: str) -> tuple[str, list[tuple[int, str]]]:
    """Return the address below which images are, and the number and name of each that may fit.

    The image that the lineage comes from, or the movies that were dropped beside its table.
    """
    images = [(n, str(r["image"])) for n, r in enumerate(rows_of_images(out)) if "image" in r]
    own = [image for image in images if image[1] == key or (len(images) == 1 and key == "spots")]
    if own:
        return f"/results/{job.id}", own
    if not any(d.id == job.data for d in app.store.all_data(job.person)):
        return "", []
    seen = app.look(job.person, job.data).seen
    return f"/data/{job.data}", [(n, s.name) for n, s in enumerate(seen) if s.kind == "movie"]


def to_scale(app: Context, job: Job, out: Path, key: str, lineage: Lineage) -> Lineage:
    """Return a lineage with the steps of its movie, or those that its embryo's size suggests."""
    base, movies = movies_of(app, job, out, key)
    if base.startswith("/results/"):
        steps = app.shown(job, out, movies[0][0]).image.spacing
        lineage = replace(lineage, spacing=lineage.spacing.replaced_by(steps))
    return with_estimated_spacing(lineage)


def every_row(lineage: Lineage) -> dict[str, Any]:
    """Return the columns that the page draws."""
    return {"rows": {name: _listed(c) for name, c in _columns(lineage).items()}}


def changed_rows(before: Lineage, after: Lineage) -> dict[str, Any]:
    """Return what makes the rows of one lineage those of another.

    ``at`` are the rows that changed, with ``rows``, their columns. Where rows came or went, ``cut``
    says which of the old (from, to) are replaced by ``rows``, and ``parent`` is given whole.
    """
    old, new = _columns(before), _columns(after)
    n, m = len(before), len(after)
    if n == m:
        differs = np.zeros(n, dtype=bool)
        for name, column in new.items():
            if column is not old[name]:
                differs |= _differ(old[name], column)
        at = np.flatnonzero(differs)
        return {"at": at.tolist(), "rows": {name: _listed(c[at]) for name, c in new.items()}}
    short = min(n, m)
    ahead = _same_ahead(old, new, short)
    backwards = [{name: c[::-1] for name, c in side.items()} for side in (old, new)]
    behind = _same_ahead(backwards[0], backwards[1], short)
    behind = min(behind, short - ahead)
    return {
        "cut": [ahead, n - behind],
        "rows": {name: _listed(c[ahead : m - behind]) for name, c in new.items()},
        "parent": new["parent"].tolist(),
    }


def _columns(lineage: Lineage) -> dict[str, np.ndarray]:
    z, y, x = lineage.position.T
    more = {c: lineage.extra[c] for c in _MORE if c in lineage.extra}
    return {
        "frame": lineage.frame,
        "z": z,
        "y": y,
        "x": x,
        "radius": lineage.radius_px,
        "parent": lineage.parent,
        "name": lineage.name,
        **more,
    }


def _listed(column: np.ndarray) -> list[Any]:
    """Return values as JSON holds them; unknown is ``None``."""
    if column.dtype.kind != "f":
        return [v.item() if isinstance(v, np.generic) else v for v in column.tolist()]
    values: list[Any] = np.round(column, 2).tolist()
    return values if np.isfinite(column).all() else [v if isfinite(v) else None for v in values]


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    differs = np.asarray(one != other, dtype=bool)
    if one.dtype.kind == "f":
        differs &= ~(np.isnan(one) & np.isnan(other))
    return differs


def _same_ahead(one: dict[str, np.ndarray], other: dict[str, np.ndarray], most: int) -> int:
    """Return how many rows are the same from the first on; where they came from does not count."""
    for name in one.keys() - {"parent"}:
        differs = np.flatnonzero(_differ(one[name][:most], other[name][:most]))
        most = int(differs[0]) if len(differs) else most
    return most
