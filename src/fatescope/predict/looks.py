"""What is seen of an image at one size: diameters, how sure, how much stands out; a first guess."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.models.outputs import DISTANCE_MAPS
from fatescope.predict.classical import smoothed
from fatescope.predict.decoders.join import join_regions
from fatescope.predict.decoders.voting import agreement
from fatescope.predict.normalise import VALUE_BINS, count_values, first_bin, normalise
from fatescope.predict.plane import make_view
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import FULL, make_grid, one_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.predict.frames import Plane
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.plane import PlaneView
    from fatescope.predict.tiling import Network

SAMPLE_PX = 256
"""Side of what the network sees in each coarse look, in working pixels."""


_SAMPLED_PX = 2048  # side of the part of a large plane that is looked at
_GUESS_PX = 512  # and of the part that the guess by light sees; neither was measured


@dataclass(frozen=True)
class SamplePlane:
    """A plane of the image to estimate the size from: pixels in memory, and its network."""

    pixels: NDArray[Any]  # (Y, X), at most a few megapixels
    statistics: PlaneStatistics
    network: Network
    whole: Plane | None = None  # the plane itself, where it is all of the image and small

    @cached_property
    def threshold(self) -> float:
        """Above this normalised value a pixel is bright (Otsu's); whole numbers are counted first.

        All looks share it.
        """
        pixels = self.pixels
        if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize > 2:
            return VALUE_BINS.otsu(VALUE_BINS.count(normalise(pixels, self.statistics)))
        counts = count_values(pixels)
        at = np.flatnonzero(counts)
        values = (at - first_bin(pixels.dtype)).astype(pixels.dtype)
        return VALUE_BINS.otsu(VALUE_BINS.count(normalise(values, self.statistics), counts[at]))


def sample_pixels(plane: Plane, *, side: int = _SAMPLED_PX) -> NDArray[Any]:
    """Return a plane, or of a large one the part (of nine) with the most contrast."""
    sides = [min(n, side) for n in plane.shape]
    starts = [
        sorted({k * (n - s) // 2 for k in range(3)})
        for n, s in zip(plane.shape, sides, strict=True)
    ]
    spread = {}
    for y in starts[0]:
        for x in starts[1]:
            part = plane[y : y + sides[0], x : x + sides[1]][::8, ::8]
            spread[y, x] = float(np.nan_to_num(part.astype(np.float64)).std())
    y, x = max(spread, key=lambda at: spread[at])
    return plane[y : y + sides[0], x : x + sides[1]]


@dataclass(frozen=True, slots=True)
class NucleiLook:
    """What was seen at one scale, one number for each nucleus, on the working grid."""

    scale: float
    diameter: NDArray[np.float64]
    weight: NDArray[np.float64]  # how sure, 0..1
    contrast: NDArray[np.float64]  # to what is no nucleus, in parts of the image's own range
    bright: float  # area that objects could explain, in working pixels: above Otsu's threshold

    @property
    def n(self) -> int:
        """How many nuclei were seen."""
        return len(self.diameter)

    @property
    def typical(self) -> float:
        """Median diameter, in working pixels, each nucleus counted as much as it is sure."""
        return weighted_median(self.diameter, self.weight)

    @property
    def diameter_px(self) -> float:
        """The same on the input grid."""
        return self.typical / self.scale

    def merit(self, model: ModelDescription) -> float:
        """Return how much of the bright area sure nuclei of about the model's size explain."""
        if not self.n:
            return 0.0
        off = np.log2(self.diameter / model.image.diameter_px)
        fit = self.weight * np.exp(-0.5 * (off / 0.6) ** 2)
        area = np.pi / 4 * self.diameter**2
        return float((fit * area).sum() / max(self.bright, float(area.sum()), 1.0))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the value with half of the weight on each side."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(upto, upto[-1] / 2))])


def look_at(
    samples: Sequence[SamplePlane],
    model: ModelDescription,
    scale: float,
    stretch: tuple[float, float],
    *,
    side_px: int | None = SAMPLE_PX,
) -> NucleiLook:
    """Run the network on a field of each sample at one scale.

    Parameters
    ----------
    samples : sequence of SamplePlane
    model : ModelDescription
    scale : float
        Working pixels per input pixel.
    stretch : tuple of float
        Factors that make pixels square.
    side_px : int
        Side of the field, in working pixels; ``None`` for the whole plane, as the final pass
        sees it, which then finds the maps that were made here.
    """
    seen: list[NDArray[np.float64]] = [np.empty((3, 0))]
    bright = 0.0
    both = (scale * stretch[0], scale * stretch[1])
    for sample in samples:
        whole = sample.whole if side_px is None else None
        pixels = sample.pixels if whole else window(sample.pixels, both, side_px or SAMPLE_PX)
        values = normalise(pixels, sample.statistics)
        if model.image.polarity == "any":  # brightness does not say where objects could be
            bright += float(sample.pixels.size) * both[0] * both[1]
        else:
            bright += float((values > sample.threshold).sum()) * both[0] * both[1]
        if whole is None:
            view = _view_window(pixels, sample, model, both)
        else:
            grid = make_grid(whole.shape, both, model)
            view = whole.view = make_view(sample.network, whole, grid, sample.statistics)
        seen.append(_nuclei_of(view, model))
    diameter, weight, contrast = np.concatenate(seen, axis=1)
    return NucleiLook(scale, diameter, weight, contrast, bright)


def guess_diameter(samples: Sequence[SamplePlane], stretch: tuple[float, float]) -> float | None:
    """Return a first guess in input pixels, without the network: how deep bright areas are.

    Twice the radius of discs, from the distance of each bright pixel to the nearest dark one: over
    a disc, the mean square of that distance over its mean is half of the radius. Clusters count by
    their necks, specks hardly at all. A guess is never believed; it says where to look first.
    ``None`` where nothing is bright.

    Parameters
    ----------
    samples : sequence of SamplePlane
    stretch : tuple of float
        Factors that make pixels square.
    """
    import edt

    depth, square = 0.0, 0.0
    for sample in samples:
        values = smoothed(
            normalise(window(sample.pixels, stretch, _GUESS_PX), sample.statistics), times=2
        )
        bright = (values > sample.threshold).astype(np.uint8)
        distance = edt.edt(bright, anisotropy=stretch, black_border=False, parallel=1)
        depth += float(distance.sum(dtype=np.float64))
        square += float(np.square(distance, dtype=np.float64).sum())
    return 4 * square / depth if depth > 0 and np.isfinite(square) else None


def window(pixels: NDArray[Any], scale: tuple[float, float], side_px: int) -> NDArray[Any]:
    """Return the part of the sample, of ``side_px`` working pixels, with the most contrast."""
    side = [
        max(1, min(n, math.floor(side_px / s))) for n, s in zip(pixels.shape, scale, strict=True)
    ]
    starts = [
        sorted({round(k * (n - s) / 3) for k in range(4)})
        for n, s in zip(pixels.shape, side, strict=True)
    ]
    best, most = pixels[: side[0], : side[1]], -1.0
    for y in starts[0]:
        for x in starts[1]:
            part = pixels[y : y + side[0], x : x + side[1]]
            spread = float(np.nan_to_num(part[::4, ::4].astype(np.float64)).std())
            if spread > most * (1 + 1e-9):
                best, most = part, spread
    return best


def _view_window(
    pixels: NDArray[Any], sample: SamplePlane, model: ModelDescription, scale: tuple[float, float]
) -> PlaneView:
    """Run the network on a window as one tile."""
    lengths = [working_length(n, s) for n, s in zip(pixels.shape, scale, strict=True)]
    sizes = [_tile(n, d) for n, d in zip(lengths, model.image.tiling.divisor, strict=True)]
    grid = one_tile(pixels.shape, scale, sizes)
    return make_view(sample.network, pixels, grid, sample.statistics)


def _nuclei_of(view: PlaneView, model: ModelDescription) -> NDArray[np.float64]:
    """Return diameter (working pixels), confidence and contrast of the nuclei of a view."""
    tile, maps = view.tile, view.maps
    sums, provisional = view.regions(model.instances.thresholds, model.instances.channels)
    joined = join_regions(sums, model.instances.thresholds)
    labels = joined.label_of[provisional]
    flat = labels.reshape(-1)
    area = np.bincount(flat, minlength=joined.n + 1)
    values = tile[: labels.shape[0], : labels.shape[1]].reshape(-1)
    light = np.bincount(flat, weights=values, minlength=joined.n + 1) / np.maximum(area, 1)
    contrast = np.abs(light[1:] - light[0])
    cut = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    whole = np.ones(joined.n, np.bool_)
    whole[cut[cut > 0].astype(np.intp) - 1] = False
    if whole.sum() < 3:
        whole[:] = True
    sure = joined.score.astype(np.float64)
    if model.instances.channels == DISTANCE_MAPS:
        top = np.zeros(joined.n + 1, np.uint8)
        np.maximum.at(top, flat, maps[1].reshape(-1))
        sure *= top[1:] / FULL
    else:
        peak = np.zeros(joined.n + 1)
        np.maximum.at(peak, joined.label_of[1:], sums.peak[0])
        sure *= agreement(peak[1:], area[1:])
    return np.stack([np.sqrt(4 * area[1:] / np.pi), sure, contrast])[:, whole]


def _tile(length: int, divisor: int) -> int:
    """Return the side of a look's tile: few different ones, since each costs to prepare."""
    step = -(-64 // divisor) * divisor
    return -(-length // step) * step
