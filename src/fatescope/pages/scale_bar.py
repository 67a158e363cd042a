"""The scale bar of an image, in its own units, so that print and zoom cannot change its meaning.

The page's script draws the same bar while you zoom; this one is for readers without it.
"""

from __future__ import annotations

import math

from fatescope.pages.chart import number


def scale_bar(width: float, height: float, *, um: float | None, step: int) -> str:
    """Return the bar as SVG, in the lower right corner of an image.

    Parameters
    ----------
    width, height : float
        Of the image, in its pixels.
    um : float or None
        µm per pixel of the image, or ``None`` where it is not known.
    step : int
        Pixels of the input per pixel of the image; the bar counts these without ``um``. 0: a
        figure, without a bar.
    """
    if not step:
        return ""
    unit = um or float(step)
    length = round_length(width / 5 * unit)
    drawn, margin, size = length / unit, width / 40, width / 36
    x, y = width - margin - drawn, height - margin
    text = f"{number(length)} {'µm' if um else 'px'}"
    return (
        f'<g class="scale"><rect x="{x:.2f}" y="{y - size / 4:.2f}" width="{drawn:.2f}" '
        f'height="{size / 4:.2f}"/><text x="{x + drawn / 2:.2f}" y="{y - size:.2f}" '
        f'font-size="{size:.2f}" stroke-width="{size / 5:.2f}">{text}</text></g>'
    )


def round_length(at_most: float) -> float:
    """Return the longest of 1, 2 or 5 times a power of ten that is not above ``at_most``."""
    power = 10.0 ** math.floor(math.log10(at_most))
    return next(m * power for m in (5, 2, 1) if m * power <= at_most)
