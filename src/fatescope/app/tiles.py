"""Tiles as PNG: grey values between two limits, colours of three channels, outlines of labels."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.app.copies import rough_part
from fatescope.app.planes import WHOLE_PIXELS
from fatescope.app.png import encode_png
from fatescope.pages import colour_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.app.planes import Pyramid

_TILE = 512
_ANY_LABELS = 6
"""Colours repeat after so many labels (`colour_of`)."""
_COLOURS = np.array(
    [[int(colour_of(n)[i : i + 2], 16) for i in (1, 3, 5)] for n in range(1, _ANY_LABELS + 1)],
    dtype=np.uint8,
)
_COLOUR_OF_REST = np.array([_ANY_LABELS, *range(1, _ANY_LABELS)], dtype=np.uint8)
"""The colour of a label, from 1, by what is left of it when divided by their number."""
_PALETTE = np.vstack(
    [
        np.zeros((1, 4), np.uint8),
        *(np.column_stack([_COLOURS, np.full(_ANY_LABELS, a, np.uint8)]) for a in (255, 90)),
    ]
)
"""Red, green, blue and how opaque: nothing, outlines, veils."""
Style = Literal["outlines", "filled"]


def tile_side(height: int, width: int) -> int:
    """Return the side of a plane's tiles, in pixels.

    Of a plane that is held, a request costs more than its pixels: few large tiles. Of a larger
    one, tiles are read from the disk when they are looked at: small ones.
    """
    return _TILE if height * width > WHOLE_PIXELS else 2 * _TILE


def n_levels(height: int, width: int) -> int:
    """Return how often a plane is halved until one pixel is left; the viewer counts from there."""
    return max(0, math.ceil(math.log2(max(height, width))))


def tile_slices(pyramid: Pyramid, level: int, x: int, y: int) -> tuple[int, slice, slice] | None:
    """Return how often the plane is halved at a level, and a tile's rows and columns there."""
    halvings = n_levels(pyramid.height, pyramid.width) - level
    if halvings < 0 or x < 0 or y < 0:
        return None
    side = tile_side(pyramid.height, pyramid.width)
    height, width = (math.ceil(n / 2**halvings) for n in (pyramid.height, pyramid.width))
    if y * side >= height or x * side >= width:
        return None
    rows = slice(y * side, min((y + 1) * side, height))
    return halvings, rows, slice(x * side, min((x + 1) * side, width))


def grey_tile(
    planes: Sequence[Pyramid],
    limits: Sequence[tuple[float, float]],
    place: tuple[int, slice, slice],
) -> bytes:
    """Return one plane as grey, or three as red, green and blue; a limit becomes black or white."""
    parts = [
        _eight_bit(p.region(*place), low, high)
        for p, (low, high) in zip(planes, limits, strict=True)
    ]
    # Noise hardly packs (30 %), and packing takes three times as long as all else.
    return encode_png(parts[0] if len(parts) == 1 else np.stack(parts, axis=-1), level=0)


def rough_view(pyramid: Pyramid, low: float, high: float) -> dict[str, Any] | None:
    """Return a few pixels of a large plane as an address, and how long a part each stands for."""
    if pyramid.rough is None:
        return None
    png = encode_png(_eight_bit(pyramid.rough, low, high))
    return {"url": png_address(png), "part": rough_part(pyramid.height, pyramid.width)}


def png_address(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _eight_bit(part: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    shown = part.astype(np.float32)  # a copy, changed in place: half the time
    shown -= np.float32(low)
    shown *= np.float32(255.0 / max(high - low, 1e-12))
    np.clip(shown, 0, 255, out=shown)
    if part.dtype.kind == "f":
        np.nan_to_num(shown, copy=False, nan=0.0)
    grey: NDArray[np.uint8] = shown.astype(np.uint8)
    return grey


def label_tile(pyramid: Pyramid, place: tuple[int, slice, slice], style: Style) -> bytes:
    """Return labels in colours on nothing: their outlines, or filled with a veil."""
    halvings, rows, columns = place
    # One more pixel on each side, so that outlines go on across tiles.
    top, left = (1 if s.start else 0 for s in (rows, columns))
    wide = pyramid.region(
        halvings,
        slice(rows.start - top, rows.stop + 1),
        slice(columns.start - left, columns.stop + 1),
    )
    size = (rows.stop - rows.start, columns.stop - columns.start)
    inside = (slice(top, top + size[0]), slice(left, left + size[1]))
    labels = wide[inside]
    # 0 is nothing, then come the colours of outlines, then the same as a veil
    index = _COLOUR_OF_REST[(labels % labels.dtype.type(_ANY_LABELS)).astype(np.uint8)]
    shown = outlined(wide)[inside]
    if style == "filled":
        index[~shown] += _ANY_LABELS
        shown = np.ones(size, dtype=bool)
    index[(labels == 0) | ~shown] = 0
    return encode_png(index, palette=_PALETTE, level=1)


def outlined(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels whose neighbour to the side, above or below has another label."""
    edge = np.zeros(labels.shape, dtype=bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge
