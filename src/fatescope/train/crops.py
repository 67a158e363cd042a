"""Cut crops out of images: placed, turned, enlarged, degraded, and only then given targets.

A crop depends on the recipe's seed and its own number, and on nothing else: neither on the worker
that cuts it nor on the crops before it. So a continued run is equal to an unbroken one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import one_tile, read_tile
from fatescope.prepare.targets import centre_offsets, nucleus_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.train.planes import TrainingPlane
    from fatescope.train.settings import CropSettings, LightSettings

MARGIN_PX = 12
"""Seen around a crop while targets are computed, so that its edge does not cut distances."""

_UNEQUAL_SHARE = 0.5  # of crops (record 0136)
_HAZE_PX = 8  # reach of the haze around a nucleus; not measured


class CropSource:
    """All crops of a training run, by number.

    Parameters
    ----------
    planes : sequence of TrainingPlane
        What crops are cut from; kinds are balanced as ``settings.balance`` says.
    settings : CropSettings
        Sizes and ranges of the augmentation.
    seed : int
        Decides everything that is random here.
    """

    def __init__(
        self, planes: Sequence[TrainingPlane], *, settings: CropSettings, seed: int
    ) -> None:
        self._planes = list(planes)
        self._settings = settings
        self._seed = seed
        self._weights = plane_weights(planes, balance=settings.balance)

    def crop(self, number: int) -> tuple[FloatArray, FloatArray]:
        """Return crop ``number``.

        Returns
        -------
        image : ndarray of float32, shape (1, Y, X)
        target : ndarray of float32, shape (8, Y, X)
            Foreground, distance, border, offsets down and across; then 1 where foreground counts,
            1 where distance and border do, 1 where offsets do.
        """
        rng = np.random.default_rng((self._seed, number))
        if self._settings.empty and rng.random() < self._settings.empty:
            return self._empty(rng)
        plane = self._planes[rng.choice(len(self._planes), p=self._weights)]
        image, labels, known = cut(plane, settings=self._settings, rng=rng)
        if self._settings.unequal and rng.random() < _UNEQUAL_SHARE and self._is_dimmed(plane):
            image = unequal_brightness(image, labels, most=self._settings.unequal, rng=rng)
        image = degrade(image, settings=self._settings, rng=rng)
        targets = nucleus_targets(labels, border_px=self._settings.border_px).stack()
        offsets, whole = centre_offsets(labels)
        counts = known * plane.instances
        target = np.concatenate([targets, offsets, np.stack([known, counts, counts * whole])])
        inner = slice(MARGIN_PX, MARGIN_PX + self._settings.size_px)
        target = target[:, inner, inner].astype(np.float32)
        rim = self._settings.rim_px
        if rim:
            target[5:, :rim] = target[5:, -rim:] = 0
            target[5:, :, :rim] = target[5:, :, -rim:] = 0
        return np.ascontiguousarray(image[None, inner, inner]), target

    def _empty(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return a crop without anything, in which all is known to be background."""
        side = self._settings.size_px
        image = degrade(nothing(side, rng), settings=self._settings, rng=rng)
        target = np.zeros((8, side, side), np.float32)
        target[3:5], target[5:7] = 0.5, 1.0
        return np.ascontiguousarray(image[None]), target

    def _is_dimmed(self, plane: TrainingPlane) -> bool:
        return plane.instances and plane.complete


def plane_weights(planes: Sequence[TrainingPlane], *, balance: float) -> FloatArray:
    """Return how likely each image is: kinds by their nuclei to a power, alike within a kind."""
    kinds: dict[str, list[int]] = {}
    for i, p in enumerate(planes):
        kinds.setdefault(p.kind, []).append(i)
    weights = np.zeros(len(planes))
    for members in kinds.values():
        nuclei = sum(planes[i].n_nuclei for i in members)
        weights[members] = max(nuclei, 1) ** balance / len(members)
    return np.asarray(weights / weights.sum())


def cut(
    plane: TrainingPlane, *, settings: CropSettings, rng: np.random.Generator
) -> tuple[FloatArray, LabelImage, FloatArray]:
    """Cut a crop with its margin: seen as prediction sees it, then mirrored and rotated.

    Returns
    -------
    image : ndarray of float32
    labels : ndarray of int32
    known : ndarray of float32
        0 where the crop reaches beyond the image, which is mirrored there.
    """
    side = settings.size_px + 2 * MARGIN_PX
    low, high = np.log(settings.zoom)
    zoom = float(settings.diameter_px / plane.diameter_px * np.exp(rng.uniform(low, high)))
    stretch = np.sqrt(plane.stretch) if rng.random() < 0.5 else 1.0
    stretch = float(stretch * np.exp(rng.uniform(-settings.stretch, settings.stretch) / 2))
    angle = float(rng.uniform(0, 360)) if rng.random() < settings.turn else None
    quarters = int(rng.integers(4))
    mirrored = rng.random() >= 0.5
    centre = _centre(plane, side=side, zoom=zoom, settings=settings, rng=rng)
    wide = side if angle is None else math.ceil(side * math.sqrt(2))
    image, labels = read_window(
        plane, scale=(zoom * stretch, zoom / stretch), centre=centre, side=wide
    )
    if mirrored:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if angle is None:
        image, labels = np.rot90(image, quarters), np.rot90(labels, quarters)
    else:
        image, labels = _rotated(image, labels, angle=angle, side=side)
    known = labels >= 0
    return image, np.where(known, labels, 0), known.astype(np.float32)


def read_window(
    plane: TrainingPlane, *, scale: tuple[float, float], centre: FloatArray, side: int
) -> tuple[FloatArray, LabelImage]:
    """Return a square of the working grid around a point of the image.

    The pixels are those of `fatescope.predict.tiling.read_tile`: normalised, resampled and
    mirrored at the edge as in prediction.

    Parameters
    ----------
    plane : TrainingPlane
    scale : tuple of float
        Working pixels per input pixel, down and across.
    centre : ndarray, shape (2,)
        Column and row of the image.
    side : int
        In working pixels.

    Returns
    -------
    image : ndarray of float32, shape (side, side)
    labels : ndarray of int32, shape (side, side)
        Of the input pixel at the centre of each working pixel; -1 beyond the edge or unknown.
    """
    shape = (plane.labels.shape[0], plane.labels.shape[1])
    lengths = [working_length(n, s) for n, s in zip(shape, scale, strict=True)]
    starts = [
        round((at + 0.5) * s - side / 2) for at, s in zip(centre[::-1].tolist(), scale, strict=True)
    ]
    grid = one_tile(shape, scale, (side, side))
    image = read_tile(plane.pixels, grid, plane.statistics, *starts)
    at, inside = [], []
    for start, s, n, length in zip(starts, scale, shape, lengths, strict=True):
        index = np.arange(start, start + side)
        at.append(np.clip(((index + 0.5) / s).astype(np.intp), 0, n - 1))
        inside.append((index >= 0) & (index < length))
    labels = plane.labels[np.ix_(*at)]
    return image, np.where(np.logical_and.outer(*inside), labels, -1)


def _rotated(
    image: FloatArray, labels: LabelImage, *, angle: float, side: int
) -> tuple[FloatArray, LabelImage]:
    """Return the middle of a window, rotated about its centre; ``angle`` in degrees."""
    wide = len(image)
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), angle, 1.0)
    matrix[:, 2] -= (wide - side) / 2
    size, mirror = (side, side), cv2.BORDER_REFLECT_101
    around = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=mirror)
    shifted = (labels + 1).astype(np.float32)  # 0 beyond the window: unknown
    nearest = cv2.warpAffine(shifted, matrix, size, flags=cv2.INTER_NEAREST)
    return around, nearest.astype(np.int32) - 1


def _centre(
    plane: TrainingPlane,
    *,
    side: int,
    zoom: float,
    settings: CropSettings,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the crop's centre in the image (x, y), kept inside as far as the crop fits."""
    size = np.array(plane.labels.shape[::-1], float)
    centre = rng.uniform(0, size - 1)
    wanted = rng.random()
    if wanted < settings.on_touching and len(plane.touching):
        centre = plane.touching[rng.integers(len(plane.touching))][::-1].astype(float)
    elif wanted < settings.on_touching + settings.on_nucleus:
        columns = rng.integers(0, plane.labels.shape[1], 64)
        rows = rng.integers(0, plane.labels.shape[0], 64)
        hits = np.flatnonzero(plane.labels[rows, columns] > 0)
        if hits.size:
            centre = np.array([columns[hits[0]], rows[hits[0]]], float)
    # Not always in the middle of the crop, or the network could learn where to expect a nucleus.
    centre += rng.uniform(-0.3, 0.3, 2) * side / zoom
    half = np.minimum(side / 2 / zoom, size / 2)
    return np.clip(centre, half - 0.5, size - half - 0.5)


def degrade(image: FloatArray, *, settings: LightSettings, rng: np.random.Generator) -> FloatArray:
    """Change intensities as microscopes, stains and cameras do; geometry stays."""
    out = image
    if rng.random() < 0.6:
        gamma = np.exp(rng.uniform(*np.log(settings.gamma)))
        out = np.sign(out) * np.abs(out) ** np.float32(gamma)
    if rng.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), max(0.3, rng.uniform(0, settings.blur_px)))
    if rng.random() < 0.4:
        out = out + _slope(out.shape, rng) * rng.uniform(0, settings.offset)
    if rng.random() < 0.6:
        gain = np.exp(rng.uniform(*np.log(settings.gain)))
        out = out * gain + rng.uniform(-0.3, 0.6) * settings.offset
    if rng.random() < 0.5:
        out = out + _noise(out, rng) * rng.uniform(0, settings.noise)
    return np.asarray(out, np.float32)


def unequal_brightness(
    image: FloatArray, labels: LabelImage, *, most: float, rng: np.random.Generator
) -> FloatArray:
    """Dim and brighten nuclei, each with the haze around it, as stains and depth do.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
    labels : ndarray of int32, shape (Y, X)
    most : float
        Up to this, the standard deviation of the logarithm of the factors is drawn.
    rng : Generator

    Returns
    -------
    ndarray of float32
        What exceeds the background (the median outside of nuclei) times the factor of the nearest
        nucleus; from `_HAZE_PX` away on the factor fades to 1.
    """
    inside = labels > 0
    if not inside.any():
        return image
    spread = rng.uniform(0, most)
    gain = np.exp(rng.normal(0, spread, int(labels.max()) + 1)).astype(np.float32)
    away, zone = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nucleus_of = np.zeros(int(zone.max()) + 1, np.int32)
    nucleus_of[zone[inside]] = labels[inside]
    near = np.clip(2 - away / _HAZE_PX, 0, 1)
    factor = 1 + (gain[nucleus_of[zone]] - 1) * near
    factor = cv2.GaussianBlur(factor.astype(np.float32), (0, 0), 0.7)
    ground = np.float32(0 if inside.all() else np.median(image[~inside]))
    return np.asarray(ground + (image - ground) * factor, np.float32)


def nothing(side: int, rng: np.random.Generator) -> FloatArray:
    """Return an image that holds nothing, normalised: noise, uneven light, both."""
    grain = rng.standard_normal((side, side)).astype(np.float32)
    width = float(rng.choice([0.0, 0.7, 1.5, 3.0]))
    if width:
        grain = cv2.GaussianBlur(grain, (0, 0), width)
        grain /= max(float(grain.std()), 1e-6)
    turn = rng.uniform(0, 2 * np.pi)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    light = np.sin(turn) * ramp[:, None] + np.cos(turn) * ramp
    image = grain + light * rng.choice([0.0, 0.5, 3.0])
    return normalise_plane(image.astype(np.float32), percentiles=PERCENTILES)


def _slope(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return a plane from -1 to 1, falling in a random direction."""
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.linspace(-1, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])[None]
    return np.asarray((np.cos(turn) * x + np.sin(turn) * y) / np.sqrt(2), np.float32)


def _noise(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return noise of unit size: even, like photons, or coarse."""
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    kind = rng.integers(3)
    if kind == 0:
        return grain
    if kind == 1:
        return grain * np.sqrt(np.clip(image, 0.02, None))
    return np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.8) * 2.0, np.float32)
