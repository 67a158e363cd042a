"""Tiles as PNG: grey values between two limits, colours of three channels, outlines of labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.report import colour_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.app.planes import Pyramid

TILE = 512
_ANY_LABELS = 6
"""Colours repeat after so many labels (`colour_of`)."""
_COLOURS = np.array(
    [[int(colour_of(n)[i : i + 2], 16) for i in (1, 3, 5)] for n in range(1, _ANY_LABELS + 1)],
    dtype=np.uint8,
)
Style = Literal["outlines", "filled"]


def n_levels(height: int, width: int) -> int:
    """Return how often a plane is halved until one pixel is left; the viewer counts from there."""
    return max(0, math.ceil(math.log2(max(height, width))))


def tile_slices(pyramid: Pyramid, level: int, x: int, y: int) -> tuple[int, slice, slice] | None:
    """Return how often the plane is halved at a level, and a tile's rows and columns there."""
    halvings = n_levels(pyramid.height, pyramid.width) - level
    if halvings < 0 or x < 0 or y < 0:
        return None
    height, width = (math.ceil(n / 2**halvings) for n in (pyramid.height, pyramid.width))
    if y * TILE >= height or x * TILE >= width:
        return None
    rows = slice(y * TILE, min((y + 1) * TILE, height))
    return halvings, rows, slice(x * TILE, min((x + 1) * TILE, width))


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
    return encode(parts[0] if len(parts) == 1 else np.stack(parts, axis=-1), level=0)


def _eight_bit(part: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    scale = 255.0 / max(high - low, 1e-12)
    shown = (part.astype(np.float32) - np.float32(low)) * np.float32(scale)
    grey: NDArray[np.uint8] = np.nan_to_num(np.clip(shown, 0, 255), nan=0.0).astype(np.uint8)
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
    edge = outlined(wide)[inside]
    labels = wide[inside].astype(np.int64)
    there = labels > 0
    pixels = np.zeros((*labels.shape, 4), dtype=np.uint8)
    pixels[..., :3] = _COLOURS[(labels - 1) % _ANY_LABELS]
    pixels[..., 3] = np.where(edge & there, 255, np.where(there & (style == "filled"), 90, 0))
    return encode(pixels, level=1)


def outlined(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels whose neighbour to the side, above or below has another label."""
    edge = np.zeros(labels.shape, dtype=bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def encode(pixels: NDArray[np.uint8], *, level: int) -> bytes:
    """Return pixels as PNG, packed lightly or not: the way to the browser is short."""
    import imagecodecs

    # Of a narrow tile of noise, the encoder itself expects fewer bytes than come.
    room = pixels.nbytes + pixels.nbytes // 8 + 16 * pixels.shape[0] + 65_536
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=level, out=room))
