"""From a movie of volumes to a lineage: nuclei -> links and divisions -> names -> tables, a page.

Nuclei are those of `systems/nuclei`, links those of `lineage link`, names those of `lineage name`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Execution, Finding, Image, Progress, Table
from fatescope.engine.found import Found
from fatescope.engine.in_memory import as_image, find_in_image
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.lineage.exclusion import seen_once
from fatescope.lineage.naming.settings import NameSettings
from fatescope.systems.lineages.link import spots_table
from fatescope.systems.lineages.name import embryo_row, name_rows, why_atypical
from fatescope.systems.lineages.reading import assumed_scale, with_estimated_spacing
from fatescope.systems.movie_lineages.settings import MovieLineageSettings
from fatescope.systems.nuclei.find import (
    decide_sizes,
    find_by_frame,
    find_nuclei,
    open_nuclei_model,
    record_solid,
)
from fatescope.systems.nuclei.linked_labels import link_movie, of_one_frame
from fatescope.track import ObjectLinkSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Lineage
    from fatescope.base.types import BoolArray
    from fatescope.engine import Summary
    from fatescope.engine.given import Inputs
    from fatescope.engine.in_memory import ImageLike, SegmentedImage

_GIVEN = (
    *("id", "frame", "z", "y", "x", "radius_um", "parent"),
    *("link_score", "division_score"),
)
"""Columns of ``spots`` that stand before the names in ``named/``."""


def predict_lineage(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: MovieLineageSettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Find, link and name the nuclei of movies of volumes; what ``predict lineage`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Movies of volumes (T, Z, Y, X) with a channel of nuclei, or folders of them.
    out : path
        Output folder. The same call again continues, also with more movies.
    settings : MovieLineageSettings, optional
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Returns
    -------
    Summary
        The results are in ``out``: ``labels/`` with one number for a nucleus through time,
        ``spots.csv`` (see `link_lineages`), ``named/<movie>.csv``,
        ``embryos.csv``, ``tracks``, ``objects``, ``images.csv``, ``findings.csv``, ``run.json``
        and ``report.html``.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. A movie that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_lineage("embryo.tif", out="results")  # doctest: +SKIP
    """
    return predict_images(
        MOVIE_LINEAGES,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def segment_lineage(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: MovieLineageSettings | None = None,
    progress: Progress | None = None,
) -> SegmentedImage:
    """Find, link and name the nuclei of a movie, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : MovieLineageSettings, optional
    progress : callable, optional

    Returns
    -------
    SegmentedImage
        ``labels`` with one number for a nucleus through time, ``objects`` with ``name`` and
        ``confidence`` where cells are named, and ``tracks``.
    """
    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    return find_in_image(MOVIE_LINEAGES, whole, settings, progress=progress)


def follow_movie(found: Found, image: Image, settings: MovieLineageSettings) -> Found:
    """Link the nuclei of a movie and name them; the `System.follow` of movies."""
    if not settings.link:
        return found
    if image.size("T") < 2:
        return of_one_frame(found, image)
    linking = ObjectLinkSettings(
        divisions=settings.divisions,
        most_missed=settings.most_missed,
        briefest=settings.briefest,
    )
    linked, lineage = link_movie(found, image, linking)
    spots = spots_table(lineage, movie="")
    begun = time.perf_counter()
    if settings.species == "none" or not _can_be_named(lineage):
        said = [_not_named(image)] if len(lineage) and settings.species != "none" else []
        return replace(
            linked,
            tables={**linked.tables, "spots": spots},
            findings=[*linked.findings, *said],
        )
    scaled = with_estimated_spacing(lineage)
    given = Table({k: v for k, v in spots.columns.items() if k in _GIVEN})
    named = name_rows(scaled, given, NameSettings(abstain_below=settings.abstain_below))
    glimpses = seen_once(lineage)
    table = _without_names(named.table, glimpses)
    names = {c: table[c] for c in ("name", "confidence")}
    return replace(
        linked,
        tables={
            **linked.tables,
            "objects": linked.tables["objects"].with_columns(names),
            "spots": spots,
            "embryos": embryo_row("", scaled, named),
        },
        sheets={"named": table},
        findings=[
            *linked.findings,
            *_glimpsed(image, int(glimpses.sum())),
            *assumed_scale(scaled.spacing, file=image.name),
            *why_atypical(image.name, named),
        ],
        seconds={**linked.seconds, "name": time.perf_counter() - begun},
    )


def _without_names(table: Table, rows: BoolArray) -> Table:
    """Return a table of names in which some rows have none."""
    empty = {c: np.where(rows, "", table[c].astype(object)) for c in ("name", "compact", "second")}
    return table.with_columns(
        {
            **empty,
            "confidence": np.where(rows, np.nan, table["confidence"]),
            "abstained": np.where(rows, 1, table["abstained"]),
        }
    )


def _glimpsed(image: Image, n: int) -> list[Finding]:
    if not n:
        return []
    return [
        Finding(
            file=image.name,
            rule="orphan",
            severity="info",
            value=float(n),
            reason=f"{n} {'nucleus is' if n == 1 else 'nuclei are'} seen in one frame only, and "
            "stay without a name and outside the tree: most often such are parts of others.",
        )
    ]


def _can_be_named(lineage: Lineage) -> bool:
    """Say whether nuclei have places in space: names follow from where they lie."""
    z = lineage.position[:, 0]
    return bool(len(z)) and float(np.ptp(z)) > 0


def _not_named(image: Image) -> Finding:
    return Finding(
        file=image.name,
        rule="left-out",
        severity="warning",
        reason="The nuclei were linked and not named: names follow from where cells lie in space, "
        "and these lie in one plane. Give a movie of volumes, or --species none.",
    )


def _write_pages(out: Path) -> tuple[str, ...]:
    from fatescope.systems.movie_lineages.page import write_page_of_run

    return write_page_of_run(out)


MOVIE_LINEAGES: System[MovieLineageSettings] = System(
    command="predict lineage",
    settings=MovieLineageSettings,
    cost=Cost(
        cpu_seconds=2.3,
        unit_seconds=3.0,
        memory_mb=25.0,
        output_mb=0.15,
        unit_mb=0.05,
        start_mb=800.0,
        most_mb=1300.0,
    ),
    find=find_nuclei,
    open_model=open_nuclei_model,
    write_pages=_write_pages,
    decide=decide_sizes,
    record=record_solid,
    follow=follow_movie,
    by_frame=find_by_frame,
)
"""By megapixel of planes with pixels of 0.36 um, the network in space with it: 195 CPU-s for 74 of
them (seed 603 of `docs/predict-lineage.md`). Volumes looked at again cost up to twice it."""
