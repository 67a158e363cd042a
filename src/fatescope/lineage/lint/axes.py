"""Daughters that were named the wrong way round, by the direction of their division."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import daughter_names
from fatescope.lineage.division_axes import AxisFit, DivisionAxes, division_axes, fit_axes

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.lineage.lint.settings import LintSettings
    from fatescope.numeric import Tracks


def axis_fit(lineage: Lineage, tracks: Tracks, reference: DivisionAxes) -> AxisFit | None:
    """Lay an embryo over the reference; ``None`` if it shares too few divisions."""
    return fit_axes(division_axes(lineage, tracks), reference)


def swapped_daughters(
    tracks: Tracks,
    fit: AxisFit,
    reference: DivisionAxes,
    *,
    file: str,
    settings: LintSettings,
    known: set[str],
) -> list[Finding]:
    """Report divisions whose axis points against the mean of other embryos.

    Parameters
    ----------
    tracks : Tracks
    fit : AxisFit
    reference : DivisionAxes
        What it was fitted to.
    file : str
    settings : LintSettings
    known : set of str
        Pairs ``first|second`` that are reported already.
    """
    by_name = tracks.by_name()
    found = []
    for mother, cosine in fit.cosine.items():
        first, second = daughter_names(mother)
        pair = f"{first}|{second}"
        life = min(int(tracks.n_rows[by_name[n]]) for n in (first, second))
        if cosine >= settings.swap_cosine or life < settings.swap_frames or pair in known:
            continue
        agree = float(np.linalg.norm(reference.mean[mother]))
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        found.append(
            Finding(
                file=file,
                rule="swap",
                frame=int(tracks.first[by_name[first]]),
                object=pair,
                value=round(cosine, 3),
                limit=settings.swap_cosine,
                severity="error",
                reason=(
                    f"{mother} divides at {angle:.0f}° to the mean axis of "
                    f"{reference.embryos[mother]} embryos, which agree to {agree:.2f}: {first} and "
                    f"{second} are probably swapped."
                ),
            )
        )
    return found


def misfit(fit: AxisFit, *, file: str, settings: LintSettings) -> list[Finding]:
    """Report an embryo whose divisions as a whole do not point as in the reference."""
    if fit.agreement >= settings.axis_agreement:
        return []
    return [
        Finding(
            file=file,
            rule="atypical",
            value=round(fit.agreement, 3),
            limit=settings.axis_agreement,
            severity="warning",
            reason=(
                f"the division axes agree with the reference to {fit.agreement:.2f} only (typical "
                "embryos 0.95 to 0.98): wrong names, wrong spacing, or an embryo unlike the others."
            ),
        )
    ]
