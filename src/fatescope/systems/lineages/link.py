"""Link detections through time: read -> place in µm -> links and divisions -> a lineage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.acquire.lineages import (
    LineageFile,
    LineageFormat,
    LineageReading,
    files_of_lineage,
    find_lineages,
    write_lineage,
)
from fatescope.acquire.lineages.objects import detections_by_image
from fatescope.base import Execution, Finding, Progress, Table
from fatescope.engine import Run, Summary
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.lineage.link import comparable_positions, link_detections
from fatescope.numeric import tracks_of
from fatescope.pages.skeleton import counted, none_or
from fatescope.systems.lineages.convert import ENDINGS
from fatescope.systems.lineages.reading import describe, read, record_reading
from fatescope.track import ObjectLinkSettings
from fatescope.track.certainty import score_links
from fatescope.track.objects import neighbour_distance

if TYPE_CHECKING:
    from fatescope.base import Lineage

_FAST = 0.5
"""Of the distance to a neighbour: objects that move so far from frame to frame are mistaken."""
_SHORTEST_MIN = 8.0
"""From a division to the next; no animal nucleus is known to be quicker than early fly embryos'."""
_LIKELY = 0.5
"""Chance of a link that is more likely right than wrong."""
_TOO_MANY = 0.05
"""Of lives between two divisions: so many that are shorter are mistaken divisions."""


def link_lineages(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    to: LineageFormat = "csv",
    settings: ObjectLinkSettings | None = None,
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Link what was found in movies to lineages; what ``lineage link`` does.

    Parameters
    ----------
    inputs : sequence of paths
        Result folders of a predicting command or their ``objects.csv``, tables with one row per
        nucleus and frame, or lineages of any format, whose own links are ignored.
    out : path
        Gets ``links/<movie>`` in the format ``to``, ``spots.csv`` (``id, frame, z, y, x,
        radius_um, parent, movie, link_score, division_score``), ``findings.csv`` and ``run.json``.
    to : str
        ``csv``, ``geff``, ``ctc``, ``acetree`` or another format of lineages.
    settings : ObjectLinkSettings, optional
    reading : LineageReading, optional
        Scale and format, where the files do not say them.
    execution : Execution, optional
    fresh : bool
    progress : callable, optional

    Raises
    ------
    InputError, RunError
        When nothing can be done. A file that cannot be linked costs a finding instead.

    Examples
    --------
    >>> link_lineages(["results"], out="linked")  # doctest: +SKIP
    """
    settings, reading = settings or ObjectLinkSettings(), reading or LineageReading()
    files = find_lineages(inputs)
    asked = {**settings.model_dump(mode="json"), **record_reading(reading), "to": to}
    with Run.open(out, command="lineage link", settings=asked, fresh=fresh) as run:
        job = partial(link_file, to=to, settings=settings, reading=reading, out=run.out.absolute())
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        summary = run.finish()
    if not summary.units_done:
        return summary
    return replace(summary, answer=linked_in_words(read_table(summary.out / "spots.parquet")))


def link_file(
    file: LineageFile,
    *,
    to: LineageFormat,
    settings: ObjectLinkSettings,
    reading: LineageReading,
    out: Path,
) -> Outcome:
    """Link the movies of one table, and write each as a lineage of its own."""
    begun = time.perf_counter()
    got = read(file, reading)
    findings, spots, files = list(got.findings), [], []
    for image, found in detections_by_image(got.lineage, file.path).items():
        key = image or file.key
        linked = link_detections(found, settings)
        path = out / "links" / (key + ENDINGS[to])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_lineage(linked, path, format=to)
        files += [p.relative_to(out) for p in files_of_lineage(path, format=to)]
        findings += what_to_know(linked, file=key)
        spots.append(spots_table(linked, movie=key))
    return Outcome(
        input=describe(file, got),
        tables={"spots": Table.concatenate(spots)},
        findings=findings,
        files=files,
        seconds={"link": time.perf_counter() - begun},
    )


def linked_in_words(spots: Table) -> str:
    """Say how many cells and divisions nuclei were linked to, and how many links are doubtful."""
    parent = spots["parent"].astype(float)
    has_parent = np.isfinite(parent)
    _, movie = np.unique(spots["movie"].astype(str), return_inverse=True)
    _, n_children = np.unique(np.stack([movie, parent])[:, has_parent], axis=1, return_counts=True)
    divides = n_children > 1
    n_cells = int((~has_parent).sum() + n_children[divides].sum())
    n_links = int(has_parent.sum())
    doubtful = int((spots["link_score"].astype(float)[has_parent] < _LIKELY).sum())
    sure = (
        f"; {none_or(doubtful)} of {counted(n_links, 'link')} {'has' if doubtful == 1 else 'have'} "
        f"a chance below {_LIKELY:g} to be right"
    )
    return (
        f"{counted(len(spots), 'nucleus', 'nuclei')} linked to {counted(n_cells, 'cell')} with "
        f"{counted(int(divides.sum()), 'division')}{sure if n_links else ''}."
    )


def spots_table(lineage: Lineage, *, movie: str) -> Table:
    """Return one row per nucleus and frame: where it is, and the ``id`` of the row it was before.

    ``id`` counts from 0 within a movie; ``link_score`` and ``division_score`` are the chances that
    the link to the parent, and a division into two, are right, empty where there is none.
    """
    n = len(lineage)
    links, divisions = score_links(comparable_positions(lineage), lineage.frame, lineage.parent)
    steps = lineage.spacing.um("X")
    radius = lineage.radius_px * (steps[0] if steps else np.nan)
    parent: list[Any] = [p if p >= 0 else None for p in lineage.parent.tolist()]
    z, y, x = lineage.position.T
    return Table(
        {
            "id": np.arange(n),
            "frame": lineage.frame,
            "z": z,
            "y": y,
            "x": x,
            "radius_um": radius,
            "parent": np.array(parent, dtype=object),
            "movie": np.full(n, movie, dtype=object),
            "link_score": np.round(links, 3),
            "division_score": np.round(divisions, 3),
        }
    )


def _too_quick(lineage: Lineage, *, file: str) -> list[Finding]:
    """Say that divisions follow each other faster than nuclei can divide, where they do.

    References
    ----------
    Foe VE, Alberts BM (1983). J Cell Sci 61:31-70: cycles of early fly embryos, 8 min and more.
    """
    minutes = lineage.spacing.interval_min
    cells = tracks_of(lineage)
    whole = np.flatnonzero(cells.born & cells.divides)
    if minutes is None or not len(whole):
        return []
    life = (cells.end - cells.first)[whole] * minutes
    share = float((life < _SHORTEST_MIN).mean())
    if share <= _TOO_MANY:
        return []
    return [
        Finding(
            file=file,
            rule="oversplit",
            severity="warning",
            value=round(share, 3),
            limit=_TOO_MANY,
            reason=f"{(life < _SHORTEST_MIN).sum()} of {len(whole)} nuclei divide less than "
            f"{_SHORTEST_MIN:g} min after they were born, faster than any animal nucleus: many "
            "divisions are mistaken. Check the time between frames, record more often, or give "
            "--no-divisions if none divides.",
        )
    ]


def what_to_know(lineage: Lineage, *, file: str) -> list[Finding]:
    """Say how many tracks begin and end inside the movie, and whether its frames are too far apart.

    Where objects move about as far between frames as their neighbours are away, no rule can tell
    which is which.
    """
    if not len(lineage):
        return []
    frame, parent = lineage.frame, lineage.parent
    children = np.bincount(parent[parent >= 0], minlength=len(lineage))
    begins = int(((parent < 0) & (frame > frame.min())).sum())
    ends = int(((children == 0) & (frame < frame.max())).sum())
    divisions = int((children == 2).sum())
    found = [
        Finding(
            file=file,
            rule="tracks",
            severity="info",
            value=float(begins + ends),
            reason=f"{int((parent < 0).sum())} nuclei without a mother, {divisions} divisions; "
            f"{begins} tracks begin after the first frame, and {ends} end before the last.",
        )
    ]
    found += _too_quick(lineage, file=file)
    place = comparable_positions(lineage)
    row = np.flatnonzero((parent >= 0) & (children[parent] == 1))
    if len(row):
        step = float(np.median(np.linalg.norm(place[row] - place[parent[row]], axis=1)))
        share = step / neighbour_distance(place, frame)
        if share > _FAST:
            found.append(
                Finding(
                    file=file,
                    rule="too-few-frames",
                    severity="warning",
                    value=round(share, 2),
                    limit=_FAST,
                    reason=f"from frame to frame, nuclei move {share:.2f} of the distance to their "
                    "neighbours: many links will be wrong. Record more often.",
                )
            )
    return found
