"""Nuclei, their states and the cell area to an image of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import watershed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import BoolArray, FloatArray, LabelImage
    from fatescope.plate.stain_thresholds import Limits

CLASS_NAMES = {
    "5": ("background", "cell", "outline", "nucleus with Hoechst", "nucleus with DRAQ7"),
    "3": ("background", "nucleus with Hoechst", "nucleus with DRAQ7"),
}
UNCERTAIN = 255
"""The class of pixels about which nobody can say more: a loss ignores them."""
LIVE, DOUBTFUL, DEAD = 0, 1, 2
_REACH = 2.2
"""Cells reach so many diameters of a nucleus from their nucleus; what lies farther is uncertain."""


def states_of(brightness: FloatArray, limits: Limits) -> NDArray[np.int8]:
    """Return `LIVE`, `DOUBTFUL` or `DEAD` for each nucleus."""
    return np.where(
        brightness >= limits.high, DEAD, np.where(brightness >= limits.low, DOUBTFUL, LIVE)
    ).astype(np.int8)


def divide_cells(nuclei: LabelImage, area: BoolArray, *, nucleus_px: float) -> LabelImage:
    """Return cells: the area divided between nuclei by a watershed of the distance from them.

    Parameters
    ----------
    nuclei : ndarray of int, shape (Y, X)
    area : ndarray of bool, shape (Y, X)
    nucleus_px : float
        Diameter of a nucleus; nothing farther than 2.2 of them belongs to a cell.
    """
    away = ndi.distance_transform_edt(nuclei == 0)
    inside = (area | (nuclei > 0)) & (away <= _REACH * nucleus_px)
    return np.asarray(watershed(away, nuclei, mask=inside), dtype=np.int32)


def paint_classes(
    nuclei: LabelImage,
    states: NDArray[np.int8],
    area: BoolArray,
    *,
    classes: str,
    nucleus_px: float,
) -> NDArray[np.uint8]:
    """Return the class of each pixel, shape (Y, X); 255 where it is uncertain.

    Parameters
    ----------
    nuclei : ndarray of int, shape (Y, X)
        1..n.
    states : ndarray, shape (n,)
    area : ndarray of bool, shape (Y, X)
        Where cells are.
    classes : str
        ``5`` or ``3``, see `CLASS_NAMES`.
    nucleus_px : float

    Notes
    -----
    Uncertain are nuclei between the limits, and cell area that no nucleus accounts for: a cell
    that took no dye, or dirt. Of two nuclei that touch, each keeps its own pixels: no class wins
    over another.
    """
    painted = np.zeros(nuclei.shape, dtype=np.uint8)
    state = np.concatenate([[LIVE], states])[nuclei]
    inside = nuclei > 0
    first = 3 if classes == "5" else 1
    if classes == "5":
        cells = divide_cells(nuclei, area, nucleus_px=nucleus_px)
        painted[cells > 0] = 1
        painted[_inner_edges(cells)] = 2
        painted[_unclaimed(area, cells)] = UNCERTAIN
    painted[inside & (state == LIVE)] = first
    painted[inside & (state == DEAD)] = first + 1
    painted[inside & (state == DOUBTFUL)] = UNCERTAIN
    return painted


def _unclaimed(area: BoolArray, cells: LabelImage) -> BoolArray:
    """Return cell area that belongs to no cell, beyond a rim."""
    left = area & (cells == 0)
    return np.asarray(left)


def _inner_edges(cells: LabelImage) -> BoolArray:
    """Return the pixels of cells that touch another cell or the background."""
    edge = np.zeros(cells.shape, dtype=np.bool_)
    edge[1:] |= cells[1:] != cells[:-1]
    edge[:-1] |= cells[1:] != cells[:-1]
    edge[:, 1:] |= cells[:, 1:] != cells[:, :-1]
    edge[:, :-1] |= cells[:, 1:] != cells[:, :-1]
    return edge & (cells > 0)
