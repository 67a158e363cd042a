"""Cut crops with boxes out of images; a crop depends on the seed and its number alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import PlaneStatistics, plane_statistics
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import one_tile, read_tile
from fatescope.prepare import read_boxes, read_plane
from fatescope.systems.live_dead.training.network import STRIDE_PX
from fatescope.train.crops import degrade, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.prepare import Sample
    from fatescope.systems.live_dead.training.settings import BoxCropSettings

TARGETS = ("centre", "y0", "x0", "y1", "x1", "second", "inside", "known")
"""Maps of a crop, on the grid of points: heat of a centre, the box and class there, where they
count, and where it is known whether there is a centre."""

_SPREAD = 6.0
"""A centre's heat falls with a standard deviation of its box's sides divided by this."""
_LEAST_SPREAD_PX = 3.0
_CENTRAL = 0.5
"""Box and class are trained where the heat is above this."""
_CLOSE = (0.85, 1.18)  # ratios that are close to the working size: 0.85 and 1 / 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPlane:
    """One image with its boxes; pixels are as stored."""

    pixels: NDArray[Any]
    statistics: PlaneStatistics
    corners: FloatArray  # (n, 4)
    second: BoolArray  # (n,) whether a box is of the second class
    diameter_px: float  # median of its kind of image

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]


def load_box_planes(
    samples: Sequence[Sample], *, classes: tuple[str, str], usual_px: float
) -> list[BoxPlane]:
    """Read images and boxes.

    Parameters
    ----------
    samples : sequence of Sample
    classes : tuple of str
        What the tables call the two classes.
    usual_px : float
        Diameter of the cells of a kind of image that shows none.

    Raises
    ------
    InputError
        If there is none, a sample has no boxes, or a box is of another class.
    """
    if not samples:
        raise InputError(
            "there is no sample to learn from. Check the column `split` of samples.csv."
        )
    other = next((s for s in samples if s.role != "boxes"), None)
    if other is not None:
        raise InputError(f"{other.image}: its role is {other.role}, and boxes are needed here.")
    boxes = read_boxes(samples)
    for sample, own in zip(samples, boxes, strict=True):
        unknown = sorted(set(own.classes.tolist()) - set(classes))
        if unknown:
            raise InputError(
                f"{sample.labels}: class {unknown[0]!r} is none of {', '.join(classes)}. Say in "
                "the recipe what the classes are called."
            )
    size = kind_diameters(samples)
    planes = []
    for sample, own in zip(samples, boxes, strict=True):
        pixels = read_plane(sample.image)
        planes.append(
            BoxPlane(
                pixels=pixels,
                statistics=plane_statistics(lambda p=pixels: [p], percentiles=PERCENTILES),  # type: ignore[misc]
                corners=own.corners,
                second=own.classes == classes[1],
                diameter_px=size.get(sample.kind, usual_px),
            )
        )
    return planes


def kind_diameters(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the median mean side of boxes (px) for each kind of image that has any."""
    sides: dict[str, list[FloatArray]] = {}
    for sample, own in zip(samples, read_boxes(samples), strict=True):
        if len(own):
            side = (own.corners[:, 2:] - own.corners[:, :2]).mean(axis=1)
            sides.setdefault(sample.kind, []).append(side)
    return {kind: float(np.median(np.concatenate(parts))) for kind, parts in sides.items()}


class BoxCrops:
    """All crops of a training run, by number."""

    def __init__(self, planes: Sequence[BoxPlane], *, settings: BoxCropSettings, seed: int) -> None:
        self._planes = list(planes)
        self._settings = settings
        self._seed = seed
        self._with_second = [p for p in planes if p.second.any()]

    def crop(self, number: int) -> tuple[FloatArray, FloatArray]:
        """Return crop ``number``: image (1, Y, X) and `TARGETS` (8, Y / 4, X / 4)."""
        rng = np.random.default_rng((self._seed, number))
        settings = self._settings
        if rng.random() < settings.empty:
            image = nothing(settings.size_px, rng)
            known = np.ones(image.shape, np.bool_)
            boxes: FloatArray = np.zeros((0, 4))
            second: BoolArray = np.zeros(0, np.bool_)
        else:
            wanted = bool(self._with_second) and rng.random() < settings.on_class
            planes = self._with_second if wanted else self._planes
            plane = planes[rng.integers(len(planes))]
            image, boxes, second, known = self._cut(plane, wanted, rng)
        image = degrade(image, settings=settings, rng=rng)
        target = box_targets(boxes, second, known, least_seen=settings.least_seen)
        return np.ascontiguousarray(image[None], dtype=np.float32), target

    def _cut(
        self, plane: BoxPlane, wanted: bool, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
        settings, side = self._settings, self._settings.size_px
        low, high = np.log(_CLOSE if rng.random() < settings.as_is else settings.zoom)
        zoom = settings.diameter_px / plane.diameter_px * np.exp(rng.uniform(low, high))
        stretch = np.exp(rng.uniform(-settings.stretch, settings.stretch) / 2)
        scale = (float(zoom * stretch), float(zoom / stretch))
        lengths = [working_length(n, s) for n, s in zip(plane.shape, scale, strict=True)]
        centre = rng.uniform(0, lengths)
        if wanted:
            chosen = plane.corners[plane.second][rng.integers(int(plane.second.sum()))]
            centre = (chosen[:2] + chosen[2:]) / 2 * scale + rng.uniform(-0.3, 0.3, 2) * side
        starts = [
            round(float(np.clip(c - side / 2, min(0, n - side), max(0, n - side))))
            for c, n in zip(centre, lengths, strict=True)
        ]
        grid = one_tile(plane.shape, scale, (side, side))
        image = read_tile(plane.pixels, grid, plane.statistics, *starts)
        boxes = plane.corners * np.tile(scale, 2) - np.tile(starts, 2)
        inside = [
            (np.arange(s, s + side) >= 0) & (np.arange(s, s + side) < n)
            for s, n in zip(starts, lengths, strict=True)
        ]
        known = np.logical_and.outer(*inside)
        if rng.random() < 0.5:
            image, known = image[:, ::-1], known[:, ::-1]
            boxes = np.stack(
                [boxes[:, 0], side - boxes[:, 3], boxes[:, 2], side - boxes[:, 1]], axis=1
            )
        for _ in range(int(rng.integers(4))):
            image, known = np.rot90(image), np.rot90(known)
            boxes = np.stack(
                [side - boxes[:, 3], boxes[:, 0], side - boxes[:, 1], boxes[:, 2]], axis=1
            )
        return image, boxes, plane.second, known


def box_targets(
    corners: FloatArray, second: BoolArray, known: BoolArray, *, least_seen: float
) -> FloatArray:
    """Draw `TARGETS`, (8, Y / 4, X / 4), of boxes in pixels of a crop.

    Parameters
    ----------
    corners : ndarray of float, shape (n, 4)
        May lie outside, wholly or in part.
    second : ndarray of bool, shape (n,)
    known : ndarray of bool, shape (Y, X)
        False beyond the image.
    least_seen : float
        A box of which less is seen is neither a cell nor none.
    """
    rows, columns = (n // STRIDE_PX for n in known.shape)
    y, x = ((np.arange(n) + 0.5) * STRIDE_PX for n in (rows, columns))
    out = np.zeros((len(TARGETS), rows, columns), np.float32)
    out[7] = known[STRIDE_PX // 2 :: STRIDE_PX, STRIDE_PX // 2 :: STRIDE_PX][:rows, :columns]
    limits = np.tile(_extent(known), (len(corners), 1))
    cut = np.stack(
        [
            np.maximum(corners[:, 0], limits[:, 0]),
            np.maximum(corners[:, 1], limits[:, 1]),
            np.minimum(corners[:, 2], limits[:, 2]),
            np.minimum(corners[:, 3], limits[:, 3]),
        ],
        axis=1,
    )
    whole = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    seen = np.prod(np.maximum(cut[:, 2:] - cut[:, :2], 0), axis=1) / whole
    for i in _largest_first(cut):
        if seen[i] <= 0:
            continue
        y0, x0, y1, x1 = cut[i]
        if seen[i] < least_seen:
            inside = (y >= y0)[:, None] & (y < y1)[:, None] & (x >= x0) & (x < x1)
            out[7][inside] = 0
            continue
        spread = [max(s / _SPREAD, _LEAST_SPREAD_PX) for s in (y1 - y0, x1 - x0)]
        away_y = ((y - (y0 + y1) / 2) / spread[0]) ** 2
        away_x = ((x - (x0 + x1) / 2) / spread[1]) ** 2
        heat = np.exp(-(away_y[:, None] + away_x) / 2).astype(np.float32)
        heat[np.unravel_index(int(heat.argmax()), heat.shape)] = 1.0
        mine = (heat > _CENTRAL) & (heat >= out[0])
        out[0] = np.maximum(out[0], heat)
        for k, value in enumerate((y0, x0, y1, x1, float(second[i])), start=1):
            out[k][mine] = value
        out[6][mine] = heat[mine]
    out[6] *= out[7]
    return out


def _extent(known: BoolArray) -> FloatArray:
    """Return y0, x0, y1, x1 of what is known, a rectangle."""
    rows, columns = (np.flatnonzero(known.any(axis=a)) for a in (1, 0))
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], dtype=np.float64)


def _largest_first(corners: FloatArray) -> IntArray:
    """Return the order in which boxes are drawn: a small one in a large one keeps its points."""
    area = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), axis=1)
    return np.argsort(-area, kind="stable")
