"""Training images in memory: the stored pixels, their statistics and labels, ready to be cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import PlaneStatistics, plane_statistics
from fatescope.prepare.pixels import read_plane, read_truth
from fatescope.prepare.targets import nucleus_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import IntArray, LabelImage
    from fatescope.prepare.store import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlane:
    """One plane with its nuclei. Pixels are as stored; prediction's own functions scale them."""

    pixels: NDArray[Any]  # (Y, X), any real dtype
    statistics: PlaneStatistics
    labels: LabelImage  # (Y, X); -1 where nothing is known
    touching: IntArray  # (n, 2) rows and columns where two nuclei touch
    diameter_px: float  # median over the nuclei of its unit, of the circle of equal area
    n_nuclei: int
    kind: str
    stretch: float  # height of a pixel / its width
    instances: bool  # False: which nuclei touch is not known
    complete: bool  # False: dim nuclei may have no label


def median_diameter(labels: LabelImage) -> float:
    """Return the median diameter (px) of circles of equal area; NaN where there is no nucleus."""
    areas = _areas(labels)
    areas = areas[areas > 0]
    return float(np.median(2 * np.sqrt(areas / np.pi))) if areas.size else float("nan")


def unit_diameters(samples: Sequence[Sample]) -> list[float]:
    """Return for each sample the median diameter (px) of all nuclei of its unit.

    One slice of an embryo may show only the caps of two nuclei; how large nuclei are is known of
    the embryo. A unit without a nucleus has the median of the others, or NaN.
    """
    areas: dict[str, list[IntArray]] = {}
    for s in samples:
        found = _areas(read_truth(s))
        areas.setdefault(s.unit, []).append(found[found > 0])
    size = {}
    for unit, parts in areas.items():
        all_areas = np.concatenate(parts)
        if all_areas.size:
            size[unit] = float(np.median(2 * np.sqrt(all_areas / np.pi)))
    usual = float(np.median(list(size.values()))) if size else float("nan")
    return [size.get(s.unit, usual) for s in samples]


def _areas(labels: LabelImage) -> IntArray:
    """Return the area of each label from 1; what is unknown (negative) counts as background."""
    return np.bincount(np.maximum(labels, 0).ravel())[1:]


def load_plane(sample: Sample, *, diameter_px: float) -> TrainingPlane:
    """Read a sample.

    Parameters
    ----------
    sample : Sample
        Image and labels of one shape.
    diameter_px : float
        Median diameter of the nuclei of its unit.

    Raises
    ------
    InputError
        If the shapes of image and labels differ.
    """
    pixels, labels = read_plane(sample.image), read_truth(sample)
    if pixels.shape != labels.shape:
        raise InputError(
            f"{sample.image} has shape {pixels.shape}, but {sample.labels} has {labels.shape}. "
            "Labels must lie on the grid of their image."
        )
    height, width = sample.pixel_size or (1.0, 1.0)
    return TrainingPlane(
        pixels=pixels,
        statistics=plane_statistics(lambda: [pixels], percentiles=PERCENTILES),
        labels=labels,
        touching=_touching_points(labels),
        diameter_px=diameter_px,
        n_nuclei=int(np.count_nonzero(_areas(labels))),
        kind=sample.kind,
        stretch=height / width,
        instances=sample.role == "instances",
        complete=sample.complete,
    )


def load_planes(samples: Iterable[Sample], *, working_px: float) -> list[TrainingPlane]:
    """Read samples; each is as large as the median nucleus of its unit says.

    Scores are made at that size too: one image may show only the caps of two nuclei.
    """
    chosen = list(samples)
    if not chosen:
        raise InputError(
            "there is no sample to learn from. Check the column `split` of samples.csv."
        )
    sizes = np.nan_to_num(unit_diameters(chosen), nan=working_px)
    return [load_plane(s, diameter_px=float(d)) for s, d in zip(chosen, sizes, strict=True)]


def _touching_points(labels: LabelImage) -> IntArray:
    points = np.argwhere(nucleus_targets(np.maximum(labels, 0), border_px=1.5).border)
    return points[:: max(1, len(points) // 2000)]
