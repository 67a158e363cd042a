"""How often sizes occur: bars, the single values below them, and their median."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.pages.chart.ticks import nice_step, number
from fatescope.pages.chart.values import Axis, Bars, Chart, Guide, Rug

if TYPE_CHECKING:
    from fatescope.base import FloatArray

_N_POINTS = 400  # room in a chart
_PALE = "#7fb3b5"


def histogram(values: FloatArray, *, x: Axis, title: str, what: str, caption: str = "") -> Chart:
    """Count values in bars of one width.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        All finite, one at least. Every value lies in a bar; nothing is cut off.
    x : Axis
    title : str
    what : str
        What is counted, such as ``"nuclei"``.
    caption : str

    Returns
    -------
    Chart
        Of more than 400 values every k-th in order of size is shown as a stroke, which keeps the
        shape.

    References
    ----------
    Freedman D, Diaconis P (1981). Z. Wahrscheinlichkeitstheorie 57, 453: the width of a bar, here
    between a 5th and a 48th of the range.
    """
    if not len(values) or not np.isfinite(values).all():
        raise InputError("a histogram needs one finite value at least, and no other.")
    edges = _edges(values)
    counts = np.histogram(values, edges)[0]
    ordered = np.sort(values)
    shown = ordered[:: -(-len(ordered) // _N_POINTS)]
    median = float(np.median(values))
    step = float(edges[1] - edges[0])
    return Chart(
        title=title,
        x=x,
        y=Axis(title=what),
        marks=(
            Bars(
                name="in each bar",
                x=edges[:-1] + step / 2,
                height=counts,
                width=step * 0.96,
                colour=_PALE,
            ),
            Rug(name="single values", x=shown, colour="#00666b"),
            Guide(words=f"median {number(median)}", axis="x", at=median),
        ),
        caption=caption,
    )


def _edges(values: FloatArray) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - max(abs(low) * 0.1, 0.5), high + max(abs(high) * 0.1, 0.5)
    quarter, three = np.percentile(values, [25, 75])
    width = 2 * (three - quarter) / len(values) ** (1 / 3)
    n = 12 if width <= 0 else int(np.clip((high - low) / width, 5, 48))
    step = nice_step((high - low) / n)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return np.arange(first, last + 1) * step
