"""How large objects are: the column that says it, and its distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, histogram, number
from fatescope.pages.page import Section
from fatescope.pages.skeleton import text_section

if TYPE_CHECKING:
    from fatescope.base import FloatArray, Table

SIZE_UNITS = {"volume_um3": "µm³", "area_um2": "µm²", "volume_px": "voxels", "area_px": "px"}


def known_sizes(objects: Table) -> tuple[str, FloatArray]:
    """Return the size in micrometres where any is known, else in pixels, and its values.

    Of area and volume it is the one that is known of more objects. Pixels of images whose pixels
    differ are never pooled with a size in micrometres at hand.
    """
    for unit in ("_um", "_px"):
        known = {
            c: v[~np.isnan(v)]
            for c in SIZE_UNITS
            if c in objects and unit in c
            for v in (objects[c].astype(np.float64),)
        }
        column = max(known, key=lambda c: len(known[c]), default="")
        if column and len(known[column]):
            return column, known[column]
    return "", np.zeros(0)


def sizes_section(objects: Table, noun: str = "cell") -> Section:
    """Chart the sizes of objects, with their median and the range of most of them."""
    column, values = known_sizes(objects)
    if not column:
        return text_section("Sizes", f"No {noun} was found.")
    what, unit = column.split("_")[0], SIZE_UNITS[column]
    low, middle, high = (number(float(v)) for v in np.percentile(values, [5, 50, 95]))
    of_all = f" of {number(len(objects))}" if len(values) < len(objects) else ""
    chart = histogram(
        values,
        x=Axis(title=what, unit=unit),
        title=f"Distribution of {what}",
        what=f"{noun}s",
        caption=f"n = {number(len(values))}{of_all} {noun}s. Median {middle}, 5 to 95 % of them "
        f"between {low} and {high} {unit}.",
    )
    return Section(title="Sizes", blocks=(chart,))
