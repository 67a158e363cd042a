"""What the counts of movies-2020 are to be held against: clocks without images, and our counts.

A clock knows when the embryo had eight cells, and how fast time goes; the number of cells is then
that of other recorded embryos at this minute. It never looks at a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Image, InputError, Table
from fatescope.lineage.growth.curves import FIRST_MIN, N_MINUTES, UNKNOWN
from fatescope.systems.populations.counts import shipped_growth
from fatescope.systems.populations.find import count_populations
from fatescope.systems.populations.reproduce.data import rendered_frames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.growth import GrowthCurves
    from fatescope.systems.populations.reproduce.data import LabelledMovie

BASELINES = "not a network on frames"
CLOCK, CLOCK_TEMPO, OURS = "clock from 8 cells", "clock, tempo from 50 cells", "predict populations"
_EIGHT, _FIFTY = 8, 50  # cells, see above
_LEAST_EMBRYOS = 3  # of which a median is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The frames of a movie that score.

    Parameters
    ----------
    movie : LabelledMovie
        Whole.
    rows : ndarray of int
        Its frames that score.
    path : Path or None
        Of a recorded movie; a rendered one is drawn again.
    """

    movie: LabelledMovie
    rows: IntArray
    path: Path | None


def clock_counts(
    total: FloatArray, curves: GrowthCurves, *, interval_min: float, tempo_cells: int | None
) -> FloatArray:
    """Return the number of cells in each frame that a clock says.

    Parameters
    ----------
    total : ndarray of float, shape (frames,)
        True numbers of cells, NaN where unknown. Only the first frame with eight cells, and that
        with ``tempo_cells``, are looked at.
    curves : GrowthCurves
        Of other embryos.
    interval_min : float
        Between frames.
    tempo_cells : int or None
        The tempo is such that this number is reached when it was; ``None``: that of a typical
        embryo.

    Returns
    -------
    ndarray of float, shape (frames,)
        NaN everywhere where the movie never has so many cells.
    """
    typical = typical_total(curves)
    frames, minutes = np.arange(len(total)), FIRST_MIN + np.arange(N_MINUTES)
    eight, start = _first(total, _EIGHT), minutes[_first(typical, _EIGHT)]
    if eight < 0:
        return np.full(len(total), np.nan)
    step = interval_min
    if tempo_cells is not None:
        then = _first(total, tempo_cells)
        if then <= eight:
            return np.full(len(total), np.nan)
        step = (minutes[_first(typical, tempo_cells)] - start) / (then - eight)
    return np.asarray(np.interp(start + step * (frames - eight), minutes, typical))


def typical_total(curves: GrowthCurves) -> FloatArray:
    """Return the median number of cells of embryos at each minute of the clock, never falling.

    After the last minute that three embryos know, it stays.
    """
    total = np.where(curves.total == UNKNOWN, np.nan, curves.total)
    known = np.isfinite(total).sum(axis=0) >= min(_LEAST_EMBRYOS, len(curves))
    median = np.zeros(N_MINUTES)
    median[known] = np.nanmedian(total[:, known], axis=0)
    return np.asarray(np.maximum.accumulate(median))


def our_counts(held: HeldOut, *, length: int, seed: int) -> FloatArray:
    """Return the totals that ``predict populations`` says of every frame; abstained from is 0."""
    movie: Any = held.path
    if movie is None:
        frames = np.stack(list(rendered_frames(held.movie.number, length=length, seed=seed)))
        movie = Image(
            pixels=frames.transpose(0, 3, 1, 2),
            axes="TCYX",
            channels=("red", "green", "blue"),
            name=held.movie.key,
        )
    counted = count_populations(movie).populations
    total = [c for c, g in zip(counted["count"], counted["founder"], strict=True) if g == "total"]
    return np.array([0.0 if c is None else float(c) for c in total])


def baseline_tables(held_out: Sequence[HeldOut], *, length: int, seed: int) -> dict[str, Table]:
    """Return rows of ``scores`` and ``counts`` for two clocks and for our own counts."""
    curves = shipped_growth()
    scores, counts = [], []
    for held in held_out:
        true = held.movie.true.sum(axis=1)
        minutes = held.movie.interval_min
        said = {
            CLOCK: clock_counts(true, curves, interval_min=minutes, tempo_cells=None),
            CLOCK_TEMPO: clock_counts(true, curves, interval_min=minutes, tempo_cells=_FIFTY),
            OURS: our_counts(held, length=length, seed=seed),
        }
        for arm, found in said.items():
            scores.append(_score(arm, held, found, true))
            n = len(held.rows)
            counts.append(
                Table(
                    {
                        "arm": np.full(n, arm, dtype=object),
                        "movie": np.full(n, held.movie.key, dtype=object),
                        "row": np.arange(n),
                        "true": true[held.rows],
                        "found": found[held.rows],
                    }
                )
            )
    if not scores:
        raise InputError("no movie is left to score the clock on. Give more --movies.")
    return {
        "scores": Table.from_rows(scores),
        "counts": Table.concatenate(counts),
    }


def _score(arm: str, held: HeldOut, found: FloatArray, true: FloatArray) -> dict[str, Any]:
    return {
        "arm": arm,
        "stage": "",
        "movie": held.movie.key,
        "recorded": int(held.movie.is_real),
        "frames": len(held.rows),
        "error_sum": float(np.abs(found - true)[held.rows].sum()),
        "trained_frames": 0,
        "training_loss": np.nan,
        "validation_loss": np.nan,
    }


def _first(total: FloatArray, cells: int) -> int:
    """Return the first frame with so many cells, or -1."""
    reached = np.flatnonzero(np.nan_to_num(total) >= cells)
    return int(reached[0]) if len(reached) else -1
