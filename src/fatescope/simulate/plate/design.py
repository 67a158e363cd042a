"""What is on a plate: size, wells and their treatments, and the hazard of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError, name_well

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.simulate.plate.settings import PlateSettings

ROWS, COLUMNS, STAINED, FIELDS, FRAMES = 4, 6, 8, 9, 70
"""Of the published plate; fields along a side of the well."""
_FEWEST_FRAMES = 6  # however small the scale
_FEWEST_CELLS = 100  # in a well, however small the field
UNTREATED, COMPOUND, KILLED = "untreated", "compound", "killed"
LIGHT, DYE, BOTH = "light alone", "dye alone", "dye and light"
STAINS = ("Hoechst", "DRAQ7")
SETS = ("training", "validation", "test")
_GRID = 2048  # steps of the hazard in the length of a movie


@dataclass(frozen=True, slots=True, kw_only=True)
class WellPlan:
    """What is done to one well; a row of the plate map, and what it does to cells.

    Parameters
    ----------
    well : str
    treatment : str
    dose : float or None
        In µM.
    stains : tuple of str
    light : bool
        Lit for fluorescence at each frame.
    is_recorded : bool
        Whether the stains are recorded, not only there.
    control : str
    set : str
        ``training``, ``validation`` or ``test`` of a well whose stains are recorded.
    hazard_ratio : float
        Against an untreated well, without what dye and light do together.
    frailty : float
        Factor of this well on its hazard.
    is_empty : bool
        Without cells.
    """

    well: str
    treatment: str
    dose: float | None = None
    stains: tuple[str, ...] = ()
    light: bool = False
    is_recorded: bool = False
    control: str = ""
    set: str = ""
    hazard_ratio: float = 1.0
    frailty: float = 1.0
    is_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateDesign:
    """Sizes of a plate and what is done to its wells."""

    wells: tuple[WellPlan, ...]
    field_rows: int
    field_columns: int
    frames: int
    interval_h: float
    cells: float  # typical number in a well
    extent: tuple[float, float]  # rows and columns of a well that fields see, px

    @property
    def fields(self) -> int:
        """Fields of a well."""
        return self.field_rows * self.field_columns


def plan_plate(settings: PlateSettings, *, seed: int) -> PlateDesign:
    """Return the size of a plate and the treatment of each well, at random places.

    Parameters
    ----------
    settings : PlateSettings
    seed : int
        Of this plate: decides which well gets what, and how wells differ.

    Raises
    ------
    InputError
        If more wells are to be stained or empty than there are.
    """
    rows, columns = settings.rows or ROWS, settings.columns or COLUMNS
    side = max(1, round(FIELDS * settings.scale**0.25))
    across, down = settings.field_columns or side, settings.field_rows or side
    frames = settings.frames or max(_FEWEST_FRAMES, round(FRAMES * settings.scale**0.5))
    steps = [n * (1 - settings.overlap) for n in (settings.height, settings.width)]
    extent = settings.height + (down - 1) * steps[0], settings.width + (across - 1) * steps[1]
    by_density = settings.density * extent[0] * extent[1] / (np.pi / 4 * settings.diameter_px**2)
    cells = max(_FEWEST_CELLS, by_density) if settings.cells is None else settings.cells
    return PlateDesign(
        wells=_plan_wells(settings, rows, columns, seed),
        field_rows=down,
        field_columns=across,
        frames=frames,
        interval_h=settings.hours / frames,
        cells=float(cells),
        extent=extent,
    )


def _plan_wells(
    settings: PlateSettings, rows: int, columns: int, seed: int
) -> tuple[WellPlan, ...]:
    names = [name_well(r + 1, c + 1) for r in range(rows) for c in range(columns)]
    n = len(names)
    stained = (
        round(n * STAINED / (ROWS * COLUMNS)) if settings.stained is None else settings.stained
    )
    if max(stained, settings.empty_wells) > n:
        raise InputError(
            f"--stained {stained} and --empty-wells {settings.empty_wells} must not be more than "
            f"the {n} wells of {rows} rows and {columns} columns."
        )
    rng = np.random.default_rng([seed, 40])
    order = rng.permutation(n)
    frailty = np.exp(rng.normal(0, settings.frailty, n))
    empty = set(rng.permutation(n)[: settings.empty_wells].tolist())
    plans: dict[int, WellPlan] = {}
    for place, i in enumerate(order.tolist()):
        plan = _stained(place, stained) if place < stained else _other(place - stained, settings)
        plans[i] = WellPlan(
            **{
                **{k: getattr(plan, k) for k in plan.__slots__},
                "well": names[i],
                "frailty": float(frailty[i]),
                "is_empty": i in empty,
                "hazard_ratio": _hazard_ratio(plan, settings),
            }
        )
    return tuple(plans[i] for i in range(n))


def _stained(place: int, n: int) -> WellPlan:
    """Return a double-stained well: of 8, the first 5 train, 1 validates, 2 test."""
    test = max(1, round(n / 4)) if n > 1 else 0
    validation = max(1, round(n / 8)) if n > 2 else 0
    part = 2 if place >= n - test else 1 if place >= n - test - validation else 0
    return WellPlan(
        well="",
        treatment=BOTH,
        stains=STAINS,
        light=True,
        is_recorded=True,
        set=SETS[part],
    )


def _other(place: int, settings: PlateSettings) -> WellPlan:
    """Return what the next unstained well gets: controls first, then doses, then again."""
    controls = [
        WellPlan(well="", treatment=UNTREATED, control="negative"),
        WellPlan(well="", treatment=KILLED, control="positive"),
        WellPlan(well="", treatment=LIGHT, light=True),
        WellPlan(well="", treatment=DYE, stains=STAINS[1:]),
    ]
    doses = [
        WellPlan(well="", treatment=COMPOUND, dose=d) for d in sorted(settings.doses, reverse=True)
    ]
    # The published size gets: 3 untreated, 3 lit, 3 with dye, 2 killed, and each dose once.
    first = [*controls, *doses, controls[0], *controls[2:], controls[0], *controls[2:], controls[1]]
    return first[place % len(first)]


def _hazard_ratio(plan: WellPlan, settings: PlateSettings) -> float:
    if settings.preset == "null":
        return 1.0
    if plan.treatment == KILLED:
        return settings.killed_hazard_ratio
    if plan.dose:
        share = plan.dose**settings.hill / (settings.ec50**settings.hill + plan.dose**settings.hill)
        return float(settings.top_hazard_ratio**share)
    return 1.0


def cumulative_hazard(plan: WellPlan, settings: PlateSettings) -> tuple[FloatArray, FloatArray]:
    """Return times in hours, to ten times the length of the movie, and the hazard summed to each.

    Weibull, times the ratio of the treatment, the frailty of the well and, for dye with light,
    exp(b x share of the light that was shed so far).
    """
    hours = np.linspace(0, 10, 10 * _GRID + 1) * settings.hours
    share = hours / settings.hours
    base = -np.log(settings.untreated_survival) * share**settings.death_shape
    together = (
        settings.phototoxicity
        if plan.light and STAINS[1] in plan.stains and settings.preset != "null"
        else 0.0
    )
    growth = np.exp(together * np.minimum(share, 1.0))
    steps = np.diff(base) * (growth[1:] + growth[:-1]) / 2
    total = np.concatenate([[0.0], np.cumsum(steps)])
    return hours, total * plan.hazard_ratio * plan.frailty
