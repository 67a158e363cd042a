"""Wells with doses to tables: the fit of each treatment or why there is none, and its curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError, Table, in_base_unit
from fatescope.plate.dose import fit_dose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fatescope.base import FloatArray

_FITTED = ("ec50", "low", "high", "slope", "top", "bottom")
_PLACES = 121  # of a curve that is drawn


def dose_tables(
    wells: Mapping[str, NDArray[Any]],
    *,
    treatment: NDArray[Any],
    dose: FloatArray,
    unit: NDArray[Any],
    control: NDArray[Any],
    response: FloatArray,
) -> dict[str, Table]:
    """Fit each treatment that has doses; its wells without the drug are the negative controls.

    Parameters
    ----------
    wells : mapping of str to ndarray, shape (w,)
        What names a well, such as ``plate`` and ``well``.
    treatment, unit, control : ndarray of str, shape (w,)
        Unit of the dose (several can be converted, if all are molar or all mass by volume);
        ``negative`` where a well is a negative control.
    dose : ndarray of float, shape (w,)
        NaN where the map says nothing.
    response : ndarray of float, shape (w,)
        Viability of a well, NaN where it has no cells.

    Returns
    -------
    dict of str to Table
        ``doses``: one row per treatment with two doses or more, ``treatment, ec50, low, high,
        slope, top, bottom, n_wells, dose_unit, refused``; where ``refused`` gives a reason, the
        numbers are empty. ``dose_wells``: its wells and those of the negative controls (dose 0).
        ``dose_curves``: the fitted response over the doses. All empty where nobody gave doses.
    """
    fits: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    negative = control == "negative"
    for name in dict.fromkeys(treatment[~negative].tolist()):
        mine = (treatment == name) & ~negative & np.isfinite(dose)
        given = np.flatnonzero(mine & (dose > 0))
        amounts, units = _in_one_unit(dose, unit, given)
        above = amounts[given]
        if len(np.unique(above)) < 2:
            continue
        used = np.flatnonzero(mine | negative)
        amount = np.where(negative, 0.0, amounts)[used]
        row: dict[str, Any] = {"treatment": name, **dict.fromkeys(_FITTED, np.nan)}
        row |= {"n_wells": int(np.isfinite(response[used]).sum())}
        row |= {"dose_unit": ", ".join(u for u in units if u), "refused": ""}
        try:
            if len(units) > 1:
                raise InputError(
                    f"its doses are given in {len(units)} units "
                    f"({', '.join(u or 'none' for u in units)}), so they cannot stand on one axis. "
                    "Give all in one unit in the map."
                )
            fit = fit_dose(amount, response[used])
        except InputError as error:
            row["refused"] = str(error)
        else:
            row |= {c: getattr(fit, c) for c in _FITTED}
            grid = np.geomspace(above.min(), above.max(), _PLACES)
            curves += [
                {"treatment": name, "dose": d, "viability": v}
                for d, v in zip(grid.tolist(), fit.at(grid).tolist(), strict=True)
            ]
        fits.append(row)
        points += [
            {"treatment": name, **{c: v[i] for c, v in wells.items()}}
            | {"control": control[i] or "", "dose": amount[k], "viability": response[i]}
            for k, i in enumerate(used.tolist())
        ]
    found = {"doses": fits, "dose_wells": points, "dose_curves": curves}
    return {n: Table.from_rows(r) if r else Table() for n, r in found.items()}


def _in_one_unit(
    dose: FloatArray, unit: NDArray[Any], wells: NDArray[np.int64]
) -> tuple[FloatArray, list[str]]:
    """Return the doses in the unit that most of some wells have, and all units if they differ.

    Doses are converted where all units are molar, or all are mass by volume.
    """
    written = [str(unit[i] or "") for i in wells]
    one = [in_base_unit(1.0, u) for u in written]
    if len({base for _, base in one}) > 1:
        return dose, sorted(set(written))
    usual = max(written, key=written.count, default="")
    amounts = dose.copy()
    for i, (factor, _) in zip(wells.tolist(), one, strict=True):
        ratio = factor / in_base_unit(1.0, usual)[0]
        amounts[i] = dose[i] if ratio == 1 else float(f"{dose[i] * ratio:.12g}")
    return amounts, [usual]
