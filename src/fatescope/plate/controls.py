"""What controls say of a plate: Z', the edge, and whether light with the dye kills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.base.wells import parse_well
from fatescope.plate.hazard import fit_over_wells, relative_hazards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray
    from fatescope.plate.fates import WellFates

_FEWEST = 3
"""Wells in each of the four groups of dye and light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An effect with its 95 % interval over wells, and p; NaN where they cannot be estimated."""

    estimate: float
    low: float
    high: float
    p: float


def z_prime(positive: FloatArray, negative: FloatArray) -> float:
    """Return Z' of the values of control wells: above 0.5 the assay separates them well.

    NaN with fewer than two wells on a side, or where both have one mean.

    References
    ----------
    Zhang JH, Chung TD, Oldenburg KR (1999). J Biomol Screen 4:67-73.

    Examples
    --------
    >>> round(z_prime(np.array([0.0, 0.1]), np.array([0.9, 1.0])), 3)
    0.529
    """
    apart = abs(float(np.mean(positive)) - float(np.mean(negative))) if len(positive) else 0.0
    if min(len(positive), len(negative)) < 2 or apart == 0:
        return float("nan")
    spread = float(np.std(positive, ddof=1)) + float(np.std(negative, ddof=1))
    return 1 - 3 * spread / apart


def edge_effect(values: FloatArray, on_edge: NDArray[np.bool_], treatment: NDArray[Any]) -> Effect:
    """Return how wells at the edge of the plate differ from inner ones of the same treatment."""
    groups = np.unique(treatment)
    columns = [on_edge.astype(float), *((treatment == g).astype(float) for g in groups)]
    known = np.isfinite(values)
    found = fit_over_wells(np.column_stack(columns)[known], values[known])
    return Effect(**dict(zip(("estimate", "low", "high", "p"), found, strict=True)))


def phototoxicity(
    fates: WellFates, dye: NDArray[np.bool_], light: NDArray[np.bool_]
) -> dict[str, Effect]:
    """Return hazard ratios of dye and light alone, and of what they do together beyond both.

    Parameters
    ----------
    fates : WellFates
    dye, light : ndarray of bool, shape (w,)

    Returns
    -------
    dict of str to Effect
        ``dye``, ``light``, ``dye x light`` (above 1: together they kill more than each by itself
        would have it), as ratios of hazards with intervals over wells.

    Raises
    ------
    InputError
        If one of the four groups has fewer than three wells.
    """
    groups = {(d, g): int(((dye == d) & (light == g)).sum()) for d in (0, 1) for g in (0, 1)}
    if min(groups.values()) < _FEWEST:
        counts = ", ".join(f"dye {d} light {g}: {n}" for (d, g), n in groups.items())
        raise InputError(
            f"the control of phototoxicity needs {_FEWEST} wells of each of dye and light, with "
            f"and without; got {counts}."
        )
    logs = relative_hazards(fates)
    d, g = dye.astype(float), light.astype(float)
    plates = [(fates.plate == p).astype(float) for p in np.unique(fates.plate)]
    columns = {"dye": d, "light": g, "dye x light": d * g}
    found = {}
    for name in columns:
        others = [c for other, c in columns.items() if other != name]
        estimate, low, high, p = fit_over_wells(
            np.column_stack([columns[name], *others, *plates]), logs
        )
        ratio = [float(np.exp(v)) for v in (estimate, low, high)]
        found[name] = Effect(estimate=ratio[0], low=ratio[1], high=ratio[2], p=p)
    return found


_FORMATS = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))  # rows, columns


def well_places(wells: Sequence[str]) -> IntArray:
    """Return row and column of each well, both counted from 0; shape (w, 2)."""
    places = []
    for name in map(parse_well, wells):
        letters = name.rstrip("0123456789")
        row = 0
        for letter in letters:
            row = 26 * row + ord(letter) - ord("A") + 1
        places.append((row - 1, int(name[len(letters) :]) - 1))
    return np.array(places, dtype=np.int64).reshape(-1, 2)


def plate_shape(places: IntArray) -> tuple[int, int]:
    """Return rows and columns of the smallest common plate (6 to 1536 wells) that has the wells."""
    last = places.max(axis=0)
    return next(f for f in _FORMATS if last[0] < f[0] and last[1] < f[1])


def at_edge(wells: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which wells lie in the outermost rows and columns of their plate."""
    places = well_places(wells)
    last = np.array(plate_shape(places)) - 1
    return np.asarray(((places == 0) | (places == last)).any(axis=1))
