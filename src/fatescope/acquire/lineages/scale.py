"""Spacing, interval and species that no table states: from the user, the file, or the embryo.

The cells of the AB16 generation live 24 minutes in embryos of the EPIC collection, whatever the
interval of the recording, so their life in frames gives the interval. A guess is marked as
``estimated`` (from this embryo) or ``assumed`` (from the usual recording) in the spacing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.images.scale import UM
from fatescope.acquire.lineages.result import ReadLineage
from fatescope.acquire.lineages.times import as_float
from fatescope.base.errors import InputError
from fatescope.base.spacing import Length, Spacing
from fatescope.base.table import Table
from fatescope.numeric import Tracks, complete_lives, tracks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.acquire.lineages.headers import Column
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray

EPIC_SPACING_UM = {"Z": 1.0, "Y": 0.09, "X": 0.09}
"""The recording of the EPIC collection (Bao et al. 2006; zpixres 11.1)."""
AB16_MIN = 24.0
"""Median life of an AB16 cell in minutes: 24 frames of 60 s, 16 of 90 s."""
DOUBLING_MIN = 29.8
"""Minutes in which the number of cells doubles, from 4 to 200 cells."""
BRIGGSAE_RATIO = 1.42
"""E2 cells live at least this many times as long as AB16 cells in C. elegans, less in briggsae."""
RADIUS_UM = "radius_um"
"""The column of radii in µm, until the size of a pixel is known."""
_BETWEEN_60_AND_90_S = AB16_MIN / 20.5
_SNAP = 0.12  # relative; between 1.12 and 1.32 minutes nothing is taken as usual; not measured


def with_scale(
    read: ReadLineage,
    *,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
) -> ReadLineage:
    """Complete spacing, interval, species and scope, each with its source.

    Raises
    ------
    InputError
        If ``spacing_um`` is not one to three positive numbers, or ``interval_min`` is not positive.
    """
    lineage = read.lineage
    if spacing_um is not None and not 1 <= len(spacing_um) <= 3:
        raise InputError(
            f"`spacing_um` of a lineage must be 1 to 3 numbers (x, or y, x, or z, y, x), got "
            f"{len(spacing_um)}. Give them in µm, for instance 1.0,0.09,0.09."
        )
    tracks = tracks_of(lineage)
    spacing = lineage.spacing
    guess = estimate_interval(lineage, tracks)
    if guess is not None and read.format == "epic":
        # These tables were recorded at 60 s or 90 s and embryos differ in pace by a fifth.
        guess = 1.0 if guess < _BETWEEN_60_AND_90_S else 1.5
    if "T" not in spacing.steps and guess is not None:
        spacing = spacing.replaced_by(Spacing({"T": Length(guess, "estimated")}))
    if read.format == "epic" and spacing.um("ZYX") is None:
        usual = Spacing.of(source="assumed", **EPIC_SPACING_UM)
        spacing = usual.replaced_by(spacing)
    stored = spacing
    spacing = spacing.replaced_by(Spacing.given(spacing_um, interval_min))
    if read.in_units:
        lineage = _in_pixels(lineage, stored, spacing)
    elif read.format == "ctc":
        lineage = _balls(lineage, spacing)
    metadata = {
        "species": guess_species(tracks),
        "scope": _scope(lineage, tracks),
        **lineage.metadata,
    }
    lineage = replace(lineage, spacing=spacing, metadata=metadata)
    return replace(read, lineage=with_radius(lineage))


def radius_of(
    size: np.ndarray | None, column: Column | None, n: int, *, in_unit: float | None
) -> tuple[FloatArray, FloatArray | None]:
    """Return the radius in pixels, and in µm where it stands in a physical unit beside pixels.

    Beside positions in the same unit, a pixel is one unit.
    """
    if size is None or column is None:
        return np.full(n, np.nan), None
    radius = as_float(size) / (1 if "radius" in column.key else 2)
    factor = UM.get(column.unit)
    if factor is None:
        return radius, None
    if in_unit is not None:
        return radius * (factor / in_unit), None
    return np.full(n, np.nan), radius * factor


def with_radius(lineage: Lineage) -> Lineage:
    """Return radii that stand in µm in pixels, as soon as the size of a pixel is known."""
    steps = lineage.spacing.um("X")
    if steps is None or RADIUS_UM not in lineage.extra:
        return lineage
    radius = np.asarray(lineage.extra[RADIUS_UM], dtype=np.float64) / steps[0]
    rest = {h: v for h, v in lineage.extra.columns.items() if h != RADIUS_UM}
    return replace(lineage, radius_px=np.round(radius, 9), extra=Table(rest))


def _in_pixels(lineage: Lineage, stored: Spacing, spacing: Spacing) -> Lineage:
    """Turn positions in the unit of the file into pixels of the spacing that the user gave."""
    one, other = stored.um("ZYX"), spacing.um("ZYX")
    if one is None or other is None or one == other:
        return lineage
    ratio = np.divide(one, other)
    position = np.round(lineage.position * ratio, 9)
    return replace(lineage, position=position, radius_px=np.round(lineage.radius_px * ratio[2], 9))


def _balls(lineage: Lineage, spacing: Spacing) -> Lineage:
    """Turn the radius of a ball (a disc, in one plane) of as many voxels into that of the ball."""
    flat = not lineage.position[:, 0].any()
    steps = spacing.um("YX" if flat else "ZYX")
    if steps is None:
        return lineage
    radius = lineage.radius_px * np.power(np.prod(steps), 1 / len(steps)) / steps[-1]
    return replace(
        lineage,
        radius_px=np.where(np.isclose(radius, lineage.radius_px), lineage.radius_px, radius),
    )


def median_life(lives: dict[str, int], *, founder: str, letters: int) -> float | None:
    """Return the median life of one generation, or ``None`` if fewer than two cells show it."""
    length = len(founder) + letters
    seen = [v for n, v in lives.items() if len(n) == length and n.startswith(founder)]
    return float(np.median(seen)) if len(seen) >= 2 else None


def estimate_interval(lineage: Lineage, tracks: Tracks) -> float | None:
    """Return the minutes between frames from the life of AB16 cells, else from cell counts.

    Values near the two usual intervals are taken as 1 and 1.5 minutes.
    """
    life = median_life(complete_lives(tracks), founder="AB", letters=4)
    minutes = AB16_MIN / life if life else _interval_from_counts(lineage)
    if minutes is None:
        return None
    usual = min((1.0, 1.5), key=lambda m: abs(np.log(minutes / m)))
    return usual if abs(minutes / usual - 1) <= _SNAP else round(minutes, 3)


def _interval_from_counts(lineage: Lineage) -> float | None:
    """Return the interval from the doubling of the count between 4 and 200 cells."""
    first = int(lineage.frame.min())
    counts = np.bincount(lineage.frame - first)
    growing = np.flatnonzero((counts >= 4) & (counts <= 200))
    if len(growing) < 10 or counts[growing].max() < 4 * counts[growing].min():
        return None
    slope = np.polyfit(growing, np.log2(counts[growing]), 1)[0]
    return float(DOUBLING_MIN * slope) if slope > 0.005 else None


def guess_species(tracks: Tracks) -> dict[str, object]:
    """Return the species by the lives of Ea and Ep against those of AB16 cells.

    The ratio is 1.48-1.89 in *C. elegans* and 1.28-1.34 in *C. briggsae*; it does not depend on
    the interval. The value is ``None`` where too few cells were seen whole.
    """
    lives = complete_lives(tracks)
    ab16 = median_life(lives, founder="AB", letters=4)
    e2 = [lives[n] for n in ("Ea", "Ep") if n in lives]
    if not e2 or ab16 is None:
        return {"value": None, "source": "estimated", "ratio": None}
    ratio = round(float(np.median(e2)) / ab16, 4)
    value = "C. briggsae" if ratio < BRIGGSAE_RATIO else "C. elegans"
    return {"value": value, "source": "estimated", "ratio": ratio}


def _scope(lineage: Lineage, tracks: Tracks) -> dict[str, object]:
    counts = np.bincount(lineage.frame - int(lineage.frame.min()))
    return {
        "first_frame": int(lineage.frame.min()),
        "last_frame": int(lineage.frame.max()),
        "cells": len(tracks),
        "most_at_once": int(counts.max()),
    }
