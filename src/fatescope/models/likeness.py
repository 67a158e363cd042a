"""How unlike its training images an image is: one number from many traits of its look.

`models.guard` compares numbers one by one, so that a reason can be said; images of another kind may
lie within each of its ranges. Here traits are weighed together, as they tell the model's own images
from images of other kinds (``benchmarks/unlike_training.py``; decision record 0350).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import ModelError
from fatescope.base.settings import Settings, setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE_PX = 256
"""Traits are those of the middle of an image, at most so wide and high."""

_OCTAVES, _LEAST_PX = 5, 32
_LOW, _HIGH = -0.2, 1.5
_QUANTILES = (5, 25, 50, 75, 95)
_FARTHEST = 6.0
"""A trait that is farther from its centre, in spreads, counts as this far."""


class Trait(Settings):
    """What a trait is in training images, and how it counts."""

    centre: float = setting(..., "median of the training images")
    spread: float = setting(..., "their standard deviation", gt=0)
    linear: float = setting(..., "weight of the distance from the centre, in spreads")
    square: float = setting(..., "weight of the square of that distance")
    low: float | None = setting(None, "less than this is far below every training image")
    high: float | None = setting(None, "more than this is far above every training image")


class Share(Settings):
    """So many of so many images, with a 95 % interval over their units, or kinds."""

    n: int = setting(..., "images that were looked at", ge=1)
    share: float = setting(..., "of them, those that were called unlike", ge=0, le=1)
    low: float = setting(..., "lower end of the interval", ge=0, le=1)
    high: float = setting(..., "upper end of the interval", ge=0, le=1)


class Likeness(Settings):
    """Weights of the traits, the limit of their sum, and how often it is right."""

    traits: dict[str, Trait] = setting(..., "of `measure_traits`, by name")
    offset: float = setting(..., "what is added to the sum over traits")
    limit: float = setting(..., "an image with more is unlike the training images")
    own: Share = setting(..., "flagged of held-out images of the model's own kind: false alarms")
    foreign: Share = setting(..., "flagged of other kinds, each kind left out of the fit once")
    kinds: int = setting(..., "other kinds of images", ge=1)
    empty: int = setting(0, "more images of other kinds: they get no objects at all", ge=0)

    def score(self, traits: dict[str, float]) -> float:
        """Return how unlike the training images an image with these traits is."""
        if unknown := sorted(set(self.traits) - set(traits)):
            raise ModelError(f"the package weighs {', '.join(unknown)}. Update fatescope.")
        total = self.offset
        for name, trait in self.traits.items():
            away = (traits[name] - trait.centre) / trait.spread
            away = min(max(away, -_FARTHEST), _FARTHEST)
            total += away * (trait.linear + trait.square * away)
        return total

    def beyond(self, traits: dict[str, float]) -> list[str]:
        """Return the traits that lie far outside of those of all training images."""
        return [
            name
            for name, trait in self.traits.items()
            if (trait.low is not None and traits[name] < trait.low)
            or (trait.high is not None and traits[name] > trait.high)
        ]

    @property
    def rates(self) -> str:
        """How often it is right, in short."""
        return (
            f"This check flags {self.own.share:.1%} of images of the model's own kind, and "
            f"{self.foreign.share:.0%} of images of {self.kinds} other kinds."
        )

    @property
    def record(self) -> str:
        """How often it is right, with intervals, as the card says it."""
        own, foreign = self.own, self.foreign
        return (
            f"The check of the image flags {own.share:.1%} of {own.n} held-out images of the "
            f"model's own kind (95 %: {own.low:.1%} to {own.high:.1%}), and {foreign.share:.0%} of "
            f"{foreign.n} images of {self.kinds} other kinds ({foreign.low:.0%} to "
            f"{foreign.high:.0%}), each kind left out when its weights were fitted."
            + (f" {self.empty} more of them get no objects at all." if self.empty else "")
        )


def measure_traits(tile: NDArray[np.float32]) -> dict[str, float]:
    """Measure what `Likeness.score` weighs.

    Parameters
    ----------
    tile : ndarray of float32, shape (Y, X)
        Normalised, on the working grid.

    Returns
    -------
    dict of str to float
        Where values lie, how they lean, and of structure of 1 to 16 px: its share of the variance,
        whether its bright or dark side is rare, how heavy its tails are; of the fine ones whether
        bright places have more of it, and whether it makes lines. Empty for a flat image or one of
        less than 32 pixels a side.
    """
    y, x = (max(0, (n - SIDE_PX) // 2) for n in tile.shape)
    middle = tile[y : y + SIDE_PX, x : x + SIDE_PX]
    values = np.clip(middle.astype(np.float64), _LOW, _HIGH)
    spread = float(values.std())
    if min(values.shape) < _LEAST_PX or spread < 1e-6:
        return {}
    traits = {"lean": math.asinh(_moment(values, 3)), "spread": math.log(spread)}
    level, energy = values, []
    for octave in range(_OCTAVES):
        smooth = smooth_once(smooth_once(level))
        if not octave:
            quantiles = np.percentile(smooth, _QUANTILES).tolist()
            traits |= {f"q{q}": v for q, v in zip(_QUANTILES, quantiles, strict=True)}
        band, px = level - smooth, 2**octave
        energy.append(float(np.square(band).mean()))
        traits[f"lean_{px}px"] = math.asinh(_moment(band, 3))
        traits[f"tail_{px}px"] = math.log(max(_moment(band, 4), 1e-3))
        if octave < 3:
            traits[f"bright_{px}px"] = _bright_detail(band, smooth)
        if octave in (1, 2):
            traits[f"lines_{px}px"], traits[f"one_way_{px}px"] = _directions(smooth)
        level = smooth[::2, ::2]
    total = max(sum(energy), 1e-12)
    shares = {f"share_{2**k}px": math.log(e / total + 1e-3) for k, e in enumerate(energy)}
    return traits | shares


def measure_grain(plane: NDArray[np.float32]) -> dict[str, float]:
    """Measure what `Likeness.score` weighs of an image as it was taken.

    Parameters
    ----------
    plane : ndarray of float32, shape (Y, X)
        Normalised, on the image's own grid.

    Returns
    -------
    dict of str to float
        Of structure of 1 to 16 px its share of the variance and how heavy its tails are, how steep
        edges are, and whether steps come at every second, third, fourth or eighth pixel, as of
        blocks. Focus and compression are lost on the working grid. Empty as `measure_traits`.
    """
    y, x = (max(0, (n - SIDE_PX) // 2) for n in plane.shape)
    middle = plane[y : y + SIDE_PX, x : x + SIDE_PX]
    values = np.clip(middle.astype(np.float64), _LOW, _HIGH)
    if min(values.shape) < _LEAST_PX or float(values.std()) < 1e-6:
        return {}
    traits, energy, level = {}, [], values
    for octave in range(_OCTAVES):
        smooth = smooth_once(smooth_once(level))
        energy.append(float(np.square(level - smooth).mean()))
        traits[f"grain_tail_{2**octave}px"] = math.log(max(_moment(level - smooth, 4), 1e-3))
        level = smooth[::2, ::2]
    total = max(sum(energy), 1e-12)
    traits |= {f"grain_share_{2**k}px": math.log(e / total + 1e-4) for k, e in enumerate(energy)}
    slope = np.hypot(*np.gradient(smooth_once(values)))
    traits["grain_edge"] = math.log(float(np.percentile(slope, 99)) + 1e-3)
    traits["grain_blocks"] = math.log(max(_steps(values, axis) for axis in (0, 1)))
    return traits


def _steps(values: NDArray[np.float64], axis: int) -> float:
    """Return how much larger steps are at one of every 2, 3, 4 or 8 pixels than at most; 1 if not.

    Where an image was enlarged without smoothing, or compressed in blocks, steps come in beats.
    """
    steps = np.abs(np.diff(values, axis=axis)).mean(axis=1 - axis)
    beats = [[float(steps[first::k].mean()) for first in range(k)] for k in (2, 3, 4, 8)]
    return max(1.0, *(max(b) / (sum(b) / len(b) + 1e-6) for b in beats))


def _moment(values: NDArray[np.float64], power: int) -> float:
    """Return a standardised moment; 0 of values that do not differ."""
    away = values - values.mean()
    spread = float(away.std())
    return float((away**power).mean()) / spread**power if spread > 1e-9 else 0.0


def _bright_detail(band: NDArray[np.float64], smooth: NDArray[np.float64]) -> float:
    """Return how much more detail the brighter half has than the darker, as a logarithm."""
    bright = smooth > np.median(smooth)
    size = np.abs(band)
    halves = (float(size[at].mean()) if at.any() else 0.0 for at in (bright, ~bright))
    above, below = (math.log(half + 1e-4) for half in halves)
    return above - below


def _directions(smooth: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far edges have one direction nearby, and all over the image; 0 to 1."""
    down = smooth[2:, 1:-1] - smooth[:-2, 1:-1]
    across = smooth[1:-1, 2:] - smooth[1:-1, :-2]
    products = across * across, down * down, across * down
    xx, yy, xy = (smooth_once(smooth_once(p)) for p in products)
    nearby = float(np.hypot(xx - yy, 2 * xy).sum()) / max(float((xx + yy).sum()), 1e-12)
    mean_xx, mean_yy, mean_xy = (float(p.mean()) for p in products)
    all_over = math.hypot(mean_xx - mean_yy, 2 * mean_xy) / max(mean_xx + mean_yy, 1e-12)
    return nearby, all_over


def smooth_once(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth by (1, 2, 1) / 4 along both axes; the edge is repeated."""
    down = 2 * values
    down[1:] += values[:-1]
    down[:-1] += values[1:]
    down[0] += values[0]
    down[-1] += values[-1]
    both = 2 * down
    both[:, 1:] += down[:, :-1]
    both[:, :-1] += down[:, 1:]
    both[:, 0] += down[:, 0]
    both[:, -1] += down[:, -1]
    both *= 0.0625
    return both
