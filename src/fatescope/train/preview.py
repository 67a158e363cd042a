"""What the network will be shown: originals beside augmented crops of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fatescope.base import InputError
from fatescope.predict.normalise import normalise
from fatescope.prepare.store import write_image_file
from fatescope.train.crops import CropSource
from fatescope.train.planes import load_planes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.prepare.store import Sample
    from fatescope.train.planes import TrainingPlane
    from fatescope.train.settings import CropSettings

VERSIONS = 50
"""Augmented versions of one image, as many as the notebook of 2020 drew."""
_ROWS, _PAIRS, _COLUMNS = 4, 4, 10  # images; crops of each; versions in a row
_GAP = 4  # px
_MAGENTA, _GREEN, _WHITE = (204, 121, 167), (0, 158, 115), 255  # of Okabe and Ito


def draw_preview(
    samples: Sequence[Sample], *, settings: CropSettings, seed: int
) -> NDArray[np.uint8]:
    """Draw up to four originals, each beside four augmented crops and their targets.

    Parameters
    ----------
    samples : sequence of Sample
        Images are taken from all over the list.
    settings : CropSettings
    seed : int

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        A row for each image: the whole original, shrunk to the side of a crop, with the outlines
        of its labels in green; then crops, each followed by its targets: distance in grey,
        outlines of the foreground in green and touching borders in magenta.
    """
    if not samples:
        raise InputError("there is no training image to draw. Check the shares of the division.")
    spread = np.linspace(0, len(samples) - 1, min(_ROWS, len(samples))).round().astype(int)
    rows = []
    for i in spread:
        source, plane = _source(samples[i], settings, seed)
        crops = [source.crop(k) for k in range(_PAIRS)]
        shown = [_original(plane, settings.size_px)]
        shown += [tile for image, target in crops for tile in (_grey(image), _targets(target))]
        rows.append(np.concatenate([_framed(tile) for tile in shown], axis=1))
    return np.concatenate(rows, axis=0)


def draw_versions(sample: Sample, *, settings: CropSettings, seed: int) -> NDArray[np.uint8]:
    """Draw one original, large, and below it 50 augmented crops of it.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        Outlines of labels in green, in the original and in each crop.
    """
    source, plane = _source(sample, settings, seed)
    tiles = [_framed(_outlined(*source.crop(k))) for k in range(VERSIONS)]
    rows = [np.concatenate(tiles[k : k + _COLUMNS], axis=1) for k in range(0, VERSIONS, _COLUMNS)]
    head = _framed(_original(plane, 3 * settings.size_px))
    wide = ((0, 0), (0, rows[0].shape[1] - head.shape[1]), (0, 0))
    return np.concatenate([np.pad(head, wide, constant_values=_WHITE), *rows], axis=0)


def write_preview(path: Path, samples: Sequence[Sample], *, settings: CropSettings) -> None:
    """Write the sheet of `draw_preview` as a PNG."""
    write_image_file(path, draw_preview(samples, settings=settings, seed=0))


def write_versions(path: Path, sample: Sample, *, settings: CropSettings) -> None:
    """Write the sheet of `draw_versions` as a PNG."""
    write_image_file(path, draw_versions(sample, settings=settings, seed=0))


def _source(sample: Sample, settings: CropSettings, seed: int) -> tuple[CropSource, TrainingPlane]:
    planes = load_planes([sample], working_px=settings.diameter_px)
    return CropSource(planes, settings=settings, seed=seed), planes[0]


def _original(plane: TrainingPlane, side: int) -> NDArray[np.uint8]:
    """Return the whole image in the middle of a square, with the outlines of its labels."""
    height, width = plane.pixels.shape
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    scaled = normalise(plane.pixels, plane.statistics)
    small = np.asarray(cv2.resize(scaled, size, interpolation=interpolation), np.float32)
    labels = cv2.resize(plane.labels.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    rgb = _grey(small[None])
    rgb[_edges(labels)] = _GREEN
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square = np.full((side, side, 3), _WHITE, np.uint8)
    square[top : top + size[1], left : left + size[0]] = rgb
    return square


def _grey(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.clip(image[0] * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _outlined(image: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.uint8]:
    rgb = _grey(image)
    rgb[_edges(target[0] > 0)] = _GREEN
    return rgb


def _targets(target: NDArray[np.float32]) -> NDArray[np.uint8]:
    truth = np.repeat((target[1] * 160)[..., None].astype(np.uint8), 3, axis=2)
    truth[_edges(target[0] > 0)] = _GREEN
    truth[target[2] > 0] = _MAGENTA
    return truth


def _framed(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(tile, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=_WHITE)


def _edges(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return pixels whose neighbour above, below, left or right is another, smaller label."""
    edge = np.zeros(labels.shape, bool)
    edge[1:] |= labels[1:] > labels[:-1]
    edge[:-1] |= labels[:-1] > labels[1:]
    edge[:, 1:] |= labels[:, 1:] > labels[:, :-1]
    edge[:, :-1] |= labels[:, :-1] > labels[:, 1:]
    return edge
