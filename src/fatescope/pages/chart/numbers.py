"""The numbers of a chart as rows, so that nobody has to read them off with a ruler."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart.values import Band, Bars, Guide, HeatMap, Points, Rug, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.pages.chart.values import Axis, Chart, Mark

_FIELDS = ("name", "x", "y", "low", "high", "value", "words")
Row = dict[str, str | float]


def chart_rows(chart: Chart) -> tuple[dict[str, str], list[Row]]:
    """Return what stands in a chart, a row for each place of each mark.

    Returns
    -------
    header : dict of str
        For each field that is used (``name, x, y, low, high, value, words``) the words of its
        column: along x and y those of the axes, with unit.
    rows : list of dict
        Field to text or number, rounded to 7 digits; what a place does not have is missing.
    """
    rows = [row for mark in chart.marks for row in _rows(mark, chart)]
    used = {field for row in rows for field in row}
    words = {"name": "series", "x": chart.x.words, "y": chart.y.words, "words": "what"}
    if maps := [m for m in chart.marks if isinstance(m, HeatMap)]:
        words["value"] = f"{maps[0].name} ({maps[0].unit})" if maps[0].unit else maps[0].name
    return {f: words.get(f, f) for f in _FIELDS if f in used}, rows


def csv_text(chart: Chart) -> str:
    """Return the rows of `chart_rows` as CSV; unknown is empty."""
    header, rows = chart_rows(chart)
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(header.values())
    table.writerows([row.get(field, "") for field in header] for row in rows)
    return stream.getvalue()


def _rows(mark: Mark, chart: Chart) -> Iterator[Row]:
    if isinstance(mark, Guide):
        row: Row = {"name": mark.words, mark.axis: mark.at}
        yield row if mark.to is None else row | {"low": mark.at, "high": mark.to}
        return
    if isinstance(mark, HeatMap):
        for (row_at, column), value in np.ndenumerate(values_of(mark, "values")):
            x, y = _named(chart.x, column), _named(chart.y, row_at)
            yield {"name": mark.name, "x": x, "y": y} | _known(value=float(value))
        return
    fields = {"y": "height"} if isinstance(mark, Bars) else {"low": "low", "high": "high"}
    if isinstance(mark, Rug):
        fields = {}
    elif not isinstance(mark, Band | Bars):
        fields = {"y": "y"} | (fields if isinstance(mark, Points) else {})
    columns = {f: values_of(mark, n).tolist() for f, n in fields.items()}
    for i, x in enumerate(values_of(mark, "x").tolist()):
        row = {"name": mark.name, "x": _named(chart.x, x)}
        row |= _known(**{f: v[i] for f, v in columns.items() if v})
        if "y" in row:
            row["y"] = _named(chart.y, float(row["y"]))
        if isinstance(mark, Points) and mark.words:
            row["words"] = mark.words[i]
        yield row


def _named(axis: Axis, value: float) -> str | float:
    """Return the name of a place where the axis has names, else the number."""
    at = round(value) if math.isfinite(value) else -1
    if axis.labels and 0 <= at < len(axis.labels):
        return axis.labels[at]
    return _known(x=value).get("x", "")


def _known(**values: float) -> Row:
    """Return numbers with 7 digits, whole ones without a point, less those that are not finite."""
    return {
        f: int(v) if v == round(v) and abs(v) < 1e15 else float(f"{v:.7g}")
        for f, v in values.items()
        if math.isfinite(v)
    }
