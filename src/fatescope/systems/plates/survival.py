"""``fatescope plate survival``: fates and a plate map to viability, survival, dose and controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.acquire.plates import (
    hours_of_frames,
    read_frame_times,
    read_plate_map,
    untreated_findings,
)
from fatescope.base import Execution, Finding, InputError, Table, Treatment, untreated_wells
from fatescope.base.wells import parse_well
from fatescope.engine import Run
from fatescope.engine.driver import describe_files
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.plate import (
    SurvivalSettings,
    WellFates,
    WellGroup,
    at_edge,
    curves_table,
    dose_tables,
    edge_effect,
    group_wells,
    phototoxicity,
    tabulate_fates,
    treatments_table,
    viability_table,
    z_prime,
)
from fatescope.systems.plates.survival_page import write_survival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray
    from fatescope.engine import Summary

_FEWEST_WELLS = 3
_UNIT = "fates"
_COST = Cost(cpu_seconds=0.02, memory_mb=2.0, output_mb=0.3, unit_seconds=1.5, unit_mb=0.5)
"""By a thousand cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wells:
    """Fates of mapped wells beside what was done to them; all of length w."""

    fates: WellFates
    treatment: NDArray[Any]
    dose: FloatArray
    unit: NDArray[Any]
    control: NDArray[Any]
    stained: NDArray[np.bool_]
    light: FloatArray  # NaN: unknown
    response: FloatArray  # viability at the frame of response
    known: NDArray[np.bool_]  # whether the map says what was done to it


def survival_of_plate(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    settings: SurvivalSettings,
    fresh: bool = False,
) -> Summary:
    """Write viability, survival, treatments, doses and controls of plates.

    Parameters
    ----------
    inputs : sequence of path
        Tables of fates (CSV or Parquet); several are stacked.
    out : path
        Takes the tables ``viability``, ``treatments``, ``curves``, ``doses``, ``dose_wells``,
        ``dose_curves``, ``controls``, and ``report.html``.
    settings : SurvivalSettings
        ``map`` must be given.
    fresh : bool

    Raises
    ------
    InputError
        If there is no map, or a table cannot be true.
    FileFormatError
        If a file cannot be read.
    """
    table, treatments = _read(inputs, settings)
    minutes = read_frame_times(settings.times) if settings.times is not None else {}
    tables, findings = survival_tables(table, treatments, settings, minutes=minutes)
    paths = [*map(Path, inputs), Path(str(settings.map)), *filter(None, [settings.times])]
    asked = settings.model_dump(mode="json")
    with Run.open(out, command="plate survival", settings=asked, fresh=fresh) as run:
        run.pending([_UNIT], paths={_UNIT: paths})
        run.record(
            _UNIT,
            input=describe_files(paths),
            tables={n: t for n, t in tables.items() if len(t)},
            findings=findings,
        )
        rows = [f.as_row() for f in findings]
        run.wrote(write_survival(run.out, tables, record={"settings": asked}, findings=rows))
        return run.finish()


def plan_survival(inputs: Sequence[Path | str], *, settings: SurvivalSettings) -> RunPlan:
    """Say what `survival_of_plate` would cost, without computing or writing anything.

    Raises
    ------
    InputError, FileFormatError
        As `survival_of_plate`.
    """
    table, treatments = _read(inputs, settings)
    _mapped(_tabulated(table), treatments, settings)
    if settings.times is not None:
        read_frame_times(settings.times)
    rows = len(table) / 1000
    return estimate(
        "plate survival", [(rows, rows)], cost=_COST, what="plates", execution=Execution(workers=1)
    )


def _read(
    inputs: Sequence[Path | str], settings: SurvivalSettings
) -> tuple[Table, dict[str, Treatment]]:
    if settings.map is None:
        raise InputError("what was done to the wells is not known. Give a plate map with --map.")
    check_plate_times(settings.times, settings.interval_min)
    table = Table.concatenate([read_table(Path(p)) for p in inputs])
    return table, read_plate_map(settings.map)


def check_plate_times(times: Path | None, interval_min: float | None) -> None:
    """Raise where the user says twice when frames were taken.

    Raises
    ------
    InputError
    """
    if times is not None and interval_min is not None:
        raise InputError("--times and --interval-min both say when frames were taken. Give one.")


def survival_tables(
    table: Table,
    treatments: dict[str, Treatment],
    settings: SurvivalSettings,
    *,
    minutes: Mapping[int, float],
) -> tuple[dict[str, Table], list[Finding]]:
    """Return what follows from fates and a map, and what should be known about it.

    ``table``: of fates; see `tabulate_fates`; ``treatments``: by well; ``minutes``: when each frame
    was taken; empty: every ``interval_min``.

    The result: ``viability, treatments, curves, doses, dose_wells, dose_curves, controls``; those
    of doses and controls may be empty. Raises `InputError` if a fate cannot be true, or no well of
    the map has one.
    """
    wells, findings = _mapped(_tabulated(table), treatments, settings)
    rows = np.flatnonzero(wells.known)
    groups = group_wells(wells.treatment, wells.dose, wells.unit, wells.control, wells=rows)
    known = hours_of_frames(minutes, settings.interval_min, wells.fates.n.shape[1])
    hours = None if known is None else np.array(known)
    if hours is None:
        findings.append(
            _finding("no-scale", "When frames were taken is not known. Give --interval-min.")
        )
    doses, no_dose = _doses(wells)
    controls, no_control = _controls(wells)
    tables = {
        "viability": viability_table(wells.fates),
        "treatments": treatments_table(wells.fates, groups, hours=hours),
        "curves": curves_table(wells.fates, groups, hours=hours),
        **doses,
        "controls": controls,
    }
    return tables, [*findings, *_few(groups), *no_dose, *no_control]


def read_fates(paths: Sequence[Path | str]) -> WellFates:
    """Read tables of fates, stacked, and count by well and frame.

    Raises
    ------
    InputError, FileFormatError
        If there is none, one cannot be read, or a fate cannot be true.
    """
    return _tabulated(Table.concatenate([read_table(Path(p)) for p in paths]))


def _tabulated(table: Table) -> WellFates:
    """Count fates, with wells in the one form that is used everywhere."""
    if "well" in table:
        wells = np.array([parse_well(str(w)) for w in table["well"]], dtype=object)
        table = table.with_columns({"well": wells})
    return tabulate_fates(table)


def _mapped(
    fates: WellFates, treatments: dict[str, Treatment], settings: SurvivalSettings
) -> tuple[_Wells, list[Finding]]:
    known = np.array([w in treatments for w in fates.well], dtype=bool)
    findings = untreated_findings(treatments, file=_UNIT)
    lost = [str(w) for w in fates.well[~known]]
    empty = sorted(set(treatments) - {str(w) for w in fates.well})
    for names, words in ((lost, "have fates and no row in the map"), (empty, "have no fates")):
        if names:
            findings.append(
                _finding("unmapped-wells", f"{len(names)} wells ({', '.join(names[:8])}) {words}.")
            )
    check_mapped(treatments, fates.well[known])
    fates = fates.rows(known)
    untreated = set(untreated_wells(treatments))
    rows = [treatments[str(w)] for w in fates.well]
    check_response_frame(settings.response_frame, fates.n.shape[1])
    frame = fates.n.shape[1] - 1 if settings.response_frame is None else settings.response_frame
    n, alive = fates.n[:, frame], fates.alive[:, frame]
    wells = _Wells(
        fates=fates,
        treatment=np.array([t.treatment for t in rows], dtype=object),
        dose=np.array([np.nan if t.dose is None else t.dose for t in rows]),
        unit=np.array([t.dose_unit for t in rows], dtype=object),
        control=np.array([t.control for t in rows], dtype=object),
        stained=np.array([bool(t.stains) for t in rows]),
        light=np.array([np.nan if t.light is None else t.light for t in rows]),
        response=np.divide(alive, n, out=np.full(len(n), np.nan), where=n > 0),
        known=np.array([w not in untreated for w in fates.well]),
    )
    return wells, findings


def check_mapped(
    treatments: Mapping[str, Treatment], wells: Sequence[str], *, lacks: str = "has a fate"
) -> None:
    """Raise where a map says nothing of what was done to any of some wells."""
    here = set(treatments) & {str(w) for w in wells}
    if not here:
        raise InputError(f"no well of the map {lacks}. Check that both name the same wells.")
    if here <= set(untreated_wells(treatments)):
        raise InputError(
            "the map gives none of the wells a treatment, a dose or a control, so nothing can be "
            "compared. Fill in the columns treatment and control."
        )


def check_response_frame(asked: int | None, n_frames: int) -> None:
    """Raise where the frame of response lies beyond the last one."""
    if asked is not None and asked >= n_frames:
        raise InputError(
            f"--response-frame {asked} is beyond the last frame, {n_frames - 1} (the first is 0). "
            f"Give 0 to {n_frames - 1}."
        )


def _few(groups: Sequence[WellGroup]) -> list[Finding]:
    few = [f"{g}: {len(g.wells)}" for g in groups if len(g.wells) < _FEWEST_WELLS]
    found = []
    if few:
        found.append(
            _finding(
                "few-wells",
                f"Fewer than {_FEWEST_WELLS} wells in a group ({', '.join(few[:8])}): how much "
                "wells differ by themselves is hardly known. Add wells.",
            )
        )
    if not any(g.is_reference for g in groups):
        found.append(
            _finding(
                "few-wells",
                "No well of the map has the control `negative`, so there is nothing to compare "
                "hazards with.",
            )
        )
    return found


def _doses(wells: _Wells) -> tuple[dict[str, Table], list[Finding]]:
    """Return the tables of doses, and which treatments have no dose of half the effect."""
    mine = wells.known
    tables = dose_tables(
        {"plate": wells.fates.plate[mine], "well": wells.fates.well[mine]},
        treatment=wells.treatment[mine],
        dose=wells.dose[mine],
        unit=wells.unit[mine],
        control=wells.control[mine],
        response=wells.response[mine],
    )
    found = tables["doses"]
    refused = zip(found["treatment"], found["refused"], strict=True) if len(found) else ()
    return tables, [
        _finding("no-plateau", f"{name}: {reason}", severity="info")
        for name, reason in refused
        if reason
    ]


def _controls(wells: _Wells) -> tuple[Table, list[Finding]]:
    nothing = float("nan")
    rows: list[dict[str, Any]] = []

    def add(name: str, values: Sequence[float], n: int) -> None:
        columns = ("estimate", "low", "high", "p")
        rows.append({"control": name, **dict(zip(columns, values, strict=True)), "n_wells": n})

    sides = [wells.response[wells.control == c] for c in ("positive", "negative")]
    if all(len(s) for s in sides):
        value = z_prime(sides[0], sides[1])
        add("z_prime", (value, nothing, nothing, nothing), sum(map(len, sides)))
    edge = at_edge([str(w) for w in wells.fates.well])[wells.known]
    if edge.any() and not edge.all():
        what = zip(wells.treatment, wells.dose, wells.unit, strict=True)
        names = np.array([f"{t}|{d:g} {u}" for t, d, u in what], dtype=object)
        e = edge_effect(wells.response[wells.known], edge, names[wells.known])
        add("edge_minus_inside", (e.estimate, e.low, e.high, e.p), len(edge))
    findings = []
    # Only wells without a drug tell what dye and light do.
    lit = np.isfinite(wells.light) & ~(wells.dose > 0) & (wells.control != "positive")
    if len(set(wells.light[lit] > 0)) == 2 and len(set(wells.stained[lit])) == 2:
        try:
            mine = np.flatnonzero(lit)
            found = phototoxicity(
                wells.fates.rows(mine), wells.stained[mine], wells.light[mine] > 0
            )
        except InputError as error:
            findings.append(_finding("few-wells", str(error), severity="info"))
        else:
            for name, e in found.items():
                add(f"hazard_ratio {name}", (e.estimate, e.low, e.high, e.p), len(mine))
    return Table.from_rows(rows) if rows else Table(), findings


def _finding(rule: str, reason: str, severity: Any = "warning") -> Finding:
    return Finding(file=_UNIT, rule=rule, severity=severity, reason=reason)
