"""A pad in a notebook on which cells are outlined by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.pages.images import display_limits, png_uri, to_grey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LARGEST_PX = 2048
_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
"""Okabe and Ito; the script of the pad has the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingPad:
    """An image to draw on, where a notebook shows a value; elsewhere the image and its outlines.

    The pad is a frame of its own that reaches nothing outside; what was drawn leaves it as text
    to be pasted into the next cell, or as a file.

    Parameters
    ----------
    image : str
        The image, brightened for display, as a data address.
    height, width : int
        Of the image in pixels.
    outlines : tuple
        Of each cell its corners ``(y, x)`` in pixels, centres at whole numbers.
    title : str
    """

    image: str
    height: int
    width: int
    outlines: tuple[tuple[tuple[float, float], ...], ...]
    title: str

    def _repr_html_(self) -> str:
        tall = int(min(900 * self.height / self.width, 700)) + 270
        return (
            f'<iframe title="{escape(self.title)}" width="100%" height="{tall}" style="border:0" '
            f'sandbox="allow-scripts allow-downloads" srcdoc="{escape(self.page())}"></iframe>'
        )

    def _repr_svg_(self) -> str:
        width, height = 480, 480 * self.height / self.width
        paths = "".join(
            f'<path d="M{"L".join(f"{x:g} {y:g}" for y, x in outline)}Z" '
            f'stroke="{_COLOURS[i % len(_COLOURS)]}"/>'
            for i, outline in enumerate(self.outlines)
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
            f'viewBox="-.5 -.5 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.title)}"><style>path{{fill:none;stroke-width:2px;'
            "vector-effect:non-scaling-stroke}</style>"
            f'<image href="{self.image}" x="-.5" y="-.5" width="{self.width}" '
            f'height="{self.height}"/>{paths}</svg>\n'
        )

    def page(self) -> str:
        """Return the pad as a page of its own, which needs nothing beside itself."""
        values = {
            "TITLE": escape(self.title),
            "IMAGE": self.image,
            "WIDTH": str(self.width),
            "HEIGHT": str(self.height),
            "OUTLINES": json.dumps(self.outlines),
        }
        text = _template()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text


def drawing_pad(
    image: NDArray[Any],
    outlines: Sequence[Sequence[tuple[float, float]]] = (),
    *,
    title: str = "Draw cells",
) -> DrawingPad:
    """Return a pad on which a notebook lets cells be outlined by hand.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Grey values of any range; at most 2048 pixels a side.
    outlines : sequence of sequences of (y, x), optional
        What is drawn already, to go on from; in pixels, centres at whole numbers.
    title : str

    Returns
    -------
    DrawingPad
        `fatescope.fill_outlines` makes labels of what it gives.

    Raises
    ------
    InputError
        If the image is no plane, or too large to draw on.

    Examples
    --------
    >>> import numpy as np
    >>> pad = drawing_pad(np.eye(8), [[(1, 1), (1, 5), (5, 1)]])
    >>> pad.height, len(pad.outlines)
    (8, 1)
    """
    plane = np.asarray(image)
    if plane.ndim != 2 or not plane.size:
        raise InputError(f"image: one plane (Y, X) can be drawn on; got shape {plane.shape}.")
    if max(plane.shape) > _LARGEST_PX:
        raise InputError(
            f"image: {plane.shape[0]} x {plane.shape[1]} pixels are too many to draw on in a "
            f"notebook. Give a part of at most {_LARGEST_PX} pixels a side."
        )
    return DrawingPad(
        image=png_uri(to_grey(plane, limits=display_limits(plane))),
        height=plane.shape[0],
        width=plane.shape[1],
        outlines=tuple(tuple((float(y), float(x)) for y, x in one) for one in outlines),
        title=title,
    )


@cache
def _template() -> str:
    return files("fatescope.pages.page").joinpath("assets", "pad.html").read_text("utf-8")
