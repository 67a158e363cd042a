"""What surrounds an embryo in a section: resin, dirt, folds, scratches, plate and frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.simulate.optics import smooth_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.simulate.settings import SectionSettings

BLACK, WHITE = 0.06, 0.95  # of 0..1: dirt and print, the lightest resin; not measured
_SEGMENTS = (  # of a digit: row and column of both ends, in halves of its height and its width
    ((0, 0), (0, 2)),
    ((0, 0), (1, 0)),
    ((0, 2), (1, 2)),
    ((1, 0), (1, 2)),
    ((1, 0), (2, 0)),
    ((1, 2), (2, 2)),
    ((2, 0), (2, 2)),
)
_LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010")


def draw_resin(settings: SectionSettings, rng: np.random.Generator) -> FloatArray:
    """Return bright resin, shape (Y, X): uneven, at times with a lighter band, finely streaked."""
    shape = (settings.height, settings.width)
    image = rng.uniform(0.76, 0.92) + 0.05 * smooth_field(shape, rng, cells=3)
    if rng.random() < 0.7:
        across = _distance_from_line(shape, rng)
        width = rng.uniform(0.1, 0.3) * min(shape)
        edge = across + 0.08 * min(shape) * smooth_field(shape, rng, cells=2)
        image += 0.09 / (1 + np.exp(np.clip((np.abs(edge) - width) / 1.5, -50, 50)))
    streaks = ndi.gaussian_filter1d(rng.normal(0, 0.012, shape[1]), 0.7)
    image += streaks[None] + 0.012 * ndi.gaussian_filter(rng.normal(0, 2, shape), 0.8)
    return np.asarray(np.minimum(image, WHITE))


def soil(
    image: FloatArray,
    covered: NDArray[np.bool_],
    settings: SectionSettings,
    rng: np.random.Generator,
) -> None:
    """Put dirt, folds and scratches on an image, in place; least of it where there are cells."""
    shape = image.shape
    side = float(np.sqrt(shape[0] * shape[1]))
    for _ in range(rng.poisson(4 * settings.dirt)):
        _spatter(image, covered, rng, radius=rng.uniform(0.003, 0.008) * side)
    for _ in range(rng.poisson(1.2 * settings.dirt)):
        at = rng.uniform(0, shape)
        stamp(image, at, rng.uniform(0.008, 0.022) * side, BLACK, rng=rng, soft=1.0)
    for _ in range(rng.poisson(1.0 * settings.dirt)):
        across = np.abs(_distance_from_line(shape, rng))
        across += 0.02 * side * smooth_field(shape, rng, cells=5)
        there = across < rng.uniform(0.4, 1.6)
        image[there] += rng.uniform(-0.35, 0.2)
    if rng.random() < min(0.9, 0.25 * settings.dirt):
        across = _distance_from_line(shape, rng, corner=True)
        there = np.abs(across + 0.05 * side * smooth_field(shape, rng, cells=3)) < 0.03 * side
        image[there & ~covered] = BLACK


def _spatter(
    image: FloatArray, covered: NDArray[np.bool_], rng: np.random.Generator, *, radius: float
) -> None:
    """Put a group of specks somewhere on the resin."""
    centre = rng.uniform(0, image.shape)
    spread = rng.uniform(1.5, 8) * radius
    for _ in range(int(rng.integers(1, 22))):
        at = centre + rng.normal(0, spread, 2)
        inside = (at >= 0).all() and (at < image.shape).all()
        if inside and not covered[int(at[0]), int(at[1])]:
            stamp(image, at, radius * rng.uniform(0.3, 1.2), rng.uniform(0.1, 0.5), rng=rng)


def stamp(
    image: FloatArray,
    at: FloatArray,
    radius: float,
    value: float,
    *,
    rng: np.random.Generator,
    soft: float = 0.7,
) -> None:
    """Draw one irregular disc of a grey ``value`` at (y, x), in place."""
    reach = 1.5 * radius + 2
    low = np.maximum(np.floor(at - reach), 0).astype(int)
    high = np.minimum(np.ceil(at + reach) + 1, image.shape).astype(int)
    if (low >= high).any():
        return
    y = np.arange(low[0], high[0])[:, None] - at[0]
    x = np.arange(low[1], high[1])[None] - at[1]
    theta = np.arctan2(y, x)
    edge = radius * (1 + 0.18 * np.cos(2 * theta + rng.uniform(0, 6)))
    edge += radius * 0.12 * np.cos(3 * theta + rng.uniform(0, 6))
    share = np.clip((edge - np.hypot(y, x)) / soft + 0.5, 0, 1)
    where = image[low[0] : high[0], low[1] : high[1]]
    where += share * (value - where)


def _distance_from_line(
    shape: tuple[int, ...], rng: np.random.Generator, *, corner: bool = False
) -> FloatArray:
    """Return the signed distance (px) from a random line, which cuts off a corner if so wanted."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    turn = rng.uniform(0, 2 * np.pi)
    through = rng.uniform(0.15, 0.85, 2) * shape
    if corner:
        at = rng.integers(0, 2, 2)
        through = np.abs(at - rng.uniform(0.02, 0.15, 2)) * shape
        turn = np.arctan2(*(1 - 2 * at)) + rng.uniform(-0.4, 0.4)
    return np.asarray((y - through[0]) * np.sin(turn) + (x - through[1]) * np.cos(turn))


def draw_frame(image: FloatArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw the edge of the print: a white rim, a dark bar at a side, a plate with digits.

    The result: shape (Y, X): what is hidden by it.
    """
    height, width = image.shape
    hidden = np.zeros(image.shape, np.bool_)
    rims = rng.integers(0, max(2, int(0.03 * height)), 4)
    bar = max(2, round(rng.uniform(0.006, 0.02) * width))
    if rng.random() < 0.8:
        right = width - int(rims[3])
        down = int(rng.uniform(0, 0.4) * height)
        image[down:, right - bar : right] = BLACK
        hidden[down:, right - bar :] = True
    rim = np.ones_like(hidden)
    rim[rims[0] : height - rims[1], rims[2] : width - rims[3]] = False
    image[rim] = WHITE
    rows, columns = round(rng.uniform(0.06, 0.1) * height), round(rng.uniform(0.2, 0.36) * width)
    top = int(rims[0]) if rng.random() < 0.85 else height - rows - int(rims[1])
    left = width - columns - int(rims[3]) if rng.random() < 0.8 else int(rims[2])
    plate = image[top : top + rows, left : left + columns]
    plate[:] = BLACK
    hidden[top : top + rows, left : left + columns] = True
    tall = 0.45 * rows
    for place in range(int(rng.integers(4, 7))):
        at = np.array([0.28 * rows, (0.25 + 0.13 * place) * columns])
        draw_digit(plate, int(rng.integers(0, 8)), at, tall=tall, value=0.75, width=1.0)
    return hidden | rim


def draw_digit(
    image: FloatArray, digit: int, at: FloatArray, *, tall: float, value: float, width: float
) -> None:
    """Draw a digit of straight strokes with its upper left corner at (y, x), in place."""
    for lit, ends in zip(_LIT[digit], _SEGMENTS, strict=True):
        if lit == "1":
            a, b = (np.array(at) + np.array(e) * (tall / 2, tall / 4) for e in ends)
            draw_stroke(image, a, b, width=width, value=value)


def draw_stroke(
    image: FloatArray, a: FloatArray, b: FloatArray, *, width: float, value: float
) -> None:
    """Draw a straight stroke between two places (y, x), in place."""
    low = np.maximum(np.floor(np.minimum(a, b) - width - 1), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(a, b) + width + 2), image.shape).astype(int)
    if (low >= high).any():
        return
    y = np.arange(low[0], high[0])[:, None] - a[0]
    x = np.arange(low[1], high[1])[None] - a[1]
    along = b - a
    part = np.clip((y * along[0] + x * along[1]) / max(float(along @ along), 1e-9), 0, 1)
    away = np.hypot(y - part * along[0], x - part * along[1])
    share = np.clip(width / 2 - away + 0.5, 0, 1)
    where = image[low[0] : high[0], low[1] : high[1]]
    where += share * (value - where)
