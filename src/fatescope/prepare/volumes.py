"""Volumes with labels of one embryo over time: which belong together, and on which grid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.name_pattern import Kind, NamePattern
from fatescope.base import InputError, WorkUnit, setting
from fatescope.base.steps import StepsUm
from fatescope.prepare.splits import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import LabelImage

WALL_UM = 0.45
"""Background nearer than this to a cell is its wall: the reference leaves one or two voxels of
0.225 µm between cells."""
_LOSSY = (".jpg", ".jpeg")


class SliceSettings(SplitSettings):
    """Which volumes become slices, and how they are divided by time."""

    images: str = setting(
        "raw/membt{frame}.mat", "volumes below the folder; {frame} is the time, {embryo} the name"
    )
    labels: str = setting(
        "labels/T{frame}_membSeg.mat", "label volumes below the folder; their grid may be another"
    )
    embryo: str = setting("", "name of the embryo; default: of the folder")
    axes: str | None = setting(None, "axes of the volumes and labels, letters out of TCZYX")
    spacing_um: StepsUm = setting("0.43,0.18,0.18", "voxel of the volumes, Z,Y,X", unit="µm")
    nuclei: str = setting("nuclei/nuclei.csv", "table of nuclei below the folder, if there is one")
    nuclei_scale: float = setting(
        0.5, "pixels of the volumes for each pixel that the table of nuclei counts", gt=0
    )
    rendered: str = setting(
        "",
        "folders from `simulate embryo`, with commas between: their volumes are added for training",
    )
    preview: bool = setting(
        False, "draw a plane as the published preparations and as this one have it: preview.png"
    )
    licence: str = setting("", "what may be done with the data, for those who get the folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(WorkUnit):
    """A volume and its labels at one time of one embryo."""

    embryo: str
    time: int
    image: Path
    labels: Path

    @property
    def key(self) -> str:
        """Its name: embryo and time."""
        return f"{self.embryo}_t{self.time:03d}"

    @property
    def paths(self) -> tuple[Path, Path]:
        """The volume and its labels."""
        return self.image, self.labels

    def __str__(self) -> str:
        return str(self.image)


def find_volumes(folder: Path, *, settings: SliceSettings) -> list[Volume]:
    """Find volumes and their labels by the names of the files.

    Returns
    -------
    list of Volume
        By embryo and time.

    Raises
    ------
    InputError
        If there is none, one has no labels, or labels are JPEG.
    """
    given = settings.embryo or folder.resolve().name
    images = _matching(folder, settings.images, given)
    if not images:
        raise InputError(
            f"{folder} holds no volume named {settings.images}. Say with --images how they are "
            "named; {frame} stands for the time."
        )
    labels = _matching(folder, settings.labels, given)
    for path in labels.values():
        refuse_lossy(path)
    lacking = [path for key, path in images.items() if key not in labels]
    if lacking:
        raise InputError(
            f"{lacking[0]} has no labels named {settings.labels}. Add them, or say with --labels "
            "how they are named."
        )
    return [
        Volume(embryo=embryo, time=time, image=path, labels=labels[embryo, time])
        for (embryo, time), path in sorted(images.items())
    ]


def refuse_lossy(path: Path) -> None:
    """Raise where label numbers lie in a format that changes them.

    Raises
    ------
    InputError
    """
    if path.suffix.lower() in _LOSSY:
        raise InputError(
            f"{path}: labels cannot be JPEG. It rounds numbers to their surroundings, so walls "
            "close and cells get new numbers. Give PNG, TIFF or MATLAB files."
        )


def _matching(folder: Path, pattern: str, embryo: str) -> dict[tuple[str, int], Path]:
    """Return the files that fit a pattern, by embryo and time."""
    if pattern.count("{frame}") != 1 or pattern.count("{embryo}") > 1:
        raise InputError(f"{pattern!r} must hold {{frame}} once, and {{embryo}} at most once.")
    kinds: dict[str, Kind] = {"frame": "digits", "embryo": "text", "*": "any"}
    form = NamePattern.of(pattern, kinds, greedy=True, only=True)
    found: dict[tuple[str, int], Path] = {}
    for path in sorted(folder.glob(re.sub(r"\{frame\}|\{embryo\}", "*", pattern))):
        values = form.read(path.relative_to(folder).as_posix())
        if values is None:
            continue
        key = values.get("embryo", embryo), int(values["frame"])
        if key in found:
            raise InputError(f"{found[key]} and {path} have one time. Leave one out.")
        found[key] = path
    return found


def labels_on_grid(labels: LabelImage, shape: Sequence[int]) -> LabelImage:
    """Take labels over to another grid that covers the same space.

    Parameters
    ----------
    labels : ndarray of int
    shape : sequence of int
        Of the other grid, as many axes.

    Returns
    -------
    ndarray of int, shape ``shape``
        Each voxel has the label in which its centre lies: along an axis of ``n`` voxels, centre
        ``i`` is at ``(i + 0.5) * len(labels) / n - 0.5``, worked out in whole numbers.

    Raises
    ------
    InputError
        If the grids have other numbers of axes.

    Examples
    --------
    >>> labels_on_grid(np.array([1, 2, 3]), (6,)).tolist()
    [1, 1, 2, 2, 3, 3]
    """
    if labels.ndim != len(shape):
        raise InputError(f"labels of shape {labels.shape} do not fit a volume of {tuple(shape)}.")
    index = [
        (2 * np.arange(n) + 1) * m // (2 * n) for n, m in zip(shape, labels.shape, strict=True)
    ]
    return np.asarray(labels[np.ix_(*index)])


def parts_of_embryo(labels: LabelImage, spacing_um: Sequence[float]) -> NDArray[np.uint8]:
    """Derive walls and interiors from labels that leave walls out.

    Parameters
    ----------
    labels : ndarray of int, shape (Z, Y, X)
        0 = background and walls.
    spacing_um : sequence of float

    Returns
    -------
    ndarray of uint8
        0 outside, 1 inside of a cell, 2 wall (between cells, and around them): background within
        `WALL_UM` of a cell.
    """
    from scipy.ndimage import distance_transform_edt

    outside = labels == 0
    if outside.all():
        return np.zeros(labels.shape, dtype=np.uint8)
    distance = distance_transform_edt(outside, sampling=spacing_um)
    return np.where(outside, np.where(distance <= WALL_UM, 2, 0), 1).astype(np.uint8)
