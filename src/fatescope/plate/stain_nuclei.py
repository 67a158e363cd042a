"""Nuclei in stained images: where they are, and how bright they are over what is around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.segmentation import expand_labels, watershed

from fatescope.numeric.histogram import Bins
from fatescope.plate.stain_thresholds import (
    local_background,
    noise_of,
    published_threshold,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import BoolArray, FloatArray, IntArray, LabelImage

_SEEN = 6.0
"""A nucleus is seen if its middle, smoothed, stands out by so many standard deviations."""
_EDGE = 0.45
"""Its outline is where its light has fallen to this share of its middle."""
_FIRST_GUESS = 12.0
_LEAST_AREA = 0.2
"""Of the area of a typical nucleus."""
_ON_ANOTHER = 0.25
"""A nucleus of the dead stain with more than this share on one of the other stain is that one."""
_RING = (2, 6)
"""What is around a nucleus begins and ends so many pixels from its outline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StainedNuclei:
    """The nuclei of one image."""

    labels: LabelImage  # (Y, X) 0 is background, 1..n
    y: FloatArray  # (n,)
    x: FloatArray  # (n,)
    area: IntArray  # (n,) px
    hoechst: FloatArray  # (n,) counts over what is around
    dead: FloatArray  # (n,) counts over what is around, in the channel of the dead
    floor: float  # what noise alone reaches in the channel of the dead

    def __len__(self) -> int:
        return len(self.area)


def find_stained_nuclei(
    nuclei: NDArray[Any], dead: NDArray[Any], *, diameter_px: float
) -> StainedNuclei:
    """Find nuclei in either stain, and measure both.

    Parameters
    ----------
    nuclei, dead : ndarray, shape (Y, X)
        Counts in the channels of all nuclei and of dead ones; a dead nucleus may have lost the
        first stain.
    diameter_px : float
        Of a typical nucleus.
    """
    stands_out = np.maximum(
        *(_standing_out(image, diameter_px=diameter_px) for image in (nuclei, dead))
    )
    return _measured(_outlined(stands_out, diameter_px=diameter_px), nuclei, dead)


def join_nuclei(
    outlines: tuple[LabelImage, LabelImage],
    nuclei: NDArray[Any],
    dead: NDArray[Any],
    *,
    diameter_px: float,
) -> StainedNuclei:
    """Join the outlines that something else drew in each stain, and measure both stains.

    Parameters
    ----------
    outlines : (ndarray of int, ndarray of int), shape (Y, X)
        Nuclei in ``nuclei`` and in ``dead``. One that does not stand out of the noise of its own
        stain is left out, and so is one of the dead stain that lies on one of the other.
    nuclei, dead : ndarray, shape (Y, X)
    diameter_px : float
        Of a typical nucleus.
    """
    living, died = (
        _standing(labels, _standing_out(image, diameter_px=diameter_px))
        for labels, image in zip(outlines, (nuclei, dead), strict=True)
    )
    n = int(died.max(initial=0))
    covered = np.bincount(died[living > 0], minlength=n + 1)
    free = covered <= _ON_ANOTHER * np.bincount(died.ravel(), minlength=n + 1)
    free[0] = False
    number = np.where(free, np.cumsum(free) + living.max(initial=0), 0)
    labels = np.where(living > 0, living, number[died]).astype(np.int32)
    return _measured(labels, nuclei, dead)


def _standing(labels: LabelImage, light: FloatArray) -> LabelImage:
    """Return the labels that stand out somewhere, renumbered."""
    n = int(labels.max(initial=0))
    height = np.asarray(ndi.maximum(light, labels, np.arange(1, n + 1))).reshape(-1)
    keep = np.concatenate([[False], height > _SEEN])
    return np.asarray(np.where(keep, np.cumsum(keep), 0)[labels], dtype=np.int32)


def _measured(labels: LabelImage, nuclei: NDArray[Any], dead: NDArray[Any]) -> StainedNuclei:
    """Return nuclei 1..n with their brightness over what is around them."""
    n = int(labels.max(initial=0))
    index = np.arange(1, n + 1)
    around = _rings(labels)
    levels = [_over_ring(image, labels, around, index) for image in (nuclei, dead)]
    middle = np.array(ndi.center_of_mass(labels > 0, labels, index)).reshape(-1, 2)
    area = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    # The mean of a nucleus is as uncertain as that of its ring, which glow makes uneven.
    floor = 4 * noise_of(dead) / np.sqrt(max(float(np.median(area)) if n else 1.0, 1.0))
    return StainedNuclei(
        labels=labels,
        y=middle[:, 0],
        x=middle[:, 1],
        area=area,
        hoechst=levels[0],
        dead=levels[1],
        floor=floor,
    )


def measure_diameter(nuclei: NDArray[Any]) -> float | None:
    """Return the diameter of a typical nucleus of an image, or ``None`` where there is none."""
    guess: float | None = _bright_diameter(nuclei)
    for _ in range(2):
        if guess is None:
            return None
        labels = _outlined(_standing_out(nuclei, diameter_px=guess), diameter_px=guess)
        area = np.bincount(labels.ravel())[1:]
        guess = float(2 * np.sqrt(np.median(area) / np.pi)) if len(area) else None
    return guess if guess is None else max(guess, 3.0)


def _bright_diameter(nuclei: NDArray[Any]) -> float | None:
    """Return the diameter of what is bright, as a beginning."""
    light = _standing_out(nuclei, diameter_px=_FIRST_GUESS)
    seen = light > _SEEN
    if not seen.any():
        return None
    values = np.log(light[seen])
    bins = Bins(float(values.min()), float(values.max()) + 1e-6, 128)
    bright = light > np.exp(bins.otsu(bins.count(values)))
    labels, _ = ndi.label(ndi.binary_opening(ndi.binary_fill_holes(bright)))
    area = np.sort(np.bincount(labels.ravel())[1:].astype(np.float64))
    if not len(area):
        return None
    # Specks are many and small: half of the bright area lies in larger ones than this.
    typical = area[np.searchsorted(np.cumsum(area), area.sum() / 2)]
    return float(2 * np.sqrt(typical / np.pi))


def threshold_nuclei(
    nuclei: NDArray[Any],
    dead: NDArray[Any],
    thresholds: tuple[float, float],
    *,
    least_px: float,
) -> StainedNuclei:
    """Return what is brighter than a threshold in each stain, closed; the dead stain wins.

    Parameters
    ----------
    nuclei, dead : ndarray, shape (Y, X)
    thresholds : (float, float)
        Of the two images.
    least_px : float
        Smaller pieces are specks; 0 keeps all, as published.

    Returns
    -------
    StainedNuclei
        ``dead`` is the light over the threshold: 0 or more in nuclei that the dead stain shows.
    """
    ellipse = ndi.generate_binary_structure(2, 1)
    shown = [
        ndi.binary_closing(image > t, ellipse) & (image > 0)
        for image, t in zip((nuclei, dead), thresholds, strict=True)
    ]
    parts = [_kept(ndi.label(s)[0], least=least_px) for s in (shown[0] & ~shown[1], shown[1])]
    living, died = parts
    n_living, n_died = (int(p.max(initial=0)) for p in parts)
    labels = np.where(died > 0, died + n_living, living).astype(np.int32)
    n = n_living + n_died
    index = np.arange(1, n + 1)
    middle = np.array(ndi.center_of_mass(labels > 0, labels, index)).reshape(-1, 2)
    return StainedNuclei(
        labels=labels,
        y=middle[:, 0],
        x=middle[:, 1],
        area=np.bincount(labels.ravel(), minlength=n + 1)[1:],
        hoechst=np.asarray(ndi.mean(nuclei, labels, index)).reshape(-1) - thresholds[0],
        # Closing takes in pixels below the threshold, which do not make a nucleus alive.
        dead=np.where(
            index > n_living,
            np.maximum(np.asarray(ndi.mean(dead, labels, index)).reshape(-1) - thresholds[1], 0),
            -1.0,
        ),
        floor=0.0,
    )


def _standing_out(image: NDArray[Any], *, diameter_px: float) -> FloatArray:
    """Return the smoothed light over the local background, in standard deviations of its noise."""
    light = image.astype(np.float32) - local_background(image, step_px=round(4 * diameter_px))
    sigma = max(0.8, diameter_px / 8)
    smooth = ndi.gaussian_filter(light, sigma, truncate=3)
    return np.asarray(smooth / (noise_of(image) / (2 * np.sqrt(np.pi) * sigma)))


def _outlined(light: FloatArray, *, diameter_px: float) -> LabelImage:
    """Return nuclei: basins around peaks, each cut at a share of its own height."""
    smooth = ndi.gaussian_filter(light, diameter_px / 7, truncate=3)
    seen = smooth > _SEEN
    peaks = peak_local_max(
        smooth, min_distance=max(2, round(0.4 * diameter_px)), labels=seen.astype(np.int32),
        exclude_border=False,
    )  # fmt: skip
    markers = np.zeros(light.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    basins = watershed(-smooth, markers, mask=seen)
    height = np.concatenate([[np.inf], smooth[tuple(peaks.T)]])
    labels = np.where(light > _EDGE * height[basins], basins, 0).astype(np.int32)
    return _kept(labels, least=_LEAST_AREA * np.pi / 4 * diameter_px**2)


def _kept(labels: LabelImage, *, least: float) -> LabelImage:
    """Return the labels that are large enough, filled and renumbered."""
    area = np.bincount(labels.ravel())
    keep = area >= least
    keep[0] = False
    number = np.where(keep, np.cumsum(keep), 0)
    return np.asarray(number[labels], dtype=np.int32)


def _rings(labels: LabelImage) -> LabelImage:
    near, far = (expand_labels(labels, r) for r in _RING)
    return np.where(near == 0, far, 0)


def _over_ring(
    image: NDArray[Any], labels: LabelImage, around: LabelImage, index: IntArray
) -> FloatArray:
    if not len(index):
        return np.zeros(0)
    inside = np.asarray(ndi.mean(image, labels, index))
    beside = np.asarray(ndi.median(image, around, index), dtype=np.float64)
    has_ring = np.bincount(around.ravel(), minlength=len(index) + 1)[1:] > 0
    usual = float(np.percentile(image, 30))
    return inside - np.where(has_ring, beside, usual)


def cell_area(bright_field: NDArray[Any], *, nucleus_px: float) -> BoolArray:
    """Return where cells are, by the gradient of bright field.

    The published steps (Sobel, threshold, two dilations, two erosions, filling) with three
    changes. Light is evened first. An edge is what exceeds four times the peak of the gradient's
    histogram, which is that of noise alone (a Rayleigh distribution), and 0.45 of what strong
    edges reach: halos reach far beyond their cells. Holes are what the border of the image does
    not reach, wherever cells lie.

    Parameters
    ----------
    bright_field : ndarray, shape (Y, X)
    nucleus_px : float
        Diameter of a nucleus.
    """
    magnitude = gradient(bright_field)
    high = float(np.percentile(magnitude, 99.9))
    if high <= 0:
        return np.zeros(bright_field.shape, dtype=np.bool_)
    bins = Bins(0.0, high, 400)
    counts = ndi.gaussian_filter1d(bins.count(magnitude).astype(np.float64), 2)
    peak = float(bins.centre[int(np.argmax(counts[:-1]))])
    seen = magnitude > 4 * peak
    if not seen.any():
        return seen
    edge = max(4 * peak, _EDGE * float(np.percentile(magnitude[seen], 90)))
    return closed_area(magnitude > edge, least=0.6 * nucleus_px**2)


def gradient(bright_field: NDArray[Any]) -> FloatArray:
    """Return the Sobel magnitude of evened light, a little smoothed, shape (Y, X)."""
    image = bright_field.astype(np.float32)
    even = image / np.maximum(local_background(image, step_px=64), 1.0)
    smooth = ndi.gaussian_filter(even, 1.0, truncate=3)
    return np.asarray(np.hypot(ndi.sobel(smooth, 0), ndi.sobel(smooth, 1)))


def closed_area(edges: BoolArray, *, least: float) -> BoolArray:
    """Return edges closed, filled, without pieces below ``least`` px."""
    ellipse = ndi.generate_binary_structure(2, 1)
    padded = np.pad(edges, 2)
    closed = ndi.binary_erosion(ndi.binary_dilation(padded, ellipse, 2), ellipse, 2)
    filled = ndi.binary_fill_holes(closed)[2:-2, 2:-2]
    filled = ndi.binary_opening(filled, ellipse)
    pieces, n = ndi.label(filled)
    keep = np.bincount(pieces.ravel(), minlength=n + 1) >= least
    keep[0] = False
    return np.asarray(keep[pieces])


def published_area(bright_field: NDArray[Any], *, block_px: int, factor: float) -> BoolArray:
    """Return the cell area as published, flood fill from the first pixel included."""
    image = bright_field.astype(np.float32)
    magnitude = np.hypot(ndi.sobel(image, 0), ndi.sobel(image, 1))
    edges = magnitude > published_threshold(magnitude, block_px=block_px, factor=factor)
    ellipse = ndi.generate_binary_structure(2, 1)
    closed = ndi.binary_erosion(ndi.binary_dilation(edges, ellipse, 2), ellipse, 2)
    outside, _ = ndi.label(~closed)
    reached = outside == outside[0, 0] if outside[0, 0] else np.zeros_like(closed)
    return np.asarray(~reached)
