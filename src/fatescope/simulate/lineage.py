"""A schematic embryo as a lineage: true names, plausible clocks and places, known changes.

Not a model of *C. elegans*: cells divide after times typical of their founder and round,
daughters part along the axis that their names say, and everything is pressed into an egg. All
embryos follow one plan and differ by chance, as real ones do. It serves tests, `--quick` runs
and examples, where the truth must be known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Lineage, Spacing, Table
from fatescope.base.sulston import division_axis, founder_of
from fatescope.base.sulston_tree import daughters_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base import FloatArray

_CYCLES = {
    "AB": (16.0, 14.0, 17.0, 19.0, 26.0, 32.0, 41.0, 48.0, 60.0),
    "MS": (20.0, 24.0, 30.0, 36.0, 46.0, 56.0),
    "E": (22.0, 42.0, 48.0, 70.0),
    "C": (24.0, 28.0, 36.0, 46.0, 58.0),
    "D": (38.0, 42.0, 50.0, 60.0),
    "P4": (75.0,),
    "P0": (14.0,),
    "P1": (17.0,),
    "EMS": (17.0,),
    "P2": (19.0,),
    "P3": (24.0,),
}
"""Minutes between divisions, by founder and round."""
_EGG_UM = np.array([24.0, 14.0, 10.0])  # half axes: posterior, dorsal, left
_TILT = {"a/p": (1.0, 0.25, 0.25), "l/r": (0.2, 0.2, 1.0), "d/v": (0.2, 1.0, 0.2)}
_LEAN_UM = {
    "ABal": (-3.0, 0.0, 4.0),
    "ABar": (-3.0, 0.0, -4.0),
    "ABpl": (0.0, 3.0, 7.0),
    "ABpr": (0.0, 3.0, -7.0),
    "MS": (-4.0, -6.0, 0.0),
    "E": (2.0, -2.0, 0.0),
    "C": (6.0, 7.0, 0.0),
    "D": (8.0, -2.0, 0.0),
}
"""Where founders and the AB4 cells go beside their division: left, right, belly, back."""
_PLAN_SEED = 1983  # any would do; the year of Sulston's lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class LineagePlan:
    """What a rendered embryo is like; the defaults are a wild type recorded every 1.5 minutes.

    Parameters
    ----------
    minutes : float
        Length of the recording, from the two-cell stage.
    interval_min : float
    spacing_um : tuple of 3 floats
        z, y, x.
    cycle_spread, position_spread_um, pace_spread : float
        Chance differences between embryos: of single cycles and of the whole embryo's pace
        (as shares), and of each cell's place.
    slowed : mapping of str to float
        The cell named and its descendants live longer by this factor.
    moved_um : mapping of str to tuple of 3 floats
        They lie elsewhere by so much: posterior, dorsal, left.
    expressed : mapping of str to float
        Their reporter (column ``blot``) rises to this value.
    pose : int
        0 to 3: how the embryo lies, out of the four ways of a compressed egg.
    """

    minutes: float = 170.0
    interval_min: float = 1.5
    spacing_um: tuple[float, float, float] = (1.0, 0.09, 0.09)
    cycle_spread: float = 0.04
    position_spread_um: float = 1.0
    pace_spread: float = 0.05
    slowed: Mapping[str, float] = field(default_factory=dict)
    moved_um: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    expressed: Mapping[str, float] = field(default_factory=lambda: {"E": 4000.0})
    pose: int = 0


def simulate_lineage(plan: LineagePlan, *, seed: int) -> Lineage:
    """Render one embryo.

    Parameters
    ----------
    plan : LineagePlan
    seed : int
        The same seed and plan give the same embryo, to the last bit.

    Returns
    -------
    Lineage
        From AB and P1 on, with true names, links, and the extra columns ``blot`` and ``gweight``.
    """
    rng = np.random.default_rng(seed)
    pace = float(np.exp(rng.normal(0, plan.pace_spread)))
    columns: dict[str, list[float]] = {k: [] for k in ("frame", "p", "d", "l", "parent", "blot")}
    names: list[str] = []
    waiting = [("AB", 0.0, -1, _places()["AB"]), ("P1", 0.0, -1, _places()["P1"])]
    while waiting:
        name, birth, parent, came_from = waiting.pop()
        end = birth + pace * _cycle(name, plan, rng)
        home = _places()[name] + _shift(name, plan) + rng.normal(0, plan.position_spread_um, 3)
        first = round(birth / plan.interval_min)
        last = max(round(end / plan.interval_min), first + 1)
        for frame in range(first, min(last, int(plan.minutes / plan.interval_min))):
            age = (frame - first + 1) * plan.interval_min
            arrived = min(age / 5.0, 1.0)
            place = came_from + (home - came_from) * arrived + rng.normal(0, 0.25, 3)
            names.append(name)
            values = (frame, *place, parent, _reporter(name, age, plan, rng))
            for key, value in zip(columns, values, strict=True):
                columns[key].append(float(value))
            parent = len(names) - 1
        if last * plan.interval_min < plan.minutes and names and names[parent] == name:
            waiting += [(d, last * plan.interval_min, parent, home) for d in daughters_of(name)]
    return _lineage(columns, names, plan, rng)


def _cycle(name: str, plan: LineagePlan, rng: np.random.Generator) -> float:
    founder = founder_of(name)
    if name in ("Z2", "Z3") or not daughters_of(name):
        return 1e4
    rounds = _CYCLES[founder]
    length = rounds[min(len(name) - len(founder), len(rounds) - 1)]
    # Cells in front divide a little earlier, so that a round is a wave and not a step.
    wave = 1 + 0.06 * float(_places()[name][0]) / float(_EGG_UM[0])
    slow = float(np.prod([f for k, f in plan.slowed.items() if _below(name, k)] or [1.0]))
    return length * wave * slow * float(np.exp(rng.normal(0, plan.cycle_spread)))


def _below(name: str, ancestor: str) -> bool:
    """Tell whether a cell is ``ancestor`` or has its name and more letters (EMS is not of E)."""
    rest = name.removeprefix(ancestor)
    return name.startswith(ancestor) and (not rest or rest.islower())


def _shift(name: str, plan: LineagePlan) -> FloatArray:
    shifts = [np.array(s) for k, s in plan.moved_um.items() if _below(name, k)]
    return np.sum(shifts, axis=0) if shifts else np.zeros(3)


def _reporter(name: str, age: float, plan: LineagePlan, rng: np.random.Generator) -> float:
    level = sum(v for k, v in plan.expressed.items() if _below(name, k))
    rise = 1 - np.exp(-age / 20)
    return round(float(level * rise + rng.normal(0, 150)))


@cache
def _places() -> dict[str, FloatArray]:
    """Return where each cell of the plan lies (µm about the centre); the same for all embryos."""
    rng = np.random.default_rng(_PLAN_SEED)
    places = {"AB": np.array([-9.0, 0.0, 0.0]), "P1": np.array([9.0, 0.0, 0.0])}
    waiting = ["AB", "P1"]
    while waiting:
        mother = waiting.pop()
        axis = division_axis(mother)
        tilt = np.array(_TILT.get(axis, (1.0, 0.6, 0.1))) * np.where(rng.random(3) < 0.15, -1, 1)
        tilt[0 if axis in ("a/p", "founder") else 2 if axis == "l/r" else 1] = 1.0
        direction = tilt + rng.normal(0, 0.15, 3)
        direction /= np.linalg.norm(direction)
        # The letters a, l and d come first; anterior is negative, left and dorsal positive.
        sign = -1.0 if axis in ("a/p", "founder") else 1.0
        apart = 9.0 * 0.86 ** len(mother)
        for daughter, side in zip(daughters_of(mother), (1.0, -1.0), strict=False):
            raw = places[mother] + side * sign * direction * (apart + 2.0)
            raw = raw + rng.normal(0, 1.5, 3) + np.array(_LEAN_UM.get(daughter, (0.0, 0.0, 0.0)))
            places[daughter] = _into_egg(raw)
            waiting.append(daughter)
    return places


def _into_egg(place: FloatArray) -> FloatArray:
    radius = float(np.linalg.norm(place / _EGG_UM))
    return place if radius <= 1 else place / radius


def _lineage(
    columns: dict[str, list[float]], names: list[str], plan: LineagePlan, rng: np.random.Generator
) -> Lineage:
    body = np.stack([columns["p"], columns["d"], columns["l"]], axis=1)
    # The four poses of a compressed egg: turned about its optical axis, or turned over.
    turn = np.array([(1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, -1)][plan.pose % 4])
    zyx_um = (body * turn)[:, ::-1] + np.array([14.0, 20.0, 30.0])
    scaled = zyx_um / np.asarray(plan.spacing_um)
    scaled[:, 0] = np.round(scaled[:, 0], 1)
    scaled[:, 1:] = np.round(scaled[:, 1:])
    n = len(names)
    z, y, x = plan.spacing_um
    frame = np.array(columns["frame"], dtype=np.int64)
    in_frame = np.bincount(frame, minlength=1)[frame]
    return Lineage(
        frame=frame,
        position=scaled,
        parent=np.array(columns["parent"], dtype=np.int64),
        name=np.array(names, dtype=object),
        radius_px=np.round(60.0 / np.maximum(in_frame, 4) ** 0.25),
        spacing=Spacing.of(source="file", T=plan.interval_min, Z=z, Y=y, X=x),
        extra=Table(
            {
                "blot": np.array(columns["blot"]),
                "gweight": np.round(rng.normal(1e6, 1e5, n)),
            }
        ),
        metadata={"species": "simulated", "pose": plan.pose % 4},
    )
