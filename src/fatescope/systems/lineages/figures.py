"""Figures of one embryo that are not trees or maps: territories, populations, timing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages import find_lineages
from fatescope.base import InputError, Table
from fatescope.base.sulston import compact_name
from fatescope.lineage import quality
from fatescope.lineage.against_atlas import atlas_embryo
from fatescope.lineage.comparing import align_embryos, all_cells, can_be_aligned, on_cells
from fatescope.lineage.territory import measure_territories
from fatescope.lineage.traits import EmbryoTraits, embryo_traits
from fatescope.pages.chart import number
from fatescope.systems.lineages import drawings as show
from fatescope.systems.lineages.reading import in_its_hand, open_atlas, read_to_scale

if TYPE_CHECKING:
    from fatescope.acquire.lineages import LineageReading
    from fatescope.base import Finding
    from fatescope.base.types import FloatArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.pages.chart import Chart
    from fatescope.systems.lineages.embryo import Embryo
    from fatescope.systems.lineages.settings import DrawSettings

TERRITORY_GROUPS = {"founder": ("AB", "MS", "E", "C", "D", "P4"), "lineage": quality.LINEAGES}
CLIFF_CELLS = 20  # tracks that end in one frame are a cliff; not measured
_POINTS_KEPT = 150  # nuclei of each group that go into the image of all embryos
_BLUR_UM = 3.0  # as wide as the cubes are by default; not measured


def group_names(embryo: Embryo, settings: DrawSettings) -> list[str]:
    """Return the group of each cell: its founder, its lineage, or its compact name."""
    if settings.groups != "compact":
        return list(embryo.founder if settings.groups == "founder" else embryo.group)
    return [
        compact_name(str(n), settings.compact_length) if f else ""
        for n, f in zip(embryo.cells.name, embryo.founder, strict=True)
    ]


def territory_tables(embryo: Embryo, settings: DrawSettings) -> dict[str, Table]:
    """Return the overlaps of the embryo's groups, and nuclei for the image of all embryos."""
    assert embryo.body_um is not None
    group = group_names(embryo, settings)
    if settings.groups != "compact":
        groups = [g for g in TERRITORY_GROUPS[settings.groups] if g in group]
    else:
        rows = Counter(group[c] for c in embryo.cells.of_row)
        groups = sorted(g for g, n in rows.items() if g and n >= 50)
    rng = np.random.default_rng(settings.seed)
    found = measure_territories(
        embryo.body_um,
        embryo.cells.of_row,
        group,
        groups,
        cube_um=settings.cube_um,
        blur_um=_BLUR_UM,
        n_deals=settings.deals,
        rng=rng,
    )
    row_group = np.array(group, dtype=object)[embryo.cells.of_row]
    known = np.isfinite(embryo.body_um).all(axis=1)
    kept = [
        rng.choice(mine, min(len(mine), _POINTS_KEPT), replace=False)
        for g in groups
        if len(mine := np.flatnonzero(known & (row_group == g)))
    ]
    shown = np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)
    n, m = len(groups), len(shown)
    return {
        "territories": Table(
            {
                "table": np.array([embryo.key] * n, dtype=object),
                "group": np.array(groups, dtype=object),
                "overlap": found.own,
                "chance": found.chance,
            }
        ),
        "territory_nuclei": Table(
            {
                "table": np.array([embryo.key] * m, dtype=object),
                "group": row_group[shown],
                "posterior_um": embryo.body_um[shown, 0].round(2),
                "dorsal_um": embryo.body_um[shown, 1].round(2),
                "left_um": embryo.body_um[shown, 2].round(2),
            }
        ),
    }


def populations(embryo: Embryo) -> Chart:
    """Chart the number of nuclei of each founder over time."""
    shown = TERRITORY_GROUPS["founder"]
    founder = [f if f in shown or not f else quality.EARLY for f in embryo.founder]
    group = np.array(founder, dtype=object)[embryo.cells.of_row]
    frames, counts = quality.count_groups(embryo.lineage.frame, group, (*shown, quality.EARLY))
    cliff = quality.scope_cliff(embryo.cells, fewest=CLIFF_CELLS)
    outside = None
    if cliff is not None:
        outside = ((cliff + 1) * embryo.interval, float(frames[-1]) * embryo.interval)
    return show.chart_populations(
        frames * embryo.interval,
        {n: c.astype(float) for n, c in counts.items()},
        {n: show.founder_colour(n) for n in counts},
        time_axis=embryo.time_axis,
        title=f"{embryo.key}: nuclei of each founder",
        outside_scope=outside,
        caption="Doubling scale; Z2 and Z3 count as P4; early: EMS and P0 to P3",
    )


def timing(embryo: Embryo, settings: DrawSettings, reading: LineageReading) -> tuple[Chart, ...]:
    """Chart divisions against the reference, or the atlas; none where they cannot be compared."""
    if not embryo.unit or embryo.body_um is None:
        return ()
    mine = embryo_traits(embryo.lineage, table=embryo.key)
    atlas = open_atlas() if settings.reference is None else None
    reference = (
        (atlas_embryo(atlas),)
        if atlas is not None
        else _reference(str(settings.reference), reading)[0]
    )
    if not can_be_aligned(mine, reference):
        return ()
    aligned, notes = align_embryos([*reference, mine], len(reference))
    names = all_cells(aligned)
    times = np.stack([on_cells(names, e, e.division_min) for e in aligned])
    fewest = 1 if atlas is not None else 2
    known = np.isfinite(times[-1]) & (np.isfinite(times[:-1]).sum(axis=0) >= fewest)
    mean = np.nanmean(times[:-1, known], axis=0)
    groups = quality.lineages_of(names[known])
    note = notes[-1]
    against = f"{len(reference)} reference embryos" if atlas is None else "the atlas"
    return show.chart_timing(
        mean,
        times[-1, known],
        _spread(times[:-1, known], names[known], atlas),
        list(names[known]),
        groups,
        {g: show.founder_colour(g) for g in (*quality.LINEAGES, quality.EARLY) if g in groups},
        title=f"{embryo.key}: divisions against {against}",
        caption=f"Pace {number(note.pace)}, residual {number(note.residual_min)} min, "
        f"{known.sum()} divisions.",
    )


def _spread(times: FloatArray, names: np.ndarray, atlas: Atlas | None) -> FloatArray:
    """Return the spread of each division; in the atlas that of the first daughter's birth."""
    if atlas is None:
        return np.asarray(np.nanstd(times, axis=0, ddof=1))
    first = np.array([atlas.daughters[atlas.index[str(n)], 0] for n in names], dtype=np.int64)
    return np.asarray(atlas.birth_sd[first])


def reference_findings(settings: DrawSettings, reading: LineageReading) -> tuple[Finding, ...]:
    """Return what there is to say of the tables that divisions are held against."""
    return () if settings.reference is None else _reference(settings.reference, reading)[1]


@lru_cache(maxsize=4)
def _reference(
    where: str, reading: LineageReading
) -> tuple[tuple[EmbryoTraits, ...], tuple[Finding, ...]]:
    files = [replace(f, key=f"reference/{f.key}") for f in find_lineages([where])]
    read = [in_its_hand(read_to_scale(f, reading), f, "compared in its place") for f in files]
    if len(files) < 3:
        raise InputError(f"{where}: a reference needs three or more tables; got {len(files)}.")
    embryos = [embryo_traits(got.lineage, table=f.key) for got, f in zip(read, files, strict=True)]
    return tuple(embryos), tuple(finding for got in read for finding in got.findings)
