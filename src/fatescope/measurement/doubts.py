"""Objects that a person should look at first, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.measurement.settings import DoubtSettings

_ENOUGH = 32
"""So many objects tell what is usual at their time; a stage of a small embryo lasts some frames."""

_DIVIDING = 0.25
"""Least spread of the logarithm of volumes: daughters have half of what their mother had, so that
twice or half of the median is usual in an embryo (record 0396)."""


def doubtful_objects(table: Table, settings: DoubtSettings, *, channel: str | None = None) -> Table:
    """Rank the objects that are unlike the others of their table, with reasons.

    Parameters
    ----------
    table : Table
        From `measure_objects`; a column ``score`` (0 to 1) is used where there is one.
    settings : DoubtSettings
        Limits.
    channel : str, optional
        Channel whose mean is checked; none if left out.

    Returns
    -------
    Table
        ``row`` (of ``table``), ``label, frame, doubt`` (1 at the limit, more is worse) and
        ``reason``, the most doubtful first; objects without a doubt are left out. An object cut
        by the border is not called small.

    Notes
    -----
    Deviations are robust: from the median, in units of 1.4826 times the median absolute
    deviation. They are not checked for fewer than eight objects. In a movie the median is that of
    the frames around: nuclei of a cleaving embryo shrink, and dyes bleach.
    """
    kinds = _size_doubts(table, settings) + _fill_doubts(table, settings)
    if "score" in table:
        score = table["score"].astype(np.float64)
        excess = (1 - score) / max(1e-9, 1 - settings.min_score)
        kinds.append((excess, [f"the model is unsure (score {s:.2f})" for s in score]))
    if channel is not None:
        mean = table[f"mean_{channel}"].astype(np.float64)
        least = max(1e-9, 0.05 * abs(float(np.nanmedian(mean))))
        deviation = -_robust(mean - _usual(mean, table["frame"]), least=least)
        texts = [f"dim in channel {channel}: {d:.1f} robust deviations" for d in deviation]
        kinds.append((deviation / settings.dim_deviation, texts))
    amounts = np.stack([np.nan_to_num(amount) for amount, _ in kinds])
    doubt = amounts.max(axis=0, initial=0.0)
    rows = np.flatnonzero(doubt > 1)
    rows = rows[np.argsort(-doubt[rows], kind="stable")]
    reasons = [
        "; ".join(kinds[k][1][row] for k in np.argsort(-amounts[:, row]) if amounts[k, row] > 1)
        for row in rows
    ]
    return Table(
        {
            "row": rows,
            "label": table["label"][rows],
            "frame": table["frame"][rows],
            "doubt": doubt[rows],
            "reason": np.array(reasons, dtype=object),
        }
    )


def _size_doubts(table: Table, settings: DoubtSettings) -> list[tuple[FloatArray, list[str]]]:
    flat = "area_px" in table
    size = table["area_px" if flat else "volume_px"].astype(np.float64)
    away = np.log(size) - _usual(np.log(size), table["frame"])
    deviation = _robust(away, least=0.05 if flat else _DIVIDING)
    cut = table["touches_border"].astype(bool)
    small = np.where(cut, 0.0, -deviation)
    usual = "the median size" + (" at that time" if len(np.unique(table["frame"])) > 1 else "")
    return [
        (deviation / settings.size_deviation, [f"{np.exp(a):.1f} times {usual}" for a in away]),
        (small / settings.size_deviation, [f"only {np.exp(a):.2f} of {usual}" for a in away]),
    ]


def _fill_doubts(table: Table, settings: DoubtSettings) -> list[tuple[FloatArray, list[str]]]:
    fill = table["ellipse_fill"].astype(np.float64)
    flat = "area_px" in table
    limit = 1 - (settings.min_ellipse_fill if flat else settings.min_ellipsoid_fill)
    body = "ellipse" if flat else "ellipsoid"
    texts = [f"waisted or ragged: fills {f:.2f} of its {body}" for f in fill]
    cut = table["touches_border"].astype(bool)
    return [(np.where(cut, 0.0, (1 - fill) / max(1e-9, limit)), texts)]


def _usual(values: FloatArray, frame: IntArray) -> FloatArray:
    """Return for each object the median of its frame and of those around, `_ENOUGH` objects."""
    order = np.argsort(frame, kind="stable")
    at = frame[order]
    usual = np.empty(len(values))
    for t in np.unique(at):
        near = 0
        while True:
            first, stop = np.searchsorted(at, (t - near, t + near + 1))
            if stop - first >= min(_ENOUGH, len(at)):
                break
            near = 2 * near + 1
        around = values[order[first:stop]]
        known = around[np.isfinite(around)]
        usual[frame == t] = np.median(known) if len(known) else np.nan
    return usual


def _robust(values: FloatArray, *, least: float) -> FloatArray:
    """Return deviations from the median in units of the spread (``least`` or more)."""
    if len(values) < 8:
        return np.zeros(len(values))
    centre = np.nanmedian(values)
    spread = 1.4826 * float(np.nanmedian(np.abs(values - centre)))
    return np.asarray((values - centre) / max(spread, least))
