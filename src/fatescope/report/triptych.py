"""Input, prediction and mask side by side, as one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.panel import figure, text
from fatescope.report.pictures import display_limits, jpeg_uri, png_uri, to_grey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray, LabelImage

_SIDE, _GAP, _EDGE, _HEAD = 250, 14, 14, 52


def draw_triptych(
    pixels: NDArray[np.generic],
    probability: FloatArray,
    labels: LabelImage,
    *,
    threshold: float,
    title: str,
) -> str:
    """Draw a picture, what a network says of it, and the truth.

    Parameters
    ----------
    pixels : ndarray, shape (Y, X)
    probability : ndarray of float, shape (Y, X)
        In 0..1; drawn in grey, with the edge of ``threshold`` in orange.
    labels : ndarray of int, shape (Y, X)
        Truth; 0 is background.
    threshold : float
    title : str

    Returns
    -------
    str
        One ``<svg>`` element with the pictures inside.
    """
    grey = to_grey(pixels, limits=display_limits(pixels))
    shown = np.repeat(to_grey(probability, limits=(0.0, 1.0))[..., None], 3, axis=2)
    shown[_edge(probability > threshold)] = (213, 94, 0)
    truth = np.where(labels > 0, 255, 0).astype(np.uint8)
    panels = (
        ("input", jpeg_uri(grey, quality=80)),
        (f"prediction, edge at {threshold:g}", png_uri(shown)),
        ("mask", png_uri(truth)),
    )
    height = _SIDE * pixels.shape[0] / pixels.shape[1]
    body = [text(_EDGE, 20, title, kind="t")]
    for i, (words, uri) in enumerate(panels):
        x = _EDGE + i * (_SIDE + _GAP)
        body.append(text(x, 42, words))
        body.append(
            f'<image x="{x}" y="{_HEAD}" width="{_SIDE}" height="{height:.1f}" href="{uri}"/>'
        )
    width = 2 * _EDGE + 3 * _SIDE + 2 * _GAP
    return figure("".join(body), width=width, height=_HEAD + height + _EDGE, title=title)


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region that have a neighbour outside."""
    core = np.pad(inside, 1)
    core = core[:-2, 1:-1] & core[2:, 1:-1] & core[1:-1, :-2] & core[1:-1, 2:]
    return inside & ~core
