"""Truth, old outlines and new outlines of one image, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fatescope.report.lineage.panel import figure, text
from fatescope.report.outlines import outline_paths
from fatescope.report.images import display_limits, jpeg_uri, shrink_mean, to_grey

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from fatescope.base import LabelImage

FOUND, WRONG, MISSED = "#56b4e9", "#d55e00", "#f0e442"
_SIDE, _GAP, _EDGE, _HEAD, _FOOT = 300, 12, 14, 52, 22
_MOST_PX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """The outlines of one panel: label images, which of their labels are drawn, and how."""

    words: str
    layers: Sequence[tuple[LabelImage, Collection[int], str]]  # labels, drawn ones, colour


def draw_versus(pixels: NDArray[Any], panels: Sequence[Outlines], *, title: str) -> str:
    """Draw one image once for each panel, with the outlines of the panel.

    Parameters
    ----------
    pixels : ndarray, shape (Y, X)
    panels : sequence of Outlines
        Their label images lie on the grid of ``pixels``.
    title : str

    Returns
    -------
    str
        One ``<svg>`` element with the image and the outlines inside.
    """
    step = max(1, -(-max(pixels.shape) // _MOST_PX))
    uri = jpeg_uri(
        to_grey(shrink_mean(pixels, step=step), limits=display_limits(pixels)), quality=80
    )
    height = _SIDE * pixels.shape[0] / pixels.shape[1]
    scale = _SIDE / pixels.shape[1] / 2  # paths count half pixels
    body = [text(_EDGE, 20, title, kind="t")]
    for i, panel in enumerate(panels):
        x = _EDGE + i * (_SIDE + _GAP)
        drawn = "".join(
            f'<path d="{path}" stroke="{colour}"/>'
            for labels, wanted, colour in panel.layers
            for label, path in outline_paths(labels).items()
            if label in wanted
        )
        body.append(
            f"{text(x, 42, panel.words)}"
            f'<image x="{x}" y="{_HEAD}" width="{_SIDE}" height="{height:.1f}" href="{uri}"/>'
            f'<g transform="translate({x} {_HEAD}) scale({scale:.5f})" fill="none" '
            f'stroke-width="{1.5 / scale:.2f}">{drawn}</g>'
        )
    width = 2 * _EDGE + len(panels) * _SIDE + (len(panels) - 1) * _GAP
    below = _HEAD + height + _FOOT - 6
    body.append(text(_EDGE, below, "blue: found   orange: wrong   yellow: missed", kind="s"))
    return figure("".join(body), width=width, height=below + _EDGE, title=title)
