"""Fates and the map of a plate to the tables that answer: which treatment kills, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError, Table, Treatment
from fatescope.plate.hazard import compare_hazards
from fatescope.plate.survival import (
    band_over_wells,
    median_over_wells,
    survival_of_wells,
    wilson_interval,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray
    from fatescope.plate.fates import WellFates

NEGATIVE = "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class WellGroup:
    """The wells of one treatment at one dose."""

    treatment: str
    dose: float  # NaN where none is given
    unit: str
    wells: IntArray  # rows of the fates
    is_reference: bool

    def __str__(self) -> str:
        """Return the name of the treatment, with its dose where it has one."""
        dose = None if np.isnan(self.dose) else self.dose
        return str(Treatment(treatment=self.treatment or "unnamed", dose=dose, dose_unit=self.unit))


def group_wells(
    treatment: NDArray[Any],
    dose: FloatArray,
    unit: NDArray[Any],
    control: NDArray[Any],
    *,
    wells: IntArray | None = None,
) -> list[WellGroup]:
    """Return the groups of wells, the reference first: wells whose control is ``negative``.

    A treatment is its name, dose and unit: 1 nM and 1 µM are two, 1000 nM and 1 µM are one.

    Parameters
    ----------
    treatment, unit, control : ndarray of str, shape (w,)
        ``None`` or empty where the map says nothing.
    dose : ndarray of float, shape (w,)
        NaN where the map says nothing.
    wells : ndarray of int, optional
        Rows of the wells that are grouped, of which it is known what was done to them; default:
        all.
    """
    found: dict[tuple[bool, str, str, float], list[int]] = {}
    for i in range(len(treatment)) if wells is None else wells.tolist():
        amount = None if np.isnan(dose[i]) else float(dose[i])
        done = Treatment(
            treatment=str(treatment[i] or ""), dose=amount, dose_unit=str(unit[i] or "")
        )
        name, amount, base = done.identity
        other = str(control[i] or "").strip().lower() != NEGATIVE
        key = (other, name, base, -1.0 if amount is None else amount)
        found.setdefault(key, []).append(i)
    return [
        WellGroup(
            treatment=key[1],
            dose=float(dose[found[key][0]]),
            unit=str(unit[found[key][0]] or ""),
            wells=np.array(found[key]),
            is_reference=not key[0],
        )
        for key in sorted(found, key=lambda k: (k[0], k[1], k[3] < 0, k[3], k[2]))
    ]


def treatments_table(
    fates: WellFates, groups: list[WellGroup], *, hours: FloatArray | None
) -> Table:
    """Return one row per group: median time of death and hazard ratio, with intervals over wells.

    Columns ``treatment, dose, n_wells, median_death_h, low, high, hazard_ratio, hr_low, hr_high,
    p_logrank``, then ``median_death_frames, n_cells, n_deaths, dose_unit``. The reference, all
    wells whose control is ``negative``, has the ratio 1 without an interval. ``hours`` has the time
    of each frame, even or not; without it the columns in hours stay empty.
    """
    survival = survival_of_wells(fates)
    reference = np.array([w for g in groups if g.is_reference for w in g.wells], dtype=np.int64)
    frames = np.arange(fates.n.shape[1], dtype=np.float64)
    times = np.full(len(frames), np.nan) if hours is None else hours
    rows = []
    for g in groups:
        mine = survival[g.wells], _cells(fates)[g.wells]
        median, low, high = median_over_wells(*mine, times)
        row: dict[str, Any] = {
            "treatment": g.treatment,
            "dose": g.dose,
            "n_wells": len(g.wells),
            "median_death_h": median,
            "low": low,
            "high": high,
            **_ratio(fates, g, reference),
            "median_death_frames": median_over_wells(*mine, frames)[0],
            "n_cells": int(_cells(fates)[g.wells].sum()),
            "n_deaths": int(fates.deaths[g.wells].sum()),
            "dose_unit": g.unit,
        }
        rows.append(row)
    if not rows:
        raise InputError("no well of the map has a fate. Check that both name the same wells.")
    return Table({c: _column([r[c] for r in rows]) for c in rows[0]})


def viability_table(fates: WellFates) -> Table:
    """Return ``plate, well, frame, n, alive, viability, low, high, survival``.

    Intervals are within a well; ``survival`` is the Kaplan-Meier estimate of the well, empty where
    nobody was followed.
    """
    low, high = wilson_interval(fates.alive, fates.n)
    n_wells, n_frames = fates.n.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(fates.n > 0, fates.alive / fates.n, np.nan)
    return Table(
        {
            "plate": np.repeat(fates.plate, n_frames),
            "well": np.repeat(fates.well, n_frames),
            "frame": np.tile(np.arange(n_frames), n_wells),
            "n": fates.n.ravel(),
            "alive": fates.alive.ravel(),
            "viability": share.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "survival": survival_of_wells(fates).ravel(),
        }
    )


def curves_table(fates: WellFates, groups: list[WellGroup], *, hours: FloatArray | None) -> Table:
    """Return survival and viability of each group at each frame, with intervals over wells."""
    survival = survival_of_wells(fates)
    with np.errstate(invalid="ignore", divide="ignore"):
        viability = np.where(fates.n > 0, fates.alive / fates.n, np.nan)
    n_frames = fates.n.shape[1]
    times = np.full(n_frames, np.nan) if hours is None else hours
    tables = []
    for g in groups:
        cells = _cells(fates)[g.wells]
        columns: dict[str, NDArray[Any]] = {
            "treatment": np.full(n_frames, g.treatment, dtype=object),
            "dose": np.full(n_frames, g.dose),
            "frame": np.arange(n_frames),
            "time_h": times,
            "n_wells": np.full(n_frames, len(g.wells)),
        }
        for name, values in (("survival", survival), ("viability", viability)):
            middle, low, high = band_over_wells(values[g.wells], cells)
            columns |= {name: middle, f"{name}_low": low, f"{name}_high": high}
        columns["dose_unit"] = np.full(n_frames, g.unit, dtype=object)
        tables.append(Table(columns))
    return Table.concatenate(tables)


def _cells(fates: WellFates) -> IntArray:
    """Return the cells that were ever followed or dead, as far as counts tell: the most at once."""
    return np.asarray(fates.n.max(axis=1))


def _ratio(fates: WellFates, group: WellGroup, reference: IntArray) -> dict[str, float]:
    nothing = float("nan")
    names = ("hazard_ratio", "hr_low", "hr_high", "p_logrank")
    if group.is_reference:
        return dict(zip(names, (1.0, nothing, nothing, nothing), strict=True))
    if not len(reference):
        return dict.fromkeys(names, nothing)
    both = np.concatenate([reference, group.wells])
    found = compare_hazards(fates.rows(both), np.arange(len(both)) >= len(reference))
    return dict(zip(names, (found.ratio, found.low, found.high, found.p_logrank), strict=True))


def _column(values: list[Any]) -> NDArray[Any]:
    return np.array(values, dtype=object if isinstance(values[0], str) else type(values[0]))
