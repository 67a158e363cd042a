"""``fatescope lineage compare``: embryos against a reference, cell by cell, with intervals."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import listed_paths, read_table, write_table
from fatescope.acquire.lineages import LineageFile, LineageReading, find_lineages
from fatescope.base import Execution, Finding, InputError, Table
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.lineage.against_atlas import atlas_embryo, compare_with_atlas
from fatescope.lineage.comparing import (
    Alignment,
    TraitResult,
    align_embryos,
    can_be_aligned,
    check_expression,
    compare_expression,
    compare_traits,
    synchrony,
)
from fatescope.lineage.statistics import FEWEST_EMBRYOS, contrast, false_discovery_rate
from fatescope.lineage.traits import EmbryoTraits, embryo_traits, embryos_of_table, traits_table
from fatescope.systems.lineages.compare_report import LineageComparison, write_comparison
from fatescope.systems.lineages.reading import (
    describe,
    in_its_hand,
    open_atlas,
    plan_lineages,
    read_to_scale,
    record_reading,
)
from fatescope.systems.lineages.settings import LineageCompareSettings

if TYPE_CHECKING:
    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan
    from fatescope.lineage.atlas import Atlas

_MOST_FINDINGS = 300  # the surest; the tables have every cell
_RULE = {"place_um": "atypical", "axis_deg": "atypical", "expression": "atypical"}


def compare_lineages(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    settings: LineageCompareSettings | None = None,
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Compare embryos with others, or with the atlas: timing, place, axis, sisters, expression.

    Parameters
    ----------
    inputs : sequence of paths
        Lineages (or folders) of the embryos in question, such as mutants.
    out : path
        Gets ``report.html`` and the tables ``traits``, ``differences``, ``zscores``,
        ``embryos``, ``synchrony``.
    settings : CompareSettings, optional
        Without ``reference``, embryos are held against the atlas.
    reading : LineageReading, optional
        Scale and format, where the files do not say them.
    execution : Execution, optional
    progress, fresh

    Raises
    ------
    InputError
        If too few embryos can be used.
    """
    settings, reading = settings or LineageCompareSettings(), reading or LineageReading()
    files = _in_role("test", inputs)
    if settings.reference is None and settings.expression is not None:
        raise InputError("the atlas holds no expression. Give embryos with --reference.")
    if settings.reference is not None:
        files = [*_in_role("reference", _reference_paths(settings)), *files]
    asked = {**settings.model_dump(mode="json"), **record_reading(reading)}
    with Run.open(out, command="lineage compare", settings=asked, fresh=fresh) as run:
        job = partial(
            measure_file,
            reading=reading,
            expression=settings.expression,
            atlas=settings.atlas and settings.atlas.absolute(),
        )
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        measured = run.finish()
        if not measured.units_done:
            return measured
        findings, written = _compare(run.out, settings)
        run.wrote(*written)
        return run.finish(findings=findings)


def plan_comparison(
    inputs: Sequence[Path | str], *, settings: LineageCompareSettings, execution: Execution
) -> RunPlan:
    """Say what `compare_lineages` would do with the inputs and their reference."""
    given = [*inputs, *_reference_paths(settings)]
    return plan_lineages("lineage compare", given, execution=execution)


def _reference_paths(settings: LineageCompareSettings) -> list[Path]:
    """Return the files and folders of the reference; none where it is the atlas."""
    return listed_paths(settings.reference or "")


def _in_role(role: str, inputs: Iterable[Path | str]) -> list[LineageFile]:
    return [replace(f, key=f"{role}/{f.key}") for f in find_lineages(inputs)]


def measure_file(
    file: LineageFile, *, reading: LineageReading, expression: str | None, atlas: Path | None = None
) -> Outcome:
    """Read one lineage and measure its cells; the first part of the key is its role."""
    begun = time.perf_counter()
    role, _, table = file.key.partition("/")
    got = in_its_hand(read_to_scale(file, reading), file, "compared in its place", atlas=atlas)
    traits = embryo_traits(got.lineage, table=table)
    check_expression([traits], expression)
    return Outcome(
        input=describe(file, got),
        tables={"traits": traits_table(traits, role=role, expression=expression)},
        findings=got.findings,
        seconds={"measure": time.perf_counter() - begun},
    )


def _compare(out: Path, settings: LineageCompareSettings) -> tuple[list[Finding], list[Path]]:
    measured = read_table(out / "traits.parquet")
    reference, test = (
        embryos_of_table(measured, role=r, expression=settings.expression)
        for r in ("reference", "test")
    )
    atlas = None
    if settings.reference is None:
        atlas = open_atlas(settings.atlas)
        reference = [atlas_embryo(atlas)]
    fits = [can_be_aligned(e, reference) for e in test]
    usable = [e for e, fit in zip(test, fits, strict=True) if fit]
    if not usable or (atlas is None and len(reference) < 2):
        raise InputError(
            f"{len(reference)} reference and {len(usable)} other embryos can be used; two or more "
            "and one or more are needed, each with eight named divisions in common. Name them "
            "first (fatescope lineage name)."
        )
    done = _against(reference, usable, atlas, settings)
    tables = {
        "differences": Table.concatenate([_difference_rows(r, settings.fdr) for r in done.results]),
        "zscores": Table.concatenate(
            [_z_rows(r, [*done.reference, *done.test], len(reference)) for r in done.results]
        ),
        "embryos": _embryo_rows(done.alignments, len(reference)),
        "synchrony": done.rounds,
    }
    paths = []
    for name, table in tables.items():
        if len(table):
            for kind in ("csv", "parquet"):
                paths.append(out / f"{name}.{kind}")
                write_table(table, paths[-1])
    warnings = few_embryos(done, settings)
    page = write_comparison(out, done, settings, warnings)
    left = [_left_out(e.table) for e, fit in zip(test, fits, strict=True) if not fit]
    return [*warnings, *left, *_findings(done, settings)], [*paths, page]


def few_embryos(done: LineageComparison, settings: LineageCompareSettings) -> list[Finding]:
    """Warn where a group has so few embryos that its spread is hardly known."""
    groups = ((settings.test_name, len(done.test)), (done.reference_name, done.n_reference))
    few = [f"{name}: {n}" for name, n in groups if n < FEWEST_EMBRYOS]
    if not few:
        return []
    return [
        Finding(
            file=settings.test_name,
            rule="few-embryos",
            severity="warning",
            value=float(min(n for _, n in groups)),
            limit=float(FEWEST_EMBRYOS),
            reason=(
                f"fewer than {FEWEST_EMBRYOS} embryos in a group ({', '.join(few)}): how much "
                "embryos differ by themselves is hardly known, and p and q rest on the assumption "
                "that these cells vary like others. Take them as a hint, and add embryos."
            ),
        )
    ]


def _against(
    reference: Sequence[EmbryoTraits],
    test: Sequence[EmbryoTraits],
    atlas: Atlas | None,
    settings: LineageCompareSettings,
) -> LineageComparison:
    n = len(reference)
    aligned, alignments = align_embryos([*reference, *test], n)
    if atlas is None:
        results = compare_traits(aligned[:n], aligned[n:])
        if settings.expression is not None:
            results.append(compare_expression(aligned[:n], aligned[n:], settings.expression))
        rounds, name, behind = _synchrony(aligned[:n], aligned[n:]), settings.reference_name, n
    else:
        results = compare_with_atlas(atlas, reference[0], aligned[n:])
        rounds, behind = Table(), len(atlas.metadata["embryos"])
        name = f"the atlas {reference[0].table}"
    return LineageComparison(
        reference=aligned[:n],
        test=aligned[n:],
        alignments=alignments,
        results=results,
        rounds=rounds,
        n_reference=behind,
        reference_name=name,
    )


def _left_out(table: str) -> Finding:
    return Finding(
        file=f"test/{table}",
        rule="atypical",
        severity="warning",
        reason=(
            f"{table} shares fewer than eight named divisions with the reference and is not "
            "compared. Name it first (fatescope lineage name)."
        ),
    )


def _difference_rows(result: TraitResult, fdr: float) -> Table:
    c = result.contrast
    k = len(result.cell)
    rows = Table(
        {
            "cell": result.cell,
            "trait": np.array([result.trait] * k, dtype=object),
            "n_reference": c.n_reference.astype(np.int64),
            "n_test": c.n_test.astype(np.int64),
            "reference_mean": c.mean_reference,
            "reference_sd": c.sd,
            "test_mean": c.mean_test,
            "difference": c.difference,
            "low": c.low,
            "high": c.high,
            "z": c.z,
            "p": c.p,
            "q": result.q,
            "found": (result.q < fdr).astype(np.int64),
        }
    )
    return rows.rows(np.isfinite(c.p))


def _z_rows(result: TraitResult, embryos: Sequence[EmbryoTraits], n_reference: int) -> Table:
    """Return one row per embryo and cell that has a z."""
    which, cell = np.nonzero(np.isfinite(result.embryo_z))
    names = np.array([e.table for e in embryos], dtype=object)
    return Table(
        {
            "table": names[which],
            "role": np.where(which < n_reference, "reference", "test").astype(object),
            "cell": result.cell[cell],
            "trait": np.array([result.trait] * len(cell), dtype=object),
            "z": result.embryo_z[which, cell].round(3),
        }
    )


def _embryo_rows(alignments: Sequence[Alignment], n_reference: int) -> Table:
    rows = [
        {
            "table": a.table,
            "role": "reference" if i < n_reference else "test",
            "pace": round(a.pace, 4),
            "offset_min": round(a.offset_min, 2),
            "divisions_shared": a.n_shared,
            "residual_min": round(a.residual_min, 3),
            "residual_um": round(a.residual_um, 3),
        }
        for i, a in enumerate(alignments)
    ]
    return Table({c: np.array([r[c] for r in rows], dtype=_kind(rows[0][c])) for c in rows[0]})


def _kind(value: object) -> type:
    return type(value) if isinstance(value, int | float) else object


def _synchrony(reference: Sequence[EmbryoTraits], test: Sequence[EmbryoTraits]) -> Table:
    """Compare how far divisions of one round spread, with an interval over embryos."""
    spreads = [synchrony(e) for e in [*reference, *test]]
    groups = list(dict.fromkeys(g for s in spreads for g in s))
    values = np.array([[s[g][1] if g in s else np.nan for g in groups] for s in spreads])
    n = len(reference)
    c = contrast(values[:n], values[n:])
    table = Table(
        {
            "group": np.array(groups, dtype=object),
            "n_reference": c.n_reference.astype(np.int64),
            "n_test": c.n_test.astype(np.int64),
            "reference_sd_min": c.mean_reference,
            "test_sd_min": c.mean_test,
            "difference_min": c.difference,
            "low": c.low,
            "high": c.high,
            "p": c.p,
            "q": false_discovery_rate(c.p),
        }
    )
    return table.rows(np.isfinite(c.p))


def _findings(done: LineageComparison, settings: LineageCompareSettings) -> list[Finding]:
    """Report cells that differ, the surest first."""
    found = []
    for r in done.results:
        for i in np.flatnonzero(r.q < settings.fdr):
            c = r.contrast
            found.append(
                Finding(
                    file=settings.test_name,
                    rule=_RULE.get(r.trait, "timing"),
                    object=str(r.cell[i]),
                    severity="info",
                    value=float(r.q[i]),
                    limit=settings.fdr,
                    reason=f"{r.cell[i]} differs in {r.trait} by {c.difference[i]:.3g} "
                    f"[{c.low[i]:.3g}, {c.high[i]:.3g}] from {done.reference_name}.",
                )
            )
    return sorted(found, key=lambda f: f.value or 0.0)[:_MOST_FINDINGS]
