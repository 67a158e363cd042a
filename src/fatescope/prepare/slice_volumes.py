"""Volumes of training: slices put back together, or a file that holds all planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.base import FileFormatError, InputError
from fatescope.prepare.pixels import read_label_plane, read_plane
from fatescope.prepare.slices import plane_name_parts
from fatescope.prepare.volumes import labels_on_grid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.prepare.store import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceVolume:
    """A volume, its labels, and which of its planes are samples.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
    labels : ndarray of int32, the same shape
    planes : tuple of int
        Indices of the samples, in their order; of a file that holds a volume, all.
    samples : tuple of Sample
        One for each plane, or the one of the file.
    spacing_um : tuple of float, optional
        Z, Y, X, where the file says it.
    """

    pixels: NDArray[Any]
    labels: NDArray[np.int32]
    planes: tuple[int, ...]
    samples: tuple[Sample, ...]
    spacing_um: tuple[float, ...] | None = None

    @property
    def unit(self) -> str:
        """Embryo and time, or the unit of a single plane."""
        first = self.samples[0]
        return first.unit if first.frame is None else f"{first.unit}@{first.frame}"


def group_slices(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Return the samples of each volume together, in order; a plane of no volume stays alone."""
    volumes: dict[Any, list[Sample]] = {}
    for i, s in enumerate(samples):
        key = i if s.plane is None else (s.image.parent, s.embryo, s.time)
        volumes.setdefault(key, []).append(s)
    return list(volumes.values())


def read_slice_volume(samples: Sequence[Sample]) -> SliceVolume:
    """Read the volume of some slices, with its planes that are no samples.

    Parameters
    ----------
    samples : sequence of Sample
        Of one volume, as `group_slices` gives them. Its other planes lie beside them, under the
        names that `prepare slices` gives; those that lack are not missed. A sample that is no
        plane of a volume is a file: a plane, or a volume with its labels, which may lie on another
        grid that covers the same space.

    Raises
    ------
    InputError
        If planes differ in shape.
    FileFormatError
        If a file holds several channels or frames, or its labels are of another kind.
    """
    first = samples[0]
    if first.plane is None:
        image = read_image(first.image)
        if image.size("Z") > 1:
            return _whole_volume(image, first)
        return SliceVolume(
            pixels=read_plane(first.image)[None],
            labels=read_label_plane(first.labels)[None],
            planes=(0,),
            samples=tuple(samples),
        )
    files = _planes_beside(first)
    order = sorted(files)
    pixels = [read_plane(files[z][0]) for z in order]
    labels = [read_label_plane(files[z][1]) for z in order]
    if len({p.shape for p in (*pixels, *labels)}) > 1:
        raise InputError(f"{first.image.parent}: its planes differ in size. Cut them again.")
    return SliceVolume(
        pixels=np.stack(pixels),
        labels=np.stack(labels),
        planes=tuple(order.index(s.plane) for s in samples if s.plane is not None),
        samples=tuple(samples),
    )


def _whole_volume(image: Image, sample: Sample) -> SliceVolume:
    """Read a file that holds a volume, and its labels on the same grid."""
    labels = read_labels(sample.labels)
    for found in (image, labels):
        several = {axis: found.size(axis) for axis in "TC" if found.size(axis) > 1}
        if several or "Z" not in found.axes:
            said = ", ".join(f"{n} along {axis}" for axis, n in several.items()) or "no planes"
            raise FileFormatError(
                f"{found.name}: a volume of training has planes, rows and columns of one channel, "
                f"and this file has {said}. Save the channel with membranes alone."
            )
    pixels, fine = (
        i.read(**{axis: 0 for axis in i.axes if axis not in "ZYX"}) for i in (image, labels)
    )
    return SliceVolume(
        pixels=pixels,
        labels=labels_on_grid(fine, pixels.shape).astype(np.int32),
        planes=tuple(range(len(pixels))),
        samples=(sample,),
        spacing_um=image.spacing.um("ZYX"),
    )


def _planes_beside(sample: Sample) -> dict[int, tuple[Path, Path]]:
    """Return image and labels by plane, of the volume to which a sample belongs."""
    files: dict[int, tuple[Path, Path]] = {}
    for image in sorted(sample.image.parent.glob(f"*{sample.image.suffix}")):
        name = plane_name_parts(image.stem)
        labels = sample.labels.parent / f"{image.stem}{sample.labels.suffix}"
        if name is not None and name[:2] == (sample.embryo, sample.time) and labels.is_file():
            files[name[2]] = image, labels
    if sample.plane is not None:
        files[sample.plane] = sample.image, sample.labels
    return files
