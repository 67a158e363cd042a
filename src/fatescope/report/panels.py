"""Images side by side in rows, as one figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.panel import figure, text
from fatescope.report.images import display_limits, jpeg_uri, png_uri, to_grey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray

_SIDE, _GAP, _EDGE, _HEAD, _WORDS = 250, 14, 14, 30, 22
_ORANGE = (213, 94, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePanel:
    """One image and the words above it."""

    words: str
    uri: str
    shape: tuple[int, int]


def intensity_panel(words: str, pixels: NDArray[np.generic]) -> ImagePanel:
    """Return a panel of intensities (Y, X), contrast stretched."""
    grey = to_grey(pixels, limits=display_limits(pixels))
    return ImagePanel(words=words, uri=jpeg_uri(grey, quality=80), shape=grey.shape)


def foreground_panel(words: str, foreground: NDArray[np.bool_]) -> ImagePanel:
    """Return a panel of a foreground (Y, X), white on black."""
    shown = np.where(foreground, 255, 0).astype(np.uint8)
    return ImagePanel(words=words, uri=png_uri(shown), shape=shown.shape)


def probability_panel(words: str, probability: FloatArray, *, threshold: float) -> ImagePanel:
    """Return a panel of 0..1 in grey, with the edge of ``threshold`` in orange."""
    shown = np.repeat(to_grey(probability, limits=(0.0, 1.0))[..., None], 3, axis=2)
    shown[_edge(probability > threshold)] = _ORANGE
    return ImagePanel(words=words, uri=png_uri(shown), shape=probability.shape)


def draw_panels(rows: Sequence[Sequence[ImagePanel]], *, title: str) -> str:
    """Draw rows of panels of one width.

    Returns
    -------
    str
        One ``<svg>`` element with the images inside.
    """
    body, top = [text(_EDGE, 20, title, kind="t")], float(_HEAD)
    for row in rows:
        heights = [_SIDE * p.shape[0] / p.shape[1] for p in row]
        for i, (panel, height) in enumerate(zip(row, heights, strict=True)):
            x = _EDGE + i * (_SIDE + _GAP)
            body.append(text(x, top + 14, panel.words))
            body.append(
                f'<image x="{x}" y="{top + _WORDS:.1f}" width="{_SIDE}" height="{height:.1f}" '
                f'href="{panel.uri}"/>'
            )
        top += _WORDS + max(heights) + _GAP
    most = max(len(row) for row in rows)
    width = 2 * _EDGE + most * _SIDE + (most - 1) * _GAP
    return figure("".join(body), width=width, height=top, title=title)


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region that have a neighbour outside."""
    core = np.pad(inside, 1)
    core = core[:-2, 1:-1] & core[2:, 1:-1] & core[1:-1, :-2] & core[1:-1, 2:]
    return inside & ~core
