"""Differences of two models: a chart of intervals, and the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.evaluate import signed
from fatescope.pages.chart import Axis, Chart, Guide, Line, Points
from fatescope.pages.page import PageTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fatescope.evaluate import PairedDifference


def differences(
    rows: Sequence[tuple[str, PairedDifference]],
    names: tuple[str, str],
    *,
    first: str,
    counted: Mapping[str, Callable[[PairedDifference], int]],
    over: str = "units",
) -> tuple[Chart, PageTable]:
    """Return differences as a chart, rows with their intervals, and as a table.

    Parameters
    ----------
    rows : sequence of (str, PairedDifference)
    names : (str, str)
        Of old and new.
    first : str
        What the rows are.
    counted : mapping
        Columns of the table that say how much each was measured on.
    over : str
        What the intervals are drawn over.
    """
    old, new = names
    intervals = [
        Line(name="95 % interval", x=[d.low, d.high], y=[i, i], colour="#7fb3b5", width=9.0)
        for i, (_, d) in enumerate(rows)
        if d.low is not None and d.high is not None
    ]
    points = Points(
        name="difference",
        x=[d.difference for _, d in rows],
        y=range(len(rows)),
        colour="#182026",
        words=[d.outcome for _, d in rows],
        size_px=8.0,
    )
    chart = Chart(
        title=f"Difference by {first}",
        x=Axis(title=f"{new} less {old}"),
        y=Axis(title=first, labels=[name for name, _ in rows]),
        marks=(Guide(words="alike", axis="x", at=0.0), *intervals, points),
        caption=f"To the right {new} is better. Intervals over {over}.",
        height_px=40 * len(rows) + 20,
    )
    table = PageTable(
        columns=(first, *counted, old, new, "difference", "95 %", "outcome"),
        rows=[
            (
                name,
                *(str(n(d)) for n in counted.values()),
                *(f"{d.old:.3f}", f"{d.new:.3f}", signed(d.difference), d.span, d.outcome),
            )
            for name, d in rows
        ],
    )
    return chart, table
