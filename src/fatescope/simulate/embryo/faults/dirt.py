"""Red dirt: a band along the edge, a straight line, an irregular shape or a square."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray
    from fatescope.simulate.embryo.faults.plan import Fault, Pixels, Render

_BAND, _STROKE_PX = (0.04, 0.12), (3.0, 7.0)
_SHAPE = (0.06, 0.13)
_RED = (250, 30, 20)


def line(render: Render, frame: int, fault: Fault) -> Pixels:
    """Draw a saturated red band along the edge with a curved border, or a straight line."""
    rng = fault.rng()
    pixels = render(frame)
    draw = _band if rng.random() < 0.6 else _stroke
    return _painted(pixels, draw(pixels.shape[:2], fault.strength, rng))


def patch(render: Render, frame: int, fault: Fault) -> Pixels:
    """Draw a saturated red shape on the embryo: irregular, or a square."""
    rng = fault.rng()
    pixels = render(frame)
    draw = _blot if rng.random() < 0.7 else _square
    return _painted(pixels, draw(pixels.shape[:2], fault.strength, rng))


def _painted(pixels: Pixels, where: BoolArray) -> Pixels:
    out = pixels.copy()
    out[where] = _RED
    return out


def _band(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    side = int(rng.integers(4))
    height, width = shape if side % 2 == 0 else shape[::-1]
    x = np.linspace(0, 1, width)
    depth = rng.uniform(*_BAND) * height * strength
    bow = 1 + 0.7 * np.sin(np.pi * (x * rng.uniform(0.6, 1.6) + rng.uniform(0, 1)))
    band = np.arange(height)[:, None] < (depth * bow)[None]
    return np.ascontiguousarray(np.rot90(band, side))


def _stroke(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    y, x = np.indices(shape)
    turn, through = rng.uniform(0, np.pi), rng.uniform(0.25, 0.75, 2) * shape
    away = (y - through[0]) * np.cos(turn) - (x - through[1]) * np.sin(turn)
    return np.asarray(np.abs(away) < rng.uniform(*_STROKE_PX) * strength / 2)


def _blot(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    y, x = np.indices(shape)
    middle = rng.uniform(0.35, 0.65, 2) * shape
    theta = np.arctan2(y - middle[0], x - middle[1])
    edge = rng.uniform(*_SHAPE) * shape[0] * strength * np.ones(shape)
    for k in (2, 3, 5, 7):
        edge *= 1 + rng.uniform(0.05, 0.25) * np.cos(k * theta + rng.uniform(0, 2 * np.pi))
    inside = np.hypot(y - middle[0], x - middle[1]) < edge
    return np.asarray(ndi.binary_opening(inside, iterations=1))


def _square(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    half = rng.uniform(*_SHAPE) * shape[0] * strength
    middle = rng.uniform(0.35, 0.65, 2) * shape
    y, x = np.indices(shape)
    return np.asarray((np.abs(y - middle[0]) < half) & (np.abs(x - middle[1]) < half))
