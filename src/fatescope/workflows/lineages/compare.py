"""``fatescope lineage compare``: embryos against a reference, cell by cell, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.base import Finding, InputError, Table
from fatescope.lineage.comparing import (
    Alignment,
    TraitResult,
    align_embryos,
    compare_expression,
    compare_traits,
    synchrony,
)
from fatescope.lineage.statistics import contrast, false_discovery_rate
from fatescope.lineage.traits import EmbryoTraits, embryo_traits
from fatescope.run import Run
from fatescope.workflows.lineages.compare_report import write_comparison
from fatescope.workflows.lineages.tables import describe_table, find_tables, read_table, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.run import Summary
    from fatescope.workflows.lineages.settings import CompareSettings

_MOST_FINDINGS = 300
_RULE = {"place_um": "atypical", "axis_deg": "atypical", "expression": "atypical"}


def compare_lineages(
    inputs: Sequence[Path],
    *,
    out: Path,
    settings: CompareSettings,
    progress: Callable[[int, int, str], None] | None = None,
    fresh: bool = False,
) -> Summary:
    """Compare embryos with a reference: timing, place, division axis, asymmetry, expression.

    Parameters
    ----------
    inputs : sequence of Path
        Tables (or folders) of the embryos in question, such as mutants.
    out : Path
        Gets ``report.html`` and the tables ``differences``, ``zscores``, ``embryos``,
        ``synchrony``.
    settings : CompareSettings
        ``reference`` must be given.
    progress, fresh

    Raises
    ------
    InputError
        If no reference is given, or too few tables can be used.
    """
    if settings.reference is None:
        raise InputError("no reference to compare with. Give typical embryos with --reference.")
    groups = {
        "reference": find_tables([Path(p.strip()) for p in settings.reference.split(",")]),
        "test": find_tables(inputs),
    }
    with Run.open(
        out, command="lineage compare", settings=settings.model_dump(mode="json"), fresh=fresh
    ) as run:
        tables = {f"{role}/{k}": p for role, found in groups.items() for k, p in found.items()}
        run.pending(tables, paths={k: [p] for k, p in tables.items()})
        traits: dict[str, EmbryoTraits] = {}
        for done, (key, path) in enumerate(tables.items(), start=1):
            try:
                read = read_table(
                    path, spacing_um=settings.spacing_um, interval_min=settings.interval_min
                )
                traits[key] = embryo_traits(read.lineage, table=key.split("/", 1)[1])
                run.record(key, input=describe_table(path, read), findings=read.findings)
            except Exception as error:
                finding = Finding(
                    file=path.name, rule="unreadable", severity="error", reason=why_not(error)
                )
                run.fail(key, finding)
            if progress is not None:
                progress(done, len(tables), key)
        reference = [t for k, t in traits.items() if k.startswith("reference/")]
        test = [t for k, t in traits.items() if k.startswith("test/")]
        findings, written = _compare(reference, test, run.out, settings)
        summary = run.finish(findings=findings)
        run.wrote(*written)
    return summary


def _compare(
    reference: list[EmbryoTraits], test: list[EmbryoTraits], out: Path, settings: CompareSettings
) -> tuple[list[Finding], list[Path]]:
    if len(reference) < 2 or not test:
        raise InputError(
            f"{len(reference)} reference and {len(test)} other tables can be used; two or more and "
            "one or more are needed."
        )
    aligned, alignments = align_embryos([*reference, *test], len(reference))
    reference, test = aligned[: len(reference)], aligned[len(reference) :]
    results = compare_traits(reference, test)
    if settings.expression is not None:
        results.append(compare_expression(reference, test, settings.expression))
    rounds = _synchrony(reference, test)
    tables = {
        "differences": Table.concatenate([_difference_rows(r, settings.fdr) for r in results]),
        "zscores": Table.concatenate(
            [_z_rows(r, [*reference, *test], len(reference)) for r in results]
        ),
        "embryos": _embryo_rows(alignments, len(reference)),
        "synchrony": rounds,
    }
    paths = []
    for name, table in tables.items():
        for kind in ("csv", "parquet"):
            paths.append(out / f"{name}.{kind}")
            write_table(table, paths[-1])
    page = write_comparison(out, reference, test, alignments, results, rounds, settings)
    return _findings(results, settings), [*paths, page]


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


def _findings(results: Sequence[TraitResult], settings: CompareSettings) -> list[Finding]:
    """Report cells that differ, the surest first."""
    found = []
    for r in results:
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
                    f"[{c.low[i]:.3g}, {c.high[i]:.3g}] from {settings.reference_name}.",
                )
            )
    return sorted(found, key=lambda f: f.value or 0.0)[:_MOST_FINDINGS]
